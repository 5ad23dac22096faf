/// The regular expressions by which the known byte-level tokenizers find words, as one scanner with four switches.
///
/// All of them try, in this order: a contraction; letters; numbers; other characters; white space.
package struct WordPattern: Sendable, Equatable {
    /// Whether `'S` is a contraction like `'s`.
    var contractionsIgnoreCase: Bool
    /// Whether any one character that is no letter, number or line break may precede the letters; else only a space.
    var lettersTakeAnyPrefix: Bool
    /// The longest run of digits, and nil for any length with a space before it.
    var maxDigits: Int?
    /// Whether line breaks belong to the punctuation before them, and end a run of white space.
    var lineBreaksEndPieces: Bool

    package static let gpt2 = WordPattern(
        contractionsIgnoreCase: false, lettersTakeAnyPrefix: false, maxDigits: nil, lineBreaksEndPieces: false)
    package static let llama3 = WordPattern(
        contractionsIgnoreCase: true, lettersTakeAnyPrefix: true, maxDigits: 3, lineBreaksEndPieces: true)
    package static let qwen2 = WordPattern(
        contractionsIgnoreCase: true, lettersTakeAnyPrefix: true, maxDigits: 1, lineBreaksEndPieces: true)

    /// Each pattern's regular expression as `tokenizer.json` writes it.
    package static let regularExpressions: [(source: String, pattern: WordPattern)] = [
        (#"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#, .gpt2),
        (modern(digits: #"\p{N}{1,3}"#), .llama3),
        (modern(digits: #"\p{N}"#), .qwen2),
    ]

    private static func modern(digits: String) -> String {
        #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|"# + digits
            + #"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
    }

    func pieces(of scalars: [ClassifiedScalar], in range: Range<Int>) -> [Range<Int>] {
        var result: [Range<Int>] = []
        var start = range.lowerBound
        while start < range.upperBound {
            let end = endOfPiece(scalars[start..<range.upperBound])
            result.append(start..<end)
            start = end
        }
        return result
    }

    /// The end of the piece at the start of `text`, which is not empty.
    private func endOfPiece(_ text: ArraySlice<ClassifiedScalar>) -> Int {
        contraction(text) ?? letters(text) ?? numbers(text) ?? others(text) ?? whitespace(text)
    }

    private func contraction(_ text: ArraySlice<ClassifiedScalar>) -> Int? {
        guard text.first?.scalar == "'" else { return nil }
        let following = text.dropFirst().prefix(2).map { folded($0.scalar) }
        if let first = following.first, "stmd".unicodeScalars.contains(first) { return text.startIndex + 2 }
        return [["r", "e"], ["v", "e"], ["l", "l"]].contains(following) ? text.startIndex + 3 : nil
    }

    private func folded(_ scalar: Unicode.Scalar) -> Unicode.Scalar {
        guard contractionsIgnoreCase else { return scalar }
        // The long s is the only character outside ASCII that folds to one of these letters.
        if scalar == "\u{17F}" { return "s" }
        return ("A"..."Z").contains(scalar) ? Unicode.Scalar(scalar.value + 32)! : scalar
    }

    private func letters(_ text: ArraySlice<ClassifiedScalar>) -> Int? {
        if let end = run(text, of: { $0.kind == .letter }) { return end }
        guard let first = text.first else { return nil }
        let isPrefix =
            lettersTakeAnyPrefix ? first.kind != .number && first.kind != .lineBreak : first.scalar == " "
        return isPrefix ? run(text.dropFirst(), of: { $0.kind == .letter }) : nil
    }

    private func numbers(_ text: ArraySlice<ClassifiedScalar>) -> Int? {
        guard let maxDigits else { return run(afterSpaceIn: text, of: { $0.kind == .number }) }
        return run(text.prefix(maxDigits), of: { $0.kind == .number })
    }

    private func others(_ text: ArraySlice<ClassifiedScalar>) -> Int? {
        guard let end = run(afterSpaceIn: text, of: { $0.kind == .other }) else { return nil }
        guard lineBreaksEndPieces else { return end }
        return run(text[end...], of: { $0.kind == .lineBreak }) ?? end
    }

    private func whitespace(_ text: ArraySlice<ClassifiedScalar>) -> Int {
        let end = run(text, of: \.isWhitespace) ?? text.startIndex + 1
        if lineBreaksEndPieces, let last = text[..<end].lastIndex(where: { $0.kind == .lineBreak }) { return last + 1 }
        // One character is left for the word that follows, if anything follows.
        return end < text.endIndex && end - text.startIndex > 1 ? end - 1 : end
    }

    private func run(_ text: ArraySlice<ClassifiedScalar>, of belongs: (ClassifiedScalar) -> Bool) -> Int? {
        let end = text.firstIndex { !belongs($0) } ?? text.endIndex
        return end > text.startIndex ? end : nil
    }

    private func run(
        afterSpaceIn text: ArraySlice<ClassifiedScalar>, of belongs: (ClassifiedScalar) -> Bool
    ) -> Int? {
        run(text.first?.scalar == " " ? text.dropFirst() : text, of: belongs)
    }
}
