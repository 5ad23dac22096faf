/// What a template is rendered with: data as JSON has it, and Python's tuples.
package indirect enum TemplateValue: Hashable, Sendable {
    /// A name that is not defined.
    case undefined
    /// Python's `None`.
    case none
    case bool(Bool)
    case int(Int)
    case float(Double)
    /// A text, with the owner that its characters keep wherever they go.
    case text(String, owner: Int32)
    case list([TemplateValue])
    case tuple([TemplateValue])
    /// Pairs in their order. Of equal keys, the last one's value is at the first one's place.
    case dict([(key: TemplateValue, value: TemplateValue)])

    /// A text of no message.
    package static func text(_ text: String) -> TemplateValue { .text(text, owner: Rendering.template) }

    /// A dictionary with texts for keys.
    package static func dict(_ pairs: KeyValuePairs<String, TemplateValue>) -> TemplateValue {
        .dict(pairs.map { (.text($0.key), $0.value) })
    }

    package static func == (left: TemplateValue, right: TemplateValue) -> Bool {
        switch (left, right) {
        case (.undefined, .undefined), (.none, .none): true
        case (.bool(let a), .bool(let b)): a == b
        case (.int(let a), .int(let b)): a == b
        case (.float(let a), .float(let b)): a == b
        case (.text(let a, let x), .text(let b, let y)): a == b && x == y
        case (.list(let a), .list(let b)), (.tuple(let a), .tuple(let b)): a == b
        case (.dict(let a), .dict(let b)): a.count == b.count && zip(a, b).allSatisfy { $0.key == $1.key && $0.value == $1.value }
        default: false
        }
    }

    package func hash(into hasher: inout Hasher) {
        switch self {
        case .undefined, .none: hasher.combine(0)
        case .bool(let value): hasher.combine(value)
        case .int(let value): hasher.combine(value)
        case .float(let value): hasher.combine(value)
        case .text(let text, _): hasher.combine(text)
        case .list(let items), .tuple(let items): hasher.combine(items)
        case .dict(let pairs): hasher.combine(pairs.count)
        }
    }
}
