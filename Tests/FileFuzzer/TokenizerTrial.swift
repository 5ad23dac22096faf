import Foundation
import Swage
import SwageText

/// Encodes texts with tokenizers, for a comparison with the tokenizers library.
///
/// Each line that comes in is `{"path": a tokenizer.json, "texts": […]}`, and each that goes out `{"refused": why}`, or
/// `{"texts": […]}` with the ids of each text, where they come from, those with what stands around a text, and their text,
/// whole and bit by bit.
enum TokenizerTrial {
    static func run() throws {
        while let line = readLine() {
            let asked = try JSONField(json: Data(line.utf8), file: "what is asked")
            let path = try asked.required("path").text()
            let answer: JSONObject
            do {
                let tokenizer = try TokenizerPipeline(tokenizerJSON: Data(contentsOf: URL(fileURLWithPath: path)), file: path)
                answer = ["texts": .list(try asked.required("texts").list().map { .object(encoded(try $0.text(), tokenizer)) })]
            } catch let error as TrainerError {
                answer = ["refused": .text(error.description)]
            }
            FileHandle.standardOutput.write(Data((JSONValue.object(answer).json + "\n").utf8))
        }
    }

    private static func encoded(_ text: String, _ tokenizer: TokenizerPipeline) -> JSONObject {
        func numbers(_ values: [Int32]) -> JSONValue { .list(values.map { .number(Int($0)) }) }
        do {
            let spans = try tokenizer.spans(of: text)
            let full = try tokenizer.encode(text, addSpecialTokens: true)
            return [
                "ids": numbers(spans.map(\.id)), "spans": .list(spans.map { .list([.number($0.start), .number($0.end)]) }), "full": numbers(full),
                "decoded": .text(tokenizer.decode(full, skipSpecialTokens: true)), "stream": .list(streamed(full, tokenizer)),
            ]
        } catch {
            return ["failed": .text("\(error)")]
        }
    }

    /// What each id adds; it ends with false where the text before an id changes.
    private static func streamed(_ ids: [Int32], _ tokenizer: TokenizerPipeline) -> [JSONValue] {
        var stream = TokenDecodeStream(tokenizer, skipSpecialTokens: false)
        var parts: [JSONValue] = []
        for id in ids {
            do { parts.append(try stream.append(id).map { .text($0) } ?? .null) } catch { return parts + [.flag(false)] }
        }
        return parts
    }
}
