extension Interpreter {
    func execute(_ loop: Statement.Loop, _ frame: Frame) throws -> Flow {
        try meter.stack.check()
        line = loop.line
        let iterable = try evaluate(loop.iterable, frame)
        if !loop.isRecursive { return try run(loop, frame, over: iterable, bodyFrame: frame, depth: 0) }
        guard case .text(let text) = try recurse(loop, frame, over: iterable, depth: 0) else { return .onwards }
        try write(text)
        return .onwards
    }

    /// Renders a recursive loop, which is a function to Jinja.
    private func recurse(_ loop: Statement.Loop, _ frame: Frame, over iterable: Value, depth: Int) throws -> Value {
        try meter.stack.check()
        recursion += 1
        defer { recursion -= 1 }
        if recursion > limits.recursion { throw TemplateError.limit("RecursionError: maximum recursion depth exceeded") }
        let inner = self.frame(loop.scope, parent: frame)
        let text = try captured {
            _ = try run(loop, frame, over: iterable, bodyFrame: inner, depth: depth)
            return true
        }
        return .text(text ?? Text())
    }

    private func run(_ loop: Statement.Loop, _ frame: Frame, over iterable: Value, bodyFrame: Frame, depth: Int) throws -> Flow {
        if case .text(let text) = iterable { try meter.takeValues(text.bytes.count) }
        var iteration = try iterable.iteration()
        if let test = loop.test { iteration = .iterator(try filtered(iteration, test, loop.testScope, frame, over: iterable.depth)) }
        var context: LoopValue?
        let loopSlot = table.scopes[loop.scope].loop
        if loopSlot >= 0 {
            var recurse: ((Value, Int) throws -> Value)?
            if loop.isRecursive {
                recurse = { try self.recurse(loop, frame, over: $0, depth: $1) }
                keep(bodyFrame)
            }
            context = LoopValue(iteration, depth: depth, recurse: recurse)
        }
        var (position, isEmpty) = (0, true)
        loop: while true {
            let next = if let context { try context.advance() } else { try iteration.next(&position) }
            guard let item = next else { break }
            try meter.spend(1)
            if let context { bodyFrame.slots[loopSlot] = .object(context) }
            try assign(item, loop.target, bodyFrame)
            enter(loop.scope, bodyFrame)
            switch try execute(loop.body, bodyFrame) {
            case .onwards: isEmpty = false
            case .next: continue
            case .leave: break loop
            }
        }
        if !isEmpty || !loop.isRecursive { leave(loop.scope, bodyFrame) }
        var flow = Flow.onwards
        if isEmpty, !loop.otherwise.isEmpty {
            enter(loop.otherwiseScope, bodyFrame)
            flow = try execute(loop.otherwise, bodyFrame)
            leave(loop.otherwiseScope, bodyFrame)
        }
        return flow
    }

    /// The items that a loop's `if` lets through. It is asked as late as in Python: when the loop wants the next one.
    private func filtered(
        _ iteration: Iteration, _ test: (target: Statement.Target, condition: Expression), _ scope: Int, _ frame: Frame, over depth: Int
    ) throws -> IteratorValue {
        let inner = self.frame(scope, parent: frame)
        var (position, isEntered) = (0, false)
        let iterator = try IteratorValue(over: depth) { [self] in
            if !isEntered { enter(scope, inner) }
            isEntered = true
            while let item = try iteration.next(&position) {
                try meter.spend(1)
                try assign(item, test.target, inner)
                if try evaluate(test.condition, inner).isTrue() { return item }
            }
            return nil
        }
        keep(iterator)
        return iterator
    }
}
