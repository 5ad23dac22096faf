/// The methods that values have in Python, and which of them may be called.
enum Methods {
    static let texts: Set<String> = [
        "strip", "lstrip", "rstrip", "split", "rsplit", "splitlines", "startswith", "endswith", "replace", "upper", "lower", "title",
        "capitalize", "find", "rfind", "index", "rindex", "count", "join", "format", "isdigit", "isalpha", "isspace", "isupper",
        "islower", "isalnum", "isnumeric", "isdecimal", "isidentifier", "isprintable", "isascii", "istitle", "zfill", "removeprefix",
        "removesuffix", "partition", "rpartition", "swapcase", "casefold", "ljust", "rjust", "center", "expandtabs", "encode",
        "translate", "maketrans", "format_map",
    ]
    static let dicts: Set<String> = ["get", "items", "keys", "values", "copy", "fromkeys"]
    static let changesOfDicts: Set<String> = ["clear", "pop", "popitem", "setdefault", "update"]
    static let lists: Set<String> = ["index", "count", "copy"]
    static let changesOfLists: Set<String> = ["append", "clear", "pop", "reverse", "insert", "sort", "extend", "remove"]
    static let tuples: Set<String> = ["index", "count"]
    static let numbers: Set<String> = [
        "real", "imag", "numerator", "denominator", "bit_length", "bit_count", "conjugate", "to_bytes", "from_bytes",
        "as_integer_ratio", "is_integer", "hex", "fromhex",
    ]
    /// What every object of Python has, and the sandbox hides.
    static let ofAnyObject: Set<String> = [
        "__class__", "__doc__", "__module__", "__init__", "__new__", "__dir__", "__eq__", "__ne__", "__hash__", "__str__", "__repr__",
        "__format__", "__getattribute__", "__setattr__", "__delattr__", "__reduce__", "__reduce_ex__", "__sizeof__",
        "__init_subclass__", "__subclasshook__",
    ]
    static let names = dicts.union(changesOfDicts)

    /// The method of that name, or undefined where the sandbox hides it; nil where there is none.
    static func attribute(_ name: String, of object: Value) -> Value? {
        let (allowed, forbidden): (Set<String>, Set<String>)
        switch object {
        case .text: (allowed, forbidden) = (texts, [])
        case .dict: (allowed, forbidden) = (dicts, changesOfDicts)
        case .list: (allowed, forbidden) = (lists, changesOfLists)
        case .tuple: (allowed, forbidden) = (tuples, [])
        default: return nil
        }
        if allowed.contains(name) { return .object(MethodValue(object, name)) }
        if !forbidden.contains(name) { return nil }
        return Interpreter.hidden(name, object)
    }
}

extension Interpreter {
    func call(_ method: MethodValue, _ arguments: Arguments) throws -> Value {
        switch method.receiver {
        case .text(let text): return try call(method.name, text, arguments)
        case .dict(let dict): return try call(method.name, dict, arguments)
        case .list(let items): return try call(method.name, items.items, arguments, isTuple: false)
        case .tuple(let items): return try call(method.name, items.items, arguments, isTuple: true)
        case .object(let loop as LoopValue): return try call(method.name, loop, arguments)
        case .object(let cycler as CyclerValue):
            _ = try arguments.only(method.name, 0...0)
            if method.name == "reset" {
                cycler.position = 0
                return .none
            }
            defer { cycler.position = (cycler.position + 1) % cycler.items.count }
            return cycler.items[cycler.position]
        case .object(_ as FunctionValue): return try fromKeys(arguments)
        case .object(let range as RangeValue):
            return try call(method.name, (0..<range.count).map { .int(range.item($0)) }, arguments, isTuple: true)
        default: throw TemplateError.unsupported("method '\(method.name)' of a \(method.receiver.typeName)")
        }
    }

    private func call(_ name: String, _ dict: DictValue, _ arguments: Arguments) throws -> Value {
        switch name {
        case "get":
            let values = try arguments.only(name, 1...2)
            return try dict.pairs.value(values[0]) ?? (values.count > 1 ? values[1] : .none)
        case "items", "keys", "values":
            _ = try arguments.only(name, 0...0)
            return .object(DictViewValue(name == "items" ? .items : name == "keys" ? .keys : .values, dict))
        case "copy":
            _ = try arguments.only(name, 0...0)
            try meter.take(bytes: 48 * dict.pairs.count)
            return .dict(try DictValue(dict.pairs))
        default: return try fromKeys(arguments)
        }
    }

    private func fromKeys(_ arguments: Arguments) throws -> Value {
        let values = try arguments.only("fromkeys", 1...2)
        var pairs = OrderedPairs()
        for key in try values[0].items(meter) { try pairs.set(key, values.count > 1 ? values[1] : .none) }
        return .dict(try DictValue(pairs))
    }

    private func call(_ name: String, _ items: [Value], _ arguments: Arguments, isTuple: Bool) throws -> Value {
        try meter.spend(items.reduce(1) { $0 + $1.weight })
        switch name {
        case "copy":
            _ = try arguments.only(name, 0...0)
            try meter.take(bytes: 24 * items.count)
            return try .list(items)
        case "count":
            let wanted = try arguments.only(name, 1...1)[0]
            return .int(try items.reduce(0) { $0 + (try $1.isOrEquals(wanted) ? 1 : 0) })
        default:
            let values = try arguments.only(name, 1...3)
            var (low, high) = (0, items.count)
            if values.count > 1 { low = try Interpreter.position(values[1], items.count) }
            if values.count > 2 { high = try Interpreter.position(values[2], items.count) }
            for index in 0..<items.count where index >= low && index < high {
                if try items[index].isOrEquals(values[0]) { return .int(index) }
            }
            throw TemplateError.value(isTuple ? "tuple.index(x): x not in tuple" : "\(try values[0].repr().string) is not in list")
        }
    }

    private static func position(_ value: Value, _ count: Int) throws -> Int {
        guard let index = value.index else {
            throw TemplateError.type("slice indices must be integers or have an __index__ method")
        }
        return index < 0 ? max(0, index &+ count) : index
    }

    private func call(_ name: String, _ loop: LoopValue, _ arguments: Arguments) throws -> Value {
        if !arguments.keywords.isEmpty { throw TemplateError.type("\(name)() got an unexpected keyword argument") }
        let values = arguments.positional
        if name == "changed" {
            if let last = loop.lastChanged, last.count == values.count {
                var isSame = true
                for (a, b) in zip(last, values) where try !a.isOrEquals(b) { isSame = false }
                if isSame { return .bool(false) }
            }
            loop.lastChanged = values
            return .bool(true)
        }
        if values.isEmpty { throw TemplateError.type("no items for cycling given") }
        return values[((loop.index % values.count) + values.count) % values.count]
    }
}
