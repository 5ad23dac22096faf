import Swage
import SwageText

/// How a family chooses the experts of a token: those of the largest router logits, weighted by a softmax over all of them.
struct ExpertRule: Sendable {
    /// Whether the weights of those that are chosen are made to sum to 1; nil for what `norm_topk_prob` says.
    var normalizes: Bool?

    func read(_ fields: ConfigurationFields) throws -> Experts {
        let count = try fields.size("num_experts", most: 1 << 12)
        let chosen = try fields.size("num_experts_per_tok", most: count)
        return Experts(count: count, perToken: chosen, normalizes: try normalizes ?? fields.flag("norm_topk_prob"))
    }

    func read(_ gguf: GGUFFile, _ architecture: String) throws -> Experts {
        func size(_ key: String, _ most: Int) throws -> Int {
            let size = try gguf.required("\(architecture).\(key)", \.integer)
            guard (1...most).contains(size) else {
                throw gguf.file.corrupt("\(architecture).\(key) is \(size)", expected: "a number in 1...\(most)")
            }
            return size
        }
        let count = try size("expert_count", 1 << 12)
        let stated = try gguf.optional("\(architecture).expert_weights_norm", \.flag)
        return Experts(count: count, perToken: try size("expert_used_count", count), normalizes: normalizes ?? stated ?? false)
    }

    func write(_ experts: Experts, _ standards: JSONObject, to json: inout JSONObject) {
        json[standards["num_local_experts"] == nil ? "num_experts" : "num_local_experts"] = .number(experts.count)
        json["num_experts_per_tok"] = .number(experts.perToken)
        if normalizes == nil { json["norm_topk_prob"] = .flag(experts.normalizes) }
    }
}
