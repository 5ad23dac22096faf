import Swage
import SwageText

/// The class by which transformers 5 reads a tokenizer that has no `tokenizer.json`.
enum TokenizerClass: String {
    case llama = "LlamaTokenizer"
    case gemma = "GemmaTokenizer"
    case gpt2 = "GPT2Tokenizer"
    case qwen2 = "Qwen2Tokenizer"
    case bert = "BertTokenizer"
    /// What stands for all classes without a reader of their own.
    case plain = "TokenizersBackend"

    /// The classes that transformers has for kinds of models. One that is not here has none of its own.
    private static let registered: [String: TokenizerClass] = {
        let kinds: [(TokenizerClass, [String])] = [
            (
                .plain,
                [
                    "mistral", "mixtral", "ministral", "ministral3", "phi3", "phimoe", "olmo2", "olmo3", "glm", "glm4", "glm4_moe",
                    "granite", "granitemoe", "stablelm", "nemotron", "internlm3", "minicpm3", "ernie4_5", "jamba", "persimmon", "gpt_bigcode",
                ]
            ),
            (.qwen2, ["qwen2", "qwen2_moe", "qwen3", "qwen3_moe", "qwen3_next"]),
            (.gemma, ["gemma", "gemma2", "gemma3", "gemma3_text", "gemma3n", "gemma3n_text"]),
            (.gpt2, ["gpt2", "gpt_neo", "gptj", "opt", "phi", "starcoder2", "codegen", "dbrx"]), (.bert, ["bert", "electra", "git"]),
        ]
        return Dictionary(uniqueKeysWithValues: kinds.flatMap { kind in kind.1.map { ($0, kind.0) } })
    }()

    /// - Parameters:
    ///   - configuration: `tokenizer_config.json`.
    ///   - model: `config.json`.
    /// - Throws: ``TrainerError`` with code `unsupported` for a class that transformers has and this library has not.
    init(_ configuration: JSONField?, model: JSONField?) throws {
        let kind = try model?["model_type"]?.text()
        let own = kind.flatMap { Self.registered[$0] }
        guard let field = configuration?["tokenizer_class"] ?? model?["tokenizer_class"] else {
            self = own ?? .plain
            return
        }
        let named = try field.text()
        let name = named.hasSuffix("Fast") ? String(named.dropLast(4)) : named
        // Of models that transformers reads without a class of their own, the name of a class does not count; nor does
        // it for Qwen 2, many of whose copies name a wrong one.
        if let own, own == .plain || kind == "qwen2" {
            self = own
        } else if let known = TokenizerClass(rawValue: name) {
            self = known
        } else if ["PreTrainedTokenizer", "PythonBackend"].contains(name) {
            self = .plain
        } else {
            let known = "LlamaTokenizer, GemmaTokenizer, GPT2Tokenizer, Qwen2Tokenizer or BertTokenizer"
            throw field.wrong("a tokenizer.json beside it, or \(known)", code: .unsupported)
        }
    }

    /// The tokens that it has where a file names no others.
    var specialTokens: [String: String] {
        switch self {
        case .llama: ["bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"]
        case .gemma: ["bos_token": "<bos>", "eos_token": "<eos>", "unk_token": "<unk>", "pad_token": "<pad>", "mask_token": "<mask>"]
        case .gpt2: ["bos_token": "<|endoftext|>", "eos_token": "<|endoftext|>", "unk_token": "<|endoftext|>"]
        case .qwen2: ["eos_token": "<|endoftext|>", "unk_token": "<|endoftext|>", "pad_token": "<|endoftext|>"]
        case .bert: ["unk_token": "[UNK]", "sep_token": "[SEP]", "pad_token": "[PAD]", "cls_token": "[CLS]", "mask_token": "[MASK]"]
        case .plain: [:]
        }
    }
}
