import Foundation
import Swage
import SwageFiles
import SwageText
import TestSupport

/// The whole files that damaged ones are made of.
enum WholeFiles {
    static let tokenizerConfig = """
        {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": {"content": "<|im_end|>", "lstrip": false}, "bos_token": "<|im_start|>",
         "add_bos_token": false, "model_max_length": 128, "added_tokens_decoder": {"2": {"content": "<|im_end|>", "special": true}},
         "chat_template": [{"name": "default", "template": "{% for m in messages %}<|im_start|>{{ m.content }}<|im_end|>{% endfor %}"}]}
        """

    /// A model whose weights have 8 bits, and scales.
    static let scaled = Golden.root + "/short_numbers/blocks"

    static func content(_ kind: FileKind, model: String) throws -> Data {
        func file(_ path: String) throws -> Data { try Data(contentsOf: URL(fileURLWithPath: path)) }
        func one(of names: [String]) -> String { names[FileKind.models.firstIndex(of: model) ?? 0] }
        switch kind {
        case .conversations, .preferences, .problems: return Data(FileKind.lines[kind]!.utf8)
        case .template: return Data(templates[(FileKind.models.firstIndex(of: model) ?? 0) % templates.count].utf8)
        case .run, .metrics, .position: return Data(RunFiles.whole[kind]!.utf8)
        case .tokenizerConfig: return Data(tokenizerConfig.utf8)
        case .gguf: return try file(Golden.decoder(["llama", "qwen2", "qwen3"].contains(model) ? model : "llama3_tied") + "/model.gguf")
        case .ggufExperts: return try file(Golden.decoder(one(of: ["mixtral", "gpt_oss_mxfp4", "olmo3", "ministral3", "gpt_oss_mxfp4"])) + "/model.gguf")
        case .scaledWeights, .scaledConfig: return try file("\(scaled)/\(kind.fileName)")
        case .ggufTensors: return try file(Golden.root + "/gguf/encodings.gguf")
        case .ggufPart: return try ggufParts()[0]
        case .index: return Data(try indexJSON().utf8)
        case .manifest: return Data(manifest(Golden.decoder("llama")).utf8)
        case .optimizer: return try moments()
        case .tokenizer:
            return try file("\(Golden.root)/tokenizers/\(one(of: ["gpt2", "smollm", "llama3", "qwen2", "tiny"])).json")
        case .tokenizerModel:
            let name = one(of: ["pairs_bytes", "unigram_bytes", "pairs", "pairs_bytes", "unigram"])
            return try file("\(Golden.root)/tokenizers/parts/\(name).model")
        case .tekken:
            let folders = try JSONValue(json: file("\(Golden.root)/tokenizers/folders.json"))["folders"]?.list ?? []
            let content = folders.first { $0["name"]?.text == "tekken" }?["written"]?["tekken.json"]?.text
            return Data((content ?? "").utf8)
        case .ggufVocabulary:
            return try file("\(Golden.root)/tokenizers/gguf/\(one(of: ["llama", "llama_bare", "t5", "bert", "gpt4o"])).gguf")
        case .config where model != "llama": return try file(Golden.decoder(model) + "/config.json")
        case .safetensors, .config, .generationConfig: return try file("\(Golden.decoder("llama"))/\(kind.fileName)")
        }
    }

    /// Chat templates: those that have names, and one that reads all that a conversation may have.
    static let templates =
        ["chatml", "llama3", "qwen3"].map { try! GivenTemplate.source($0) } + [
            """
            {%- macro say(c) -%}{%- if c is string -%}{{ c }}{%- elif c -%}{%- for p in c -%}{{ p.text if p is mapping else p }}{%- endfor -%}{%- endif -%}{%- endmacro -%}
            {%- set ns = namespace(last=-1) -%}{%- for m in messages -%}{%- if m.role == 'user' -%}{%- set ns.last = loop.index0 -%}{%- endif -%}{%- endfor -%}
            {%- if tools -%}<|im_start|>system\n{% for t in tools %}{{ t | tojson(indent=2) }}{% endfor %}<|im_end|>\n{%- endif -%}
            {%- for m in messages -%}<|im_start|>{{ m['role'] }}\n
            {%- if m.reasoning_content and loop.index0 > ns.last -%}<think>{{ m.reasoning_content | trim }}</think>{%- endif -%}
            {% generation %}{{- say(m.content) -}}
            {%- for c in m.tool_calls or [] -%}<call>{{ c.function.name }}{% for k, v in c.function.arguments.items() %}{{ k }}={{ v | tojson if v is not string else v }};{% endfor %}</call>{%- endfor -%}
            <|im_end|>{% endgeneration %}\n{%- endfor -%}
            {%- if add_generation_prompt -%}<|im_start|>assistant\n{{ '<think>' if enable_thinking is not defined or enable_thinking else '' }}{%- endif -%}
            """
        ]

