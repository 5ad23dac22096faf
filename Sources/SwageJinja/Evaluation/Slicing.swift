extension Interpreter {
    /// Python's `object[start:stop:step]`.
    func slice(_ object: Value, _ start: Value?, _ stop: Value?, _ step: Value?) throws -> Value {
        try object.checkDefined()
        func bound(_ value: Value?) throws -> Int? {
            guard let value else { return nil }
            if case .none = value { return nil }
            guard let index = value.index else {
                throw TemplateError.type("slice indices must be integers or None or have an __index__ method")
            }
            return index
        }
        switch object {
        case .text(let text):
            let (start, stop, step) = (try bound(start), try bound(stop), try bound(step) ?? 1)
            try meter.take(bytes: text.bytes.count)
            return .text(try self.slice(text, start, stop, step).asMarkup(text.isMarkup))
        case .list(let items):
            let places = try Interpreter.places(items.items.count, try bound(start), try bound(stop), try bound(step) ?? 1)
            try meter.take(bytes: 24 * places.count)
            return try .list(places.map { items.items[$0] })
        case .tuple(let items):
            let places = try Interpreter.places(items.items.count, try bound(start), try bound(stop), try bound(step) ?? 1)
            try meter.take(bytes: 24 * places.count)
            return try .tuple(places.map { items.items[$0] })
        case .object(_ as RangeValue): throw TemplateError.unsupported("a slice of a range")
        case .dict: throw TemplateError.type("unhashable type: 'slice'")
        default: throw TemplateError.type("'\(object.typeName)' object is not subscriptable")
        }
    }

    private func slice(_ text: Text, _ start: Int?, _ stop: Int?, _ step: Int) throws -> Text {
        let isASCII = text.isASCII
        let places = try Interpreter.places(isASCII ? text.bytes.count : text.count, start, stop, step)
        guard let first = places.first, let last = places.last else { return Text() }
        if step == 1 {
            let low = isASCII ? first : text.offset(of: first)
            return text.slice(low, isASCII ? last + 1 : text.slice(low, text.bytes.count).offset(of: last + 1 - first) + low)
        }
        let offsets = isASCII ? [] : text.bytes.indices.filter { text.bytes[$0] & 0xC0 != 0x80 }
        var result = Text()
        for place in places {
            let offset = isASCII ? place : offsets[place]
            result.append(text, offset, offset + text.scalar(at: offset).length)
        }
        return result
    }

    /// The places that a slice of a sequence takes, by Python's rules for bounds that are negative or beyond.
    static func places(_ count: Int, _ start: Int?, _ stop: Int?, _ step: Int) throws -> StrideTo<Int> {
        if step == 0 { throw TemplateError.value("slice step cannot be zero") }
        let step = max(-Int.max, step)
        func clamped(_ index: Int, _ low: Int, _ high: Int) -> Int {
            index < 0 ? max(index &+ count, low) : min(index, high)
        }
        if step > 0 {
            let from = start.map { clamped($0, 0, count) } ?? 0
            let to = stop.map { clamped($0, 0, count) } ?? count
            return stride(from: from, to: max(from, to), by: min(step, max(1, count)))
        }
        let from = start.map { clamped($0, -1, count - 1) } ?? count - 1
        let to = stop.map { clamped($0, -1, count - 1) } ?? -1
        return stride(from: from, to: min(from, to), by: max(step, -max(1, count)))
    }
}

extension StrideTo<Int> {
    var count: Int { underestimatedCount }
    var first: Int? { first { _ in true } }
    var last: Int? {
        var result: Int?
        for place in self { result = place }
        return result
    }
}
