import Foundation
import Swage

extension JSONField {
    /// The component itself, or the components of a `Sequence`.
    fileprivate func components(_ parts: String, depth: Int = 0) throws -> [JSONField] {
        let type = try required("type")
        guard depth < 20 else { throw type.wrong("sequences at most 20 deep in each other") }
        guard try type.text() == "Sequence" else { return [self] }
        return try required(parts).list().flatMap { try $0.components(parts, depth: depth + 1) }
    }

    fileprivate func utf8() throws -> [UInt8] { Array(try text().utf8) }

    /// A text of one scalar.
    fileprivate func scalar() throws -> UInt32 {
        let scalars = try text().unicodeScalars
        guard scalars.count == 1, let scalar = scalars.first else { throw wrong("one character") }
        return scalar.value
    }

    /// `{"String": …}` or `{"Regex": …}`.
    fileprivate func pattern() throws -> PieceSplitter.Pattern {
        let members = try members()
        guard members.count == 1, let member = members.first else { throw wrong("a String or a Regex") }
        switch member.key {
        case "String":
            let text = try member.field.utf8()
            if text.isEmpty { throw member.field.wrong("a text that is not empty", code: .unsupported) }
            return .text(text)
        case "Regex": return .expression(try RegularExpression(try member.field.text()))
        default: throw wrong("a String or a Regex")
        }
    }

    /// A pattern to replace, which takes something of the text.
    fileprivate func replacedPattern() throws -> PieceSplitter.Pattern {
        let pattern = try pattern()
        if case .expression(let expression) = pattern, expression.canBeEmpty {
            throw wrong("a regular expression that matches no empty text", code: .unsupported)
        }
        return pattern
    }

    fileprivate func metaspace() throws -> (replacement: [UInt8], scheme: PieceSplitter.PrependScheme) {
        let replacement = try required("replacement")
        _ = try replacement.scalar()
        var scheme = PieceSplitter.PrependScheme.always
        if let field = self["prepend_scheme"] {
            guard let known = PieceSplitter.PrependScheme(rawValue: try field.text()) else { throw field.wrong("first, never or always") }
            scheme = known
        }
        if let prefix = self["add_prefix_space"], try !prefix.flag(), scheme != .never {
            throw prefix.wrong("true, or \"prepend_scheme\": \"never\"")
        }
        return (try replacement.utf8(), scheme)
    }

    fileprivate func byteLevelFlags() throws -> Bool {
        _ = try required("trim_offsets").flag()
        return try required("add_prefix_space").flag()
    }
}

extension TextNormalizer {
    static func read(_ field: JSONField) throws -> [TextNormalizer] {
        try field.components("normalizers").map { part in
            let type = try part.required("type")
            switch try type.text() {
            case "NFC": return .form(.nfc)
            case "NFD": return .form(.nfd)
            case "NFKC": return .form(.nfkc)
            case "NFKD": return .form(.nfkd)
            case "Lowercase": return .lowercase
            case "Strip": return .strip(left: try part.required("strip_left").flag(), right: try part.required("strip_right").flag())
            case "StripAccents": return .stripAccents
            case "Nmt": return .nmt
            case "ByteLevel": return .byteLevel
            case "Prepend":
                let prefix = try part.required("prepend")
                if try prefix.text().isEmpty { throw prefix.wrong("a text that is not empty", code: .unsupported) }
                return .prepend(try prefix.utf8())
            case "BertNormalizer":
                let lowersCase = try part.required("lowercase").flag()
                return .bert(
                    BertNormalizer(
                        cleansText: try part.required("clean_text").flag(),
                        separatesChinese: try part.required("handle_chinese_chars").flag(),
                        stripsAccents: try part["strip_accents"]?.flag() ?? lowersCase, lowersCase: lowersCase))
            case "Replace":
                let content = try part.required("content").utf8()
                switch try part.required("pattern").replacedPattern() {
                case .text(let text): return .replaceText(text, with: content)
                case .expression(let expression): return .replacePattern(expression, with: content)
                }
            case "Precompiled":
                let map = try part.required("precompiled_charsmap")
                guard let data = Data(base64Encoded: try map.text()) else { throw map.wrong("Base64") }
                return .precompiled(try PrecompiledCharacterMap(Array(data), file: field.file))
            default:
                throw type.wrong(
                    "one of NFC, NFD, NFKC, NFKD, Lowercase, Strip, StripAccents, Nmt, ByteLevel, Prepend, BertNormalizer, "
                        + "Replace, Precompiled",
                    code: .unsupported)
            }
        }
    }
}

