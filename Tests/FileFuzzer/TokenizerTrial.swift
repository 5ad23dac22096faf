import Foundation
import Swage
import SwageText

/// Encodes texts with one tokenizer, for a comparison with the tokenizers library.
struct TokenizerTrial {
    let path: String

    func run() throws {
        let tokenizer: TextTokenizer
        do {
            tokenizer = try TextTokenizer(TextTokenizer.Definition(tokenizerJSON: Data(contentsOf: URL(fileURLWithPath: path))))
        } catch let error as TrainerError {
            return print("refused \(error)")
        }
        while let line = readLine() {
            guard let text = try JSONValue(json: Data(line.utf8)).text else { continue }
            let ids = try tokenizer.encode(text, addSpecialTokens: true)
            let decoded = try tokenizer.decode(ids, skipSpecialTokens: false)
            print(JSONValue.list([.list(ids.map { .number(Int($0)) }), .text(decoded)]).json)
        }
    }
}
