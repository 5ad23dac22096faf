package import Swage

/// The keys by which rows of one kind are known, each under one of several names.
package struct RowForm: Sendable {
    package let name: String
    package let keys: [[String]]

    package init(_ name: String, _ keys: [[String]]) { (self.name, self.keys) = (name, keys) }

    /// The keys as they are mostly called.
    package var listed: String { keys.map { "\"\($0[0])\"" }.joined(separator: " and ") }

    /// Whether a row has them all.
    package func fits(_ row: ExampleRow) -> Bool { keys.allSatisfy { $0.contains(where: row.has) } }

    /// What it is called, with the keys of a row that it is known by, and others that are read beside them.
    package func summary(_ row: ExampleRow, beside others: [String] = []) -> String {
        "\(name): \(row.keys.filter { key in others.contains(key) || keys.contains { $0.contains(key) } }.joined(separator: ", "))"
    }

    private func missing(_ row: ExampleRow) -> [[String]] { keys.filter { names in !names.contains(where: row.has) } }

    /// The error for a row of none of some forms, which names the form that is nearest to it.
    /// - Parameters:
    ///   - hint: what such a row is, where that is known.
    package static func unread(_ row: ExampleRow, _ forms: [RowForm], hint: String? = nil) -> TrainerError {
        let near = forms.filter { $0.missing(row).count < $0.keys.count }.min { $0.missing(row).count < $1.missing(row).count }
        let nearest = near.map { form in
            let missing = form.missing(row).map { $0.map { "\"\($0)\"" }.joined(separator: " or ") }
            return "; for \(form.name), \(missing.joined(separator: " and ")) is missing"
        }
        return TrainerError(
            .invalidData, "the line has \(row.listedKeys)\(hint.map { "; \($0)" } ?? nearest ?? "")",
            expected: forms.map(\.listed).joined(separator: ", or ") + "; or --map to say which key is which, as in --map \(example(row, near, forms))")
    }

    /// What rows have beside the keys of their form: none of it stands for one of those.
    private static let readBeside = ["prompt", "messages", "system", "system_prompt", "tools", "documents", "input", "id", "source", "label", "weight"]

    /// A map with a key of the row, for the reader to go by.
    private static func example(_ row: ExampleRow, _ near: RowForm?, _ forms: [RowForm]) -> String {
        let form = near ?? forms[0]
        let known = Set(forms.flatMap(\.keys).joined()).union(readBeside)
        return "\((form.missing(row).first ?? form.keys[0])[0])=\(row.keys.first { !known.contains($0) }?.beginning(40) ?? "its name in the file")"
    }
}