extension PieceSplitter {
    static func read(_ field: JSONField) throws -> [PieceSplitter] {
        try field.components("pretokenizers").map { part in
            let type = try part.required("type")
            func behavior(_ field: JSONField) throws -> SplitBehavior {
                guard let behavior = SplitBehavior(rawValue: try field.text()) else {
                    throw field.wrong("Removed, Isolated, MergedWithPrevious, MergedWithNext or Contiguous")
                }
                return behavior
            }
            switch try type.text() {
            case "ByteLevel": return .byteLevel(addsPrefixSpace: try part.byteLevelFlags(), splits: try part["use_regex"]?.flag() ?? true)
            case "Metaspace":
                let (replacement, scheme) = try part.metaspace()
                return .metaspace(replacement: replacement, scheme, splits: try part["split"]?.flag() ?? true)
            case "Whitespace": return .whitespace
            case "WhitespaceSplit": return .whitespaceSplit
            case "BertPreTokenizer": return .bert
            case "CharDelimiterSplit": return .delimiter(try part.required("delimiter").scalar())
            case "Punctuation": return .punctuation(try part["behavior"].map(behavior) ?? .isolated)
            case "Split":
                return .split(
                    try part.required("pattern").pattern(), try behavior(try part.required("behavior")),
                    isInverted: try part.required("invert").flag())
            case "Digits": return .digits(individual: try part.required("individual_digits").flag())
            case "UnicodeScripts": return .scripts
            case "FixedLength": return .fixedLength(try part["length"]?.integer(1...Int(Int32.max)) ?? 5)
            default:
                throw type.wrong(
                    "one of ByteLevel, Metaspace, Whitespace, WhitespaceSplit, BertPreTokenizer, CharDelimiterSplit, Punctuation, Split, "
                        + "Digits, UnicodeScripts, FixedLength", code: .unsupported)
            }
        }
    }
}

extension TokenDecoder {
    static func read(_ field: JSONField) throws -> [TokenDecoder] {
        try field.components("decoders").map { part in
            let type = try part.required("type")
            switch try type.text() {
            case "ByteLevel":
                _ = try part.byteLevelFlags()
                return .byteLevel
            case "WordPiece": return .wordPiece(prefix: try part.required("prefix").utf8(), cleansUp: try part.required("cleanup").flag())
            case "Metaspace":
                let (replacement, scheme) = try part.metaspace()
                return .metaspace(replacement: replacement, dropsFirst: scheme != .never)
            case "BPEDecoder":
                let suffix = try part.required("suffix")
                if try suffix.text().isEmpty { throw suffix.wrong("a text that is not empty", code: .unsupported) }
                return .bytePairs(suffix: try suffix.utf8())
            case "ByteFallback": return .byteFallback
            case "Fuse": return .fuse
            case "Strip":
                let content = try part.required("content")
                _ = try content.scalar()
                return .strip(
                    try content.utf8(), start: try part.required("start").integer(0...Int(Int32.max)),
                    end: try part.required("stop").integer(0...Int(Int32.max)))
            case "Replace":
                let content = try part.required("content").utf8()
                switch try part.required("pattern").replacedPattern() {
                case .text(let text): return .replaceText(text, with: content)
                case .expression(let expression): return .replacePattern(expression, with: content)
                }
            case "CTC":
                return .connectionist(
                    padding: try part.required("pad_token").utf8(), delimiter: try part.required("word_delimiter_token").utf8(),
                    cleansUp: try part.required("cleanup").flag())
            default:
                throw type.wrong(
                    "one of ByteLevel, WordPiece, Metaspace, BPEDecoder, ByteFallback, Fuse, Strip, Replace, CTC", code: .unsupported)
            }
        }
    }
}
