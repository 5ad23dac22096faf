import Foundation
import TestSupport

/// A file that is damaged, and the folder around it that stays whole.
enum FileKind: String, CaseIterable {
    case safetensors, index, config, tokenizer, tokenizerConfig, tokenizerModel, tekken, generationConfig
    case gguf, ggufTensors, ggufPart, ggufVocabulary, ggufExperts
    case scaledWeights, scaledConfig
    case manifest, optimizer, conversations, preferences, problems, template
    case run, metrics, position

    /// How a damaged file is made of a whole one.
    enum Form { case json, lines, text, safetensors, binary }

    var form: Form {
        switch self {
        case .index, .config, .scaledConfig, .tokenizer, .tokenizerConfig, .tekken, .generationConfig, .manifest, .run, .position: .json
        case .conversations, .preferences, .problems, .metrics: .lines
        case .template: .text
        case .safetensors, .scaledWeights, .optimizer: .safetensors
        case .tokenizerModel, .gguf, .ggufTensors, .ggufPart, .ggufVocabulary, .ggufExperts: .binary
        }
    }

    /// The name of the damaged file in its folder.
    var fileName: String {
        switch self {
        case .safetensors, .scaledWeights: "model.safetensors"
        case .index: "model.safetensors.index.json"
        case .config, .scaledConfig: "config.json"
        case .tokenizer: "tokenizer.json"
        case .tokenizerConfig: "tokenizer_config.json"
        case .tokenizerModel: "tokenizer.model"
        case .tekken: "tekken.json"
        case .generationConfig: "generation_config.json"
        case .gguf, .ggufTensors, .ggufVocabulary, .ggufExperts: "model.gguf"
        case .ggufPart: "model-00001-of-00002.gguf"
        case .manifest: "checkpoint.json"
        case .optimizer: "optimizer.safetensors"
        case .conversations, .preferences, .problems: "data.jsonl"
        case .template: "chat_template.jinja"
        case .run: "run.json"
        case .metrics: "metrics.jsonl"
        case .position: "data/step-2.json"
        }
    }

    /// The small models that a round takes one of.
    static let models = ["llama", "mistral", "qwen2", "qwen3", "llama3_tied"]

    static let lines: [FileKind: String] = [
        .conversations: """
        {"messages": [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Ho"}]}
        {"prompt": "1 + 1 =", "completion": " 2", "source": {"name": [1, 2.5e3, null, true]}}
        {"text": "Once upon a t\\u00efme \\ud83d\\ude00"}
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "H"}, {"type": "text", "text": "i"}]}, {"role": "assistant", "content": ["Ho"], "weight": 1}], "enable_thinking": true}
        {"conversations": [{"from": "human", "value": "2?"}, {"from": "function_call", "value": "{\\"name\\": \\"f\\"}"}, {"from": "observation", "value": "4"}, {"from": "gpt", "value": "4"}], "tools": "[{\\"name\\": \\"f\\"}]", "system": "S"}
        {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": null, "reasoning_content": "why", "tool_calls": [{"type": "function", "id": "1", "function": {"name": "f", "arguments": {"x": [1, null]}}}]}, {"role": "tool", "name": "f", "tool_call_id": "1", "content": "4"}, {"role": "assistant", "content": "4"}], "tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}], "chat_template_kwargs": {"k": 1}}
        {"prompt": [{"role": "user", "content": "q"}], "completion": [{"role": "assistant", "content": "a"}], "label": true}
        {"instruction": "Add", "input": "1 2", "output": "3", "history": [["a", "b"]]}

        """,
        .preferences: """
        {"prompt": "a", "chosen": " b", "rejected": " c"}
        {"chosen": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "x"}], "rejected": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "y"}]}
        {"input": {"messages": [{"role": "user", "content": "q"}]}, "preferred_output": [{"role": "assistant", "content": "x"}], "non_preferred_output": [{"role": "assistant", "content": "y"}]}

        """,
        .problems: """
        {"prompt": "What is 1 + 1?", "answer": 2, "level": "easy"}
        {"messages": [{"role": "user", "content": "q"}], "reference_answer": "x", "tags": ["a", {"b": -0.5}]}

        """,
    ]
}
