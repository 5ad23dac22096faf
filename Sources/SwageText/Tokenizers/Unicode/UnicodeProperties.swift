import Swage

/// The sets that `\p{…}` names, in the version of Unicode that a library has.
enum UnicodeProperties {
    enum Version: Sendable { case oniguruma, rust }

    private static let categoryNames = TableReader.names(UnicodeCategoryTable.names)
    private static let scriptNames = TableReader.names(UnicodeScriptTable.names)
    private static let oniguruma = TableReader.values(UnicodeCategoryTable.oniguruma)
    private static let rust = TableReader.values(UnicodeCategoryTable.rust)
    private static let scripts = TableReader.values(UnicodeScriptTable.oniguruma)

    private static let longNames: [String: String] = [
        "letter": "l", "uppercaseletter": "lu", "lowercaseletter": "ll", "titlecaseletter": "lt", "modifierletter": "lm",
        "otherletter": "lo",
        "mark": "m", "nonspacingmark": "mn", "spacingmark": "mc", "enclosingmark": "me", "combiningmark": "m",
        "number": "n", "decimalnumber": "nd", "letternumber": "nl", "othernumber": "no",
        "punctuation": "p", "connectorpunctuation": "pc", "dashpunctuation": "pd", "openpunctuation": "ps", "closepunctuation": "pe",
        "initialpunctuation": "pi", "finalpunctuation": "pf", "otherpunctuation": "po",
        "symbol": "s", "mathsymbol": "sm", "currencysymbol": "sc", "modifiersymbol": "sk", "othersymbol": "so",
        "separator": "z", "spaceseparator": "zs", "lineseparator": "zl", "paragraphseparator": "zp",
        "control": "cc", "format": "cf", "privateuse": "co", "unassigned": "cn", "casedletter": "lc",
    ]

    private static let onigurumaSets: [String: StaticString] = [
        "alphabetic": UnicodeSetTable.onigAlphabetic, "alpha": UnicodeSetTable.onigAlphabetic, "word": UnicodeSetTable.onigWord,
        "uppercase": UnicodeSetTable.onigUppercase, "upper": UnicodeSetTable.onigUppercase,
        "lowercase": UnicodeSetTable.onigLowercase, "lower": UnicodeSetTable.onigLowercase,
        "whitespace": UnicodeSetTable.onigSpace, "space": UnicodeSetTable.onigSpace, "punct": UnicodeSetTable.onigPunct,
        "graph": UnicodeSetTable.onigGraph, "print": UnicodeSetTable.onigPrint,
        "emoji": UnicodeSetTable.onigEmoji, "extendedpictographic": UnicodeSetTable.onigExtendedPictographic,
        "ideographic": UnicodeSetTable.onigIdeographic,
    ]

    /// The set by a name in which case, spaces, `_` and `-` do not count; nil for a name that is not known here.
    static func set(named name: String, _ version: Version) -> ScalarSet? {
        let folded = String(String.UnicodeScalarView(name.unicodeScalars.filter { $0 != " " && $0 != "_" && $0 != "-" })).lowercased()
        switch folded {
        case "any": return .all
        case "ascii": return ScalarSet([0..<0x80])
        case "lc": return category("lu", version).union(category("ll", version)).union(category("lt", version))
        default: break
        }
        let short = longNames[folded] ?? folded
        if short == "lc" { return set(named: "LC", version) }
        if short.utf8.count <= 2 {
            let set = category(short, version)
            if !set.isEmpty { return set }
        }
        guard version == .oniguruma else { return nil }
        if let table = onigurumaSets[folded] { return ScalarSet(table: table) }
        guard let index = scriptNames.firstIndex(where: { $0.filter { $0 != "_" }.lowercased() == folded }) else { return nil }
        return ScalarSet(scripts.filter { $0.value == index }.map(\.range))
    }

    /// `\w`, `\d`, `\s` and `\h`.
    static func shorthand(_ letter: Unicode.Scalar, _ version: Version) -> ScalarSet? {
        switch letter {
        case "w": ScalarSet(table: version == .rust ? UnicodeSetTable.word : UnicodeSetTable.onigWord)
        case "d": category("nd", version)
        case "s": ScalarSet(table: version == .rust ? UnicodeSetTable.whitespace : UnicodeSetTable.onigSpace)
        case "h" where version == .oniguruma: ScalarSet("0123456789abcdefABCDEF".unicodeScalars)
        default: nil
        }
    }

    /// `\w` within a set, where Oniguruma takes these six numbers of Latin-1 for no part of a word.
    static func wordInSet(_ version: Version) -> ScalarSet {
        let word = shorthand("w", version) ?? .none
        return version == .rust ? word : word.subtracting(ScalarSet("²³¹¼½¾".unicodeScalars))
    }

    /// A category by its short name, or all whose names begin with one letter.
    private static func category(_ name: String, _ version: Version) -> ScalarSet {
        let numbers = Set(
            categoryNames.indices.filter { index in
                let candidate = categoryNames[index].lowercased()
                return candidate == name || (name.utf8.count == 1 && candidate.hasPrefix(name))
            }.map(UInt32.init))
        func ranges(_ table: [(range: Range<UInt32>, value: UInt32)]) -> ScalarSet {
            ScalarSet(table.filter { numbers.contains($0.value) }.map(\.range))
        }
        let set = ranges(oniguruma)
        if version == .oniguruma || rust.isEmpty { return set }
        return set.subtracting(ScalarSet(rust.map(\.range))).union(ranges(rust))
    }
}
