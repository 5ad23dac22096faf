import Swage
import SwageText
import Testing

/// The rules of Oniguruma that tokenizers rely on. The matches are those that its library finds.
@Suite struct RegularExpressionTests {
    private static func matches(_ pattern: String, _ text: String) throws -> [String] {
        let utf8 = Array(text.utf8)
        return try RegularExpression(oniguruma: pattern).matches(in: utf8).map { String(decoding: utf8[$0], as: UTF8.self) }
    }

    @Test(arguments: [
        ("a|ab", "abab", ["a", "a"]),
        ("(?:a|ab)(?:c|bcd)(?:d*)", "abcd", ["abcd"]),
        (#"\s+(?!\S)|\s+"#, "a   b ", ["  ", " ", " "]),
        (#"(?<=\p{L})\p{N}+"#, "a12 34", ["12"]),
        ("(?<!a)b", "ab bb", ["b", "b"]),
        ("a+?b", "aaab", ["aaab"]),
        ("(?>a+|b)a", "aaa ba", ["ba"]),
        ("a++a", "aaa", []),
        ("a{2,3}", "aaaaaaa", ["aaa", "aaa"]),
        ("a{,2}b", "aaab", ["aab"]),
        ("x*", "xxa", ["xx", ""]),
        (#"(?i:'s|k)"#, "'S'ſK", ["'S", "'ſ", "K"]),
        ("[a-c&&[^b]]+", "abcab", ["a", "ca"]),
        ("[[:alpha:]_]+", "é_1", ["é_"]),
        (#"\w"#, "²_é", ["²", "_", "é"]),
        (#"[\w]"#, "²_é", ["_", "é"]),
        (#"\p{Han}+|\p{^L}"#, "漢字a1", ["漢字", "1"]),
        ("^.", "a\nb", ["a", "b"]),
        (#"\bb"#, "ab b", ["b"]),
        (#"[\]a]"#, "]a", ["]", "a"]),
    ])
    func matchesAreThoseOfOniguruma(_ pattern: String, _ text: String, _ expected: [String]) throws {
        #expect(try Self.matches(pattern, text) == expected, "\(pattern)")
    }

    @Test(arguments: [
        #"(a)\1"#, #"\X"#, #"\K"#, "(?<name>a)", "(?:a*)*", #"\p{Nonsense}"#, "(?i:straße)", "(?i:ss)", "a{2}?", "(", "[", "a)", "*",
        #"[\p{L}-z]"#,
    ])
    func whatIsNotKnownIsRefused(_ pattern: String) {
        let error = #expect(throws: TrainerError.self) { try RegularExpression(oniguruma: pattern) }
        #expect(error?.code == .unsupported)
    }

    /// Backtracking alone would take longer than there is time.
    @Test func patternsThatGoBackEndSoon() throws {
        let text = String(repeating: "a", count: 3000)
        #expect(try Self.matches("(?:a|a)+b|(?:a+)+c", text) == [])
        #expect(try Self.matches(#"(?:\s|\s\s)+x"#, String(repeating: " ", count: 3000)) == [])
    }
}
