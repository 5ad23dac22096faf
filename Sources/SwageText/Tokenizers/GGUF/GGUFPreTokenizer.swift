import Swage

/// The regular expressions by which llama.cpp cuts text, by the name in `tokenizer.ggml.pre`. Each cuts every piece that the one
/// before it left.
enum GGUFPreTokenizer {
    private static let gpt2 = #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)"#
    private static let contraction = "(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])"
    private static let ending = #"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#

    private static func modern(digits: String) -> String { contraction + #"|[^\r\n\p{L}\p{N}]?\p{L}+|"# + digits + ending }

    private static let upper = #"[^\r\n\p{L}\p{N}]?((?=[\p{L}])([^a-z]))"#
    private static let lower = #"((?=[\p{L}])([^A-Z]))"#

    private static func cased(_ suffix: String, digits: String) -> String {
        "\(upper)*\(lower)+\(suffix)|\(upper)+\(lower)*\(suffix)|\(digits)" + #"| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
    }

    private static let deepSeek = [
        #"\p{N}{1,3}"#, "[一-龥぀-ゟ゠-ヿ]+",
        ##"[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"##
            + #"| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#,
    ]

    static let patterns: [String: [String]] = {
        let byPattern: [([String], names: [String])] = [
            (
                [gpt2],
                [
                    "gpt-2", "phi-2", "jina-es", "jina-de", "gigachat", "jina-v2-es", "jina-v2-de", "a.x-4.0", "mpt", "olmo", "jais",
                    "trillion", "granite-docling",
                ]
            ),
            ([#"\p{N}"#, gpt2], ["smollm", "starcoder", "refact", "command-r", "codeshell", "exaone", "minerva-7b"]),
            (
                [modern(digits: #"\p{N}{1,3}"#)],
                ["llama3", "llama-v3", "llama-bpe", "falcon3", "pixtral", "dbrx", "smaug-bpe", "chatglm-bpe", "glm4"]
            ),
            ([modern(digits: #"\p{N}"#)], ["qwen2", "stablelm2", "deepseek-r1-qwen", "hunyuan", "megrez", "grok-2"]),
            ([cased("", digits: #"\p{N}"#)], ["tekken"]),
            ([cased("\(contraction)?", digits: #"\p{N}{1,3}"#)], ["gpt-4o", "llama4"]),
            ([#"[\p{P}\$\+<=>\^~\|]+"#, gpt2, #"\p{N}+"#, "[0-9][0-9][0-9]"], ["default"]),
            (deepSeek, ["deepseek-v3"]),
            ([#"[\p{P}\$\+<=>\^~\|`]+"#, gpt2, "[0-9][0-9][0-9]"], ["falcon"]),
        ]
        var patterns: [String: [String]] = [:]
        for (expressions, names) in byPattern { for name in names { patterns[name] = expressions } }
        return patterns
    }()

    /// What llama.cpp does with a whole piece that is a token.
    static let ignoresMerges: Set<String> = ["llama3", "llama-v3", "llama-bpe", "falcon3", "pixtral", "tekken"]

    /// Where llama.cpp puts the beginning of a text before every one, unless a file says otherwise.
    static let addsBeginning = ignoresMerges

    /// - Throws: ``TrainerError`` with code `unsupported` for a name that is not known.
    static func expressions(_ name: String, file: String) throws -> [String] {
        guard let patterns = patterns[name] else {
            throw TrainerError(.unsupported, "\(file): the pre-tokenizer is \"\(name)\"", expected: "one of \(patterns.keys.sorted())")
        }
        return patterns
    }
}
