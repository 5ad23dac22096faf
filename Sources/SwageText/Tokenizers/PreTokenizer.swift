import Swage

/// Cuts text into the pieces that byte-pair encoding must not merge across.
///
/// The steps follow Hugging Face's `pre_tokenizer`: each cuts every piece that the step before it left.
package struct PreTokenizer: Sendable, Equatable {
    package enum Step: Sendable, Equatable {
        /// Every numeric character a piece of its own.
        case individualDigits
        /// The pieces that one of the known regular expressions matches.
        case words(WordPattern)

        var summary: String {
            switch self {
            case .individualDigits: "digits one by one"
            case .words(.gpt2): "words as in GPT-2"
            case .words(.llama3): "words as in Llama 3"
            case .words(.qwen2): "words as in Qwen 2"
            case .words: "words"
            }
        }
    }

    package var steps: [Step]

    package static let gpt2 = PreTokenizer(steps: [.words(.gpt2)])
    package static let smolLM = PreTokenizer(steps: [.individualDigits, .words(.gpt2)])
    package static let llama3 = PreTokenizer(steps: [.words(.llama3)])
    package static let qwen2 = PreTokenizer(steps: [.words(.qwen2)])

    /// The pieces of `scalars`, in order and without gaps.
    func pieces(of scalars: [ClassifiedScalar]) -> [Range<Int>] {
        steps.reduce([0..<scalars.count]) { pieces, step in
            pieces.flatMap { piece in
                switch step {
                case .individualDigits: Self.individualDigits(scalars, in: piece)
                case .words(let pattern): pattern.pieces(of: scalars, in: piece)
                }
            }
        }
    }

    /// Whether a space or tab is in one piece with a word after it.
    func joinsToWord(_ scalar: Unicode.Scalar) -> Bool {
        (scalar == " " || scalar == "\t") && pieces(of: [ClassifiedScalar(scalar), ClassifiedScalar("a")]).count == 1
    }

    /// A place that is a border of pieces whatever the steps are, at or after `wanted` if there is one before the end: a
    /// space after what is no space. Long texts are cut there, so that the memory they take does not grow with them.
    static func borderOfPieces(in utf8: ArraySlice<UInt8>, near wanted: Int) -> Int {
        guard wanted < utf8.endIndex else { return utf8.endIndex }
        return utf8[wanted...].indices.dropFirst().first { utf8[$0] == 0x20 && (0x21...0x7E).contains(utf8[$0 - 1]) } ?? utf8.endIndex
    }

    private static func individualDigits(_ scalars: [ClassifiedScalar], in piece: Range<Int>) -> [Range<Int>] {
        var result: [Range<Int>] = []
        var start = piece.lowerBound
        for index in piece where scalars[index].kind == .number {
            if start < index { result.append(start..<index) }
            result.append(index..<index + 1)
            start = index + 1
        }
        if start < piece.upperBound { result.append(start..<piece.upperBound) }
        return result
    }
}

/// A character with what pre-tokenizers ask about it.
struct ClassifiedScalar {
    enum Kind { case letter, number, space, lineBreak, other }

    let scalar: Unicode.Scalar
    let kind: Kind

    init(_ scalar: Unicode.Scalar) {
        self.scalar = scalar
        kind =
            switch scalar {
            case "a"..."z", "A"..."Z": .letter
            case "0"..."9": .number
            case "\n", "\r": .lineBreak
            case " ", "\t", "\u{0B}", "\u{0C}": .space
            case "\0"..."\u{7F}": .other
            default: Self.kindOutsideASCII(scalar)
            }
    }

    var isWhitespace: Bool { kind == .space || kind == .lineBreak }

    private static func kindOutsideASCII(_ scalar: Unicode.Scalar) -> Kind {
        switch scalar.properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: .letter
        case .decimalNumber, .letterNumber, .otherNumber: .number
        default: scalar.properties.isWhitespace ? .space : .other
        }
    }
}
