/// The functions of the environment that transformers renders chat templates in.
enum Global: String {
    case range, dict, lipsum, cycler, joiner, namespace
    case raiseException = "raise_exception"
    case strftimeNow = "strftime_now"
}

extension Interpreter {
    func call(_ function: Global, _ arguments: Arguments) throws -> Value {
        switch function {
        case .range: return try range(try arguments.only("range", 1...3))
        case .dict: return .dict(try DictValue(try pairs("dict", arguments)))
        case .namespace:
            let result = NamespaceValue()
            result.attributes = try pairs("dict", arguments)
            for key in result.attributes.keys { if case .text(let name) = key { try Interpreter.checkAttribute(name.string) } }
            keep(result)
            try meter.take(bytes: 100)
            return .object(result)
        case .cycler:
            let items = try arguments.only("Cycler", 0...Int.max - 1)
            if items.isEmpty { throw TemplateError(.evaluation, "RuntimeError: at least one item has to be provided") }
            return .object(CyclerValue(items))
        case .joiner: return .object(JoinerValue(try arguments.bound("Joiner", ["sep"])[0] ?? .string(", ")))
        case .lipsum: throw TemplateError.unsupported("function 'lipsum'")
        case .raiseException:
            let message = try arguments.bound("raise_exception", ["message"], required: 1)[0] ?? .none
            throw TemplateError(.raised, try message.str().string)
        case .strftimeNow:
            let format = try arguments.bound("strftime_now", ["format"], required: 1)[0] ?? .none
            usedClock = true
            return .text(clock.formatted(try wantedText(format, "strftime() argument 1")))
        }
    }

    private func range(_ values: [Value]) throws -> Value {
        let numbers = try values.map { try integer($0) }
        let (start, stop) = numbers.count == 1 ? (0, numbers[0]) : (numbers[0], numbers[1])
        let step = numbers.count > 2 ? numbers[2] : 1
        if step == 0 { throw TemplateError.value("range() arg 3 must not be zero") }
        let (span, over) = step > 0 ? stop.subtractingReportingOverflow(start) : start.subtractingReportingOverflow(stop)
        let size = step.magnitude
        let count = over ? UInt.max : span <= 0 ? 0 : (UInt(span) - 1) / size + 1
        if count > 100_000 {
            throw TemplateError(
                .evaluation, "OverflowError: Range too big. The sandbox blocks ranges larger than MAX_RANGE (100000).")
        }
        try meter.take(bytes: 24 * Int(count))
        try meter.spend(Int(count) >> 3)
        return .object(RangeValue(start: start, stop: stop, step: step, count: Int(count)))
    }

    /// What Python's `dict` makes of its arguments.
    private func pairs(_ name: String, _ arguments: Arguments) throws -> OrderedPairs {
        var result = OrderedPairs()
        if arguments.positional.count > 1 {
            throw TemplateError.type("dict expected at most 1 argument, got \(arguments.positional.count)")
        }
        if let first = arguments.positional.first {
            if case .dict(let dict) = first {
                result = dict.pairs
            } else {
                for (index, item) in try first.items(meter).enumerated() {
                    let pair: [Value]
                    do {
                        pair = try item.items(meter)
                    } catch {
                        throw TemplateError.type("cannot convert dictionary update sequence element #\(index) to a sequence")
                    }
                    if pair.count != 2 {
                        throw TemplateError.value(
                            "dictionary update sequence element #\(index) has length \(pair.count); 2 is required")
                    }
                    try result.set(pair[0], pair[1])
                }
            }
        }
        for keyword in arguments.keywords { try result.set(.string(keyword.name), keyword.value) }
        try meter.take(bytes: 48 * result.count)
        return result
    }
}
