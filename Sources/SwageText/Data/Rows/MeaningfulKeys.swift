package import Swage

/// Keys that change what is learned in some trainer: TRL, OpenAI's, axolotl, LLaMA-Factory, unsloth. None of them is read over.
///
/// For each key, what a value of it asks for; nil for a value that asks for nothing.
package enum MeaningfulKeys {
    package typealias Reason = @Sendable (JSONValue) -> String?

    /// Keys of a line, in lower case.
    package static let ofRow: [String: Reason] = question.merging(learning) { own, _ in own }.merging(otherShapes) { own, _ in own }

    /// Keys of a message, beside those that ``JSONValue/messages(_:_:)`` reads.
    package static let ofMessage: [String: Reason] = learning.merging(media) { own, _ in own }.merging(
        all(["tool_responses", "tools", "functions"], "is about tools").merging(
            all(["reasoning_details", "thoughts"], "holds a thought under a name other than \"reasoning_content\"")
        ) { own, _ in own }.merging(
            all(["recipient", "channel", "end_turn", "prefix", "prefill", "refusal", "from", "value", "system"], "changes the message")
        ) { own, _ in own }
    ) { own, _ in own }

    /// Keys of a line that change what a model is asked.
    package static let question: [String: Reason] = media.merging(["parallel_tool_calls": { $0.flag == false ? nil : "is about tools" }]) { own, _ in own }
        .merging(
            all(["tools", "functions", "function_call", "tool_calls", "tool_choice"], "is about tools")
        ) { own, _ in own }.merging(
            all(
                ["system", "system_prompt", "instruction", "input", "history", "conversations", "conversation", "documents"],
                "belongs to another form of data")
        ) { own, _ in own }.merging(all(["chat_template", "chat_template_kwargs", "enable_thinking"], "changes the chat format")) { own, _ in own }

    private static let mediaKeys = ["image", "images", "image_url", "audio", "audios", "audio_url", "input_audio", "video", "videos", "video_url"]
    private static let media = all(mediaKeys, "is more than text")

    /// Whether a key of a part of a content holds something other than text.
    static func isMedia(_ key: String) -> Bool { mediaKeys.contains(key.lowercased()) }

    /// Whether a key of a problem says that it is not to be learned from. A text there is some other field of the data.
    package static func leavesOut(_ key: String, _ value: JSONValue) -> String? {
        value.flag == nil && value.number == nil ? nil : learning[key.lowercased()]?(value)
    }

    /// Whether a key of a message asks that the message be learned; nil for one that says nothing of it.
    package static func asksToLearn(_ key: String, _ value: JSONValue) -> Bool? {
        switch key.lowercased() {
        case "train", "training", "train_on_turn", "loss": value.flag
        case "mask", "masked": value.flag.map { !$0 }
        default: nil
        }
    }

    /// Keys that say whether, or how much, something is learned.
    private static let learning: [String: Reason] = [
        "weight": unlessOne,
        "label": { $0.verdict == false ? "says what is wrong" : nil },
        "kto_tag": { $0.verdict == true ? nil : "says what is wrong" },
        "train": unlessTrue, "training": unlessTrue, "train_on_turn": unlessTrue, "loss": unlessTrue,
        "mask": unlessFalse, "masked": unlessFalse, "loss_mask": unlessEmpty("says what is learned"), "train_detail": unlessEmpty("says what is learned"),
        "training_detail": unlessEmpty("says what is learned"), "ignore": unlessFalse, "skip": unlessFalse, "exclude": unlessFalse,
        "loss_weight": unlessOne, "sample_weight": unlessOne, "weights": unlessOne,
    ]

    /// Keys of data in forms that are not read.
    private static let otherShapes = all(
        [
            "output", "response", "reasoning_content", "reasoning_details", "thinking", "reasoning", "input_ids", "labels", "attention_mask",
            "completion_mask", "assistant_masks", "segments",
        ], "belongs to another form of data")

    private static let unlessTrue: Reason = { $0.flag == true ? nil : "says what is learned" }
    private static let unlessOne: Reason = { $0.number?.double == 1 ? nil : "weighs what is learned" }
    private static let unlessFalse: Reason = { $0.flag == false ? nil : "says what is learned" }

    private static func unlessEmpty(_ reason: String) -> Reason { { $0.isEmpty ? nil : reason } }

    private static func all(_ keys: [String], _ reason: String) -> [String: Reason] {
        Dictionary(uniqueKeysWithValues: keys.map { ($0, unlessEmpty(reason)) })
    }
}

extension JSONValue {
    /// Whether it holds nothing: no text, no values, no members.
    fileprivate var isEmpty: Bool {
        switch self {
        case .null: true
        case .text(let text): text.isEmpty
        case .list(let list): list.isEmpty
        case .object(let object): object.isEmpty
        case .flag, .number: false
        }
    }
}
