import Swage

extension ExampleRow {
    /// Takes what says whether people like the answer, as KTO's data has it.
    /// - Returns: the key, where it says yes; nil where nothing says so.
    /// - Throws: ``TrainerError`` with code `invalidData` for an answer that people reject: to learn it would teach it.
    mutating func takeLabel() throws -> String? {
        for key in ["label", "kto_tag"] {
            guard let value = self[key], let isLiked = value.verdict else { continue }
            guard isLiked else {
                throw TrainerError(
                    .invalidData, "\"\(key)\" is \(value.summary): it marks an answer that people reject, as in the unpaired preferences of KTO",
                    expected: "rows whose \"\(key)\" is true, for fine-tuning teaches what it is shown" + TrainerError.orLeftOut)
            }
            _ = take(key)
            return key
        }
        return nil
    }
}

extension JSONValue {
    /// Whether it says yes or no, in one of the ways in which data says so; nil for what says neither.
    package var verdict: Bool? {
        switch self {
        case .flag(let flag): flag
        case .number(let number): number.double == 0 ? false : number.double == 1 ? true : nil
        case .text(let text): ["0", "false", "no"].contains(text.lowercased()) ? false : ["1", "true", "yes"].contains(text.lowercased()) ? true : nil
        default: nil
        }
    }
}

extension TrainerError {
    /// What may be done about a row beside mending it.
    package static let orLeftOut = ", or --skip-bad-lines to leave such rows out"
}

extension String {
    /// The reason of an error without the advice to leave rows out, where they are left out.
    package var withoutAdvice: String { replacing(TrainerError.orLeftOut, with: "") }
}
