import Foundation
import Swage

/// A chat format that this library renders itself, recognized from a model's Jinja template.
///
/// A template is recognized by its whole text, if what comes out here is known to be what Jinja makes of it; another one is
/// an error, not a guess.
enum ChatTemplate: Sendable, Equatable {
    /// `<|im_start|>role … <|im_end|>`: SmolLM2, Qwen 2 and many others.
    /// - `defaultSystem`: the system message that stands in front when a conversation has none.
    case chatML(defaultSystem: String?)
    /// ChatML as Qwen 3 writes it: thoughts are kept only after the last question.
    case qwen3
    /// `<|start_header_id|>role<|end_header_id|> … <|eot_id|>`: Llama 3.
    /// - `date`: what stands as today's date in the system message; nil for Llama 3.0, which has none.
    case llama3(date: Date?)

    enum Date: Equatable {
        case fixed(String)
        case today
        /// The day that was today when some work began.
        case begun(String)
    }

    /// The names by which a user can choose a format for a model that brings no template, or one that is not known.
    static let named: [String: ChatTemplate] = [
        "chatml": .chatML(defaultSystem: nil), "llama3": .llama3(date: nil), "qwen3": .qwen3,
    ]

    /// The format of a Jinja template, or of a name in ``named``.
    /// - Parameter beginning: the model's `bos_token`, which some templates write; nil if that is not said.
    static func recognize(_ template: String?, beginning: String? = nil) -> Result<ChatTemplate, TrainerError> {
        guard let template, !template.isEmpty else {
            return .failure(
                TrainerError(.unsupported, "the model has no chat template", expected: adviceToName))
        }
        if let format = named[template] { return .success(format) }
        if let format = known[digest(of: template)] {
            guard case .llama3 = format, let beginning, beginning != llama3Beginning else { return .success(format) }
            return .failure(
                TrainerError(
                    .unsupported, "the model's bos_token is \(beginning.isEmpty ? "null" : "\"\(beginning)\""), which its chat template writes first",
                    expected: "\(llama3Beginning), with which Llama 3 was trained; \(adviceToName)"))
        }
        let start = template.split(whereSeparator: \.isWhitespace).joined(separator: " ").prefix(60)
        return .failure(
            TrainerError(
                .unsupported, "the model's chat template is not known (it begins \"\(start)\")",
                expected: "that of a SmolLM2, Qwen 2, 2.5 or 3, or Llama 3 model as it was published; \(adviceToName)"))
    }

    static let llama3Beginning = "<|begin_of_text|>"

    private static let adviceToName =
        "a format chosen by name (\(named.keys.sorted().joined(separator: ", "))) for a model trained on it"

    /// What a template is known by: the digest of its text as Jinja reads it, with line feeds between lines and without one
    /// at the end.
    static func digest(of template: String) -> String {
        var utf8: [UInt8] = []
        for byte in template.utf8 {
            if byte == 0x0A, utf8.last == 0x0D { utf8.removeLast() }
            utf8.append(byte)
        }
        if utf8.last == 0x0A { utf8.removeLast() }
        return ContentDigest.of(Data(utf8))
    }

    var summary: String {
        switch self {
        case .chatML(nil): "ChatML"
        case .chatML(let system?): "ChatML, default system message \"\(system)\""
        case .qwen3: "ChatML (Qwen 3)"
        case .llama3(nil): "Llama 3"
        case .llama3(.fixed(let date)?): "Llama 3.1, dated \(date)"
        case .llama3(.today?): "Llama 3.1, dated today"
        case .llama3(.begun(let date)?): "Llama 3.1, dated \(date), when it began"
        }
    }
}
