/// How statements ended: at their end, or at a `break` or `continue`.
enum Flow { case onwards, leave, next }

extension Interpreter {
    func execute(_ statements: [Statement], _ frame: Frame) throws -> Flow {
        for statement in statements {
            let flow = try execute(statement, frame)
            if flow != .onwards { return flow }
        }
        return .onwards
    }

    private func execute(_ statement: Statement, _ frame: Frame) throws -> Flow {
        try meter.spend(1)
        switch statement {
        case .text(let text): try write(text)
        case .output(let expression, let line):
            self.line = line
            try write(try text(try evaluate(expression, frame)))
        case .conditional(let branches, let otherwise):
            for branch in branches {
                line = branch.line
                if try evaluate(branch.test, frame).isTrue() { return try execute(branch.body, frame) }
            }
            return try execute(otherwise, frame)
        case .loop(let loop): return try execute(loop, frame)
        case .assign(let target, let value, let line):
            self.line = line
            try checkNamespaces(target, frame)
            try assign(try evaluate(value, frame), target, frame)
        case .macro(let macro):
            keep(frame)
            store(.object(MacroValue(macro, frame)), macro.occurrence, frame)
        case .leave: return .leave
        case .next: return .next
        case .assignBlock, .call, .generation, .filter, .with: return try executeBlock(statement, frame)
        }
        return .onwards
    }

    /// The text that a body writes; nil, with the flow, where a loop is left within it.
    private func captured(_ body: [Statement], _ frame: Frame) throws -> (text: Text?, flow: Flow) {
        var flow = Flow.onwards
        let text = try captured {
            flow = try execute(body, frame)
            return flow == .onwards
        }
        return (text, flow)
    }

    private func executeBlock(_ statement: Statement, _ frame: Frame) throws -> Flow {
        try meter.stack.check()
        switch statement {
        case .assignBlock(let block):
            line = block.line
            enter(block.scope, frame)
            let (written, flow) = try captured(block.body, frame)
            guard let text = written else { return flow }
            var value = Value.text(text)
            if let filter = block.filter { value = try evaluateBlockFilter(filter, text, frame) }
            try assign(value, block.target, frame)
            leave(block.scope, frame)
        case .filter(let block):
            line = block.line
            enter(block.scope, frame)
            let (written, flow) = try captured(block.body, frame)
            guard let text = written else { return flow }
            // Jinja joins what was written: a filter of a block that makes no text is an error.
            guard case .text(let filtered) = try evaluateBlockFilter(block.filter, text, frame) else {
                throw TemplateError.type("sequence item: expected str instance")
            }
            try write(filtered)
            leave(block.scope, frame)
        case .call(let call, let caller, let line):
            self.line = line
            keep(frame)
            let value = try evaluateCall(call, frame, caller: .object(MacroValue(caller, frame)))
            guard case .text(let text) = value else { throw TemplateError.type("sequence item 0: expected str instance") }
            try write(text)
        case .generation(let macro):
            let value = try call(MacroValue(macro, frame), Arguments([], []))
            guard case .text(let text) = value else { return .onwards }
            let start = captures == 0 ? output.bytes.count : renderedBytes
            generations.append(start..<start + text.bytes.count)
            try write(text)
        case .with(let with):
            line = with.line
            enter(with.scope, frame)
            for (target, value) in zip(with.targets, with.values) { try assign(try evaluate(value, frame), target, frame) }
            let flow = try execute(with.body, frame)
            if flow != .onwards { return flow }
            leave(with.scope, frame)
        default: break
        }
        return .onwards
    }

    // MARK: Assignments

    private func checkNamespaces(_ target: Statement.Target, _ frame: Frame) throws {
        switch target {
        case .name: break
        case .tuple(let items): for item in items { try checkNamespaces(item, frame) }
        case .attribute(let occurrence, _):
            guard case .object(_ as NamespaceValue) = load(occurrence, frame) else {
                throw TemplateError(.evaluation, "TemplateRuntimeError: cannot assign attribute on non-namespace object")
            }
        }
    }

    func assign(_ value: Value, _ target: Statement.Target, _ frame: Frame) throws {
        switch target {
        case .name(let occurrence): store(value, occurrence, frame)
        case .attribute(let occurrence, let name):
            guard case .object(let namespace as NamespaceValue) = load(occurrence, frame) else {
                throw TemplateError.type("'\(load(occurrence, frame).typeName)' object does not support item assignment")
            }
            try Interpreter.checkAttribute(name)
            try namespace.attributes.set(.string(name), value)
        case .tuple(let targets):
            let iteration: Iteration
            do {
                iteration = try value.iteration()
            } catch {
                throw TemplateError.type("cannot unpack non-iterable \(value.typeName) object")
            }
            var (items, position) = ([Value](), 0)
            while let item = try iteration.next(&position) {
                items.append(item)
                if items.count > targets.count { throw TemplateError.value("too many values to unpack (expected \(targets.count))") }
            }
            if items.count < targets.count {
                throw TemplateError.value("not enough values to unpack (expected \(targets.count), got \(items.count))")
            }
            for (item, target) in zip(items, targets) { try assign(item, target, frame) }
        }
    }

    /// Chat templates may keep nothing under names that begin with an underscore.
    static func checkAttribute(_ name: String) throws {
        if name.hasPrefix("_") {
            throw TemplateError(
                .evaluation,
                "SecurityError: Chat templates cannot store underscore-prefixed attributes on a namespace, but got '\(name)'. "
                    + "Please rename the attribute.")
        }
    }
}
