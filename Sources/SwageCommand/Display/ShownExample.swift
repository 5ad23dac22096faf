import Swage
import SwageText

/// An example as text, in which what is learned stands out.
struct ShownExample {
    private let tokens: TargetedTokens
    private let used: TargetedTokens
    private let tokenizer: any Tokenizer

    /// - Parameter limit: how many tokens are used; what follows is cut.
    init(_ tokens: TargetedTokens, limit: Int, tokenizer: any Tokenizer) {
        (self.tokens, self.used, self.tokenizer) = (tokens, tokens.cut(to: limit), tokenizer)
    }

    var summary: String {
        let cut = tokens.ids.count - used.ids.count
        let counts = ["\(tokens.ids.count) tokens", "\(used.targetCount) learned"] + (cut > 0 ? ["\(cut) cut off"] : [])
        return (counts + tokens.notes).joined(separator: ", ")
    }

    /// - Parameter inColor: whether what is learned is green; otherwise it stands in brackets.
    func text(inColor: Bool) throws -> String {
        var text = ""
        var begin = 0
        while begin < used.ids.count {
            let isLearned = isLearned(begin)
            let end = (begin..<used.ids.count).first { self.isLearned($0) != isLearned } ?? used.ids.count
            let part = try tokenizer.decode(Array(used.ids[begin..<end]), skipSpecialTokens: false)
            text += isLearned ? mark(part.visible, inColor: inColor) : part.visible
            begin = end
        }
        return used.ids.count < tokens.ids.count ? text + " …" : text
    }

    /// The first token is predicted by none.
    private func isLearned(_ index: Int) -> Bool { index > 0 && used.isTarget[index] }

    private func mark(_ part: String, inColor: Bool) -> String {
        guard inColor else { return "⟦\(part)⟧" }
        // A terminal ends colors at line ends that it scrolls over, so every line begins them anew.
        return part.split(separator: "\n", omittingEmptySubsequences: false).map { "\u{1B}[32m\($0)\u{1B}[0m" }.joined(separator: "\n")
    }
}

extension String {
    /// The text with what a terminal would obey spelled out.
    fileprivate var visible: String {
        unicodeScalars.reduce(into: "") { text, scalar in
            let isObeyed = scalar.properties.generalCategory == .control && scalar != "\n" && scalar != "\t"
            text += isObeyed ? "\\u{\(String(scalar.value, radix: 16))}" : String(scalar)
        }
    }
}
