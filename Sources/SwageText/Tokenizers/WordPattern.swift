/// The regular expressions by which the byte-level tokenizers of GGUF files find words, as `tokenizer.json` writes them.
package enum WordPattern: Sendable, Equatable {
    case gpt2
    /// GPT-2's, with every digit by itself.
    case smolLM
    case llama3
    case qwen2

    var source: String {
        switch self {
        case .gpt2, .smolLM: #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#
        case .llama3: Self.modern(digits: #"\p{N}{1,3}"#)
        case .qwen2: Self.modern(digits: #"\p{N}"#)
        }
    }

    private static func modern(digits: String) -> String {
        #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|"# + digits
            + #"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
    }
}