    private static func indexJSON() throws -> String {
        let names = try SafetensorsFile(path: Golden.decoder("llama") + "/model.safetensors").tensorNames.sorted()
        let map = names.map { JSONObject.Member(key: $0, value: .text("shard.safetensors")) }
        return JSONValue.object(["metadata": .object(["total_size": .number(100)]), "weight_map": .object(JSONObject(map))]).json
    }

    /// An optimizer's file for the same model.
    static func moments() throws -> Data {
        let file = try SafetensorsFile(path: Golden.decoder("llama") + "/model.safetensors")
        var header = JSONObject()
        var data = Data()
        for name in file.tensorNames.sorted() {
            let shape = file.shape(of: name) ?? []
            for prefix in ["exp_avg.", "exp_avg_sq."] {
                let count = 4 * shape.reduce(1, *)
                header[prefix + name] = .object([
                    "dtype": .text("F32"), "shape": .list(shape.map { .number($0) }),
                    "data_offsets": .list([.number(data.count), .number(data.count + count)]),
                ])
                data += Data(count: count)
            }
        }
        let text = Data(JSONValue.object(header).json.utf8)
        return withUnsafeBytes(of: UInt64(text.count).littleEndian) { Data($0) } + text + data
    }

    static func manifest(_ folder: String) -> String {
        """
        {"format": 1, "modelSignature": "21 tensors, 23736 elements, x", "step": 3, "weightsOnly": false, "accumulatedMicrobatches": 1,
         "accumulatedDenominator": 2.5, "savedAt": 1764000000000000000, "fileSizes": {"config.json": 5, "optimizer.safetensors": 7}}
        """
    }

    /// A small model in two parts: metadata in the first, and the tensors of the whole shared out.
    static func ggufParts() throws -> [Data] {
        let whole = try Data(contentsOf: URL(fileURLWithPath: Golden.decoder("llama") + "/model.gguf"))
        return try [0, 1].map { part in
            let file = try GGUFFile(path: Golden.decoder("llama") + "/model.gguf")
            let names = file.tensors.keys.sorted()
            let own = part == 0 ? names.prefix(names.count / 2) : names.suffix(names.count - names.count / 2)
            return GGUFWriter.part(
                part, of: 2, metadata: part == 0 ? file.metadata : [:], tensors: own.map { file.tensors[$0]! }, whole: whole, total: names.count)
        }
    }
}

/// Writes GGUF of float32 tensors.
private enum GGUFWriter {
    static func part(
        _ number: Int, of count: Int, metadata: [String: GGUFValue], tensors: [StoredTensor], whole: Data, total: Int
    ) -> Data {
        var all = metadata
        all["split.no"] = .integer(number)
        all["split.count"] = .integer(count)
        all["split.tensors.count"] = .integer(total)
        var header = Data("GGUF".utf8) + bytes(UInt32(3)) + bytes(UInt64(tensors.count)) + bytes(UInt64(all.count))
        for (key, value) in all.sorted(by: { $0.key < $1.key }) { header += text(key) + encoded(value) }
        var data = Data()
        for tensor in tensors {
            data += Data(count: (32 - data.count % 32) % 32)
            header += text(tensor.name) + bytes(UInt32(tensor.shape.count))
            for extent in tensor.shape.reversed() { header += bytes(UInt64(extent)) }
            header += bytes(UInt32(tensor.encoding == .float16 ? 1 : 0)) + bytes(UInt64(data.count))
            data += whole[tensor.range]
        }
        return header + Data(count: (32 - header.count % 32) % 32) + data
    }

    private static func bytes(_ value: some FixedWidthInteger) -> Data { withUnsafeBytes(of: value.littleEndian) { Data($0) } }
    private static func text(_ text: String) -> Data { bytes(UInt64(text.utf8.count)) + Data(text.utf8) }

    private static func encoded(_ value: GGUFValue) -> Data {
        switch value {
        case .integer(let value): bytes(UInt32(11)) + bytes(Int64(value))
        case .number(let value): bytes(UInt32(12)) + bytes(value.bitPattern)
        case .flag(let value): bytes(UInt32(7)) + bytes(UInt8(value ? 1 : 0))
        case .text(let value): bytes(UInt32(8)) + text(value)
        case .array(let values):
            values.reduce(bytes(UInt32(9)) + (values.first.map { encoded($0).prefix(4) } ?? bytes(UInt32(8))) + bytes(UInt64(values.count))) {
                $0 + encoded($1).dropFirst(4)
            }
        }
    }
}
