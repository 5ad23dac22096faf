/// Runs a program over the classes of a text.
struct RegularExpressionMatcher {
    /// Where to go on if what is tried leads nowhere.
    struct Frame {
        var step: Int
        var place: Int
        /// How many more places to try: one less each time, or one more where that is negative.
        var count: Int
    }

    /// What was tried before, and led nowhere.
    private struct State: Hashable {
        let step: Int
        let place: Int
    }

    private let program: RegularExpressionProgram
    private let steps: UnsafeBufferPointer<RegularExpressionProgram.Step>
    private let masks: UnsafeBufferPointer<UInt64>
    private let text: UnsafeBufferPointer<UInt8>
    private(set) var frames: [Frame]
    /// What led nowhere in the search at hand; nil as long as it is quick.
    private var failed: Set<State>?
    private var found: [State: Int] = [:]
    private var effort = 0

    init(
        _ program: RegularExpressionProgram, steps: UnsafeBufferPointer<RegularExpressionProgram.Step>, masks: UnsafeBufferPointer<UInt64>,
        text: UnsafeBufferPointer<UInt8>, frames: [Frame]
    ) {
        (self.program, self.steps, self.masks, self.text, self.frames) = (program, steps, masks, text, frames)
    }

    /// All matches, one after the other. An empty one right after another match is none.
    mutating func forEachMatch(_ body: (_ start: Int, _ end: Int) -> Void) {
        var place = 0
        var lastEnd = -1
        while place <= text.count {
            guard let (start, end) = firstMatch(from: place) else { return }
            if start == end, end == lastEnd {
                place += 1
                continue
            }
            body(start, end)
            place = end
            lastEnd = end
        }
    }

    private mutating func firstMatch(from place: Int) -> (Int, Int)? {
        failed = nil
        if !found.isEmpty { found = [:] }
        effort = 0
        for start in place..<text.count + 1 {
            if let first = program.first {
                guard start < text.count else { return nil }
                let number = text[start]
                guard first[Int(number >> 6)] >> UInt64(number & 63) & 1 != 0 else { continue }
            }
            if let end = run(from: 0, at: start, isWhole: true) { return (start, end) }
        }
        return nil
    }

    @inline(__always)
    private func holds(_ set: Int, _ place: Int) -> Bool {
        let number = text[place]
        return masks[set * ScalarClasses.wordsPerMask + Int(number >> 6)] >> UInt64(number & 63) & 1 != 0
    }

    /// The end of the first match from a step and a place on.
    /// - Parameter isWhole: whether it is the whole expression, and not what an assertion looks for.
    private mutating func run(from firstStep: Int, at firstPlace: Int, isWhole: Bool) -> Int? {
        let base = frames.count
        // What leads to the end of a part may lead nowhere after it, so each part has a memory of its own.
        let failedOutside = failed
        if !isWhole, failed != nil { failed = [] }
        defer {
            frames.removeLast(frames.count - base)
            if !isWhole, failedOutside != nil { failed = failedOutside }
        }
        var (step, place) = (firstStep, firstPlace)
        while true {
            var leadsOn: Bool
            switch steps[step] {
            case .set(let set):
                leadsOn = place < text.count && holds(set, place)
                if leadsOn { (step, place) = (step + 1, place + 1) }
            case .run(let set, let minimum, let maximum, let kind):
                leadsOn = runs(set, minimum, maximum, kind, &step, &place)
            case .jump(let target):
                leadsOn = true
                step = target
            case .fork(let first, let second):
                leadsOn = isNew(step, place)
                if leadsOn {
                    frames.append(Frame(step: second, place: place, count: 0))
                    step = first
                }
            case .dispatch(let index):
                let number = place < text.count ? Int(text[place]) : program.classes.count
                let targets = program.dispatches[index][number]
                leadsOn = !targets.isEmpty && (targets.count == 1 || isNew(step, place))
                if leadsOn {
                    if targets.count > 1 {
                        for target in targets.dropFirst().reversed() { frames.append(Frame(step: target, place: place, count: 0)) }
                    }
                    step = targets[0]
                }
            case .atomic(let end):
                let result = part(step + 1, place)
                leadsOn = result >= 0
                if leadsOn { (step, place) = (end, result) }
            case .look(let end, let isNegated):
                leadsOn = (part(step + 1, place) >= 0) != isNegated
                if leadsOn { step = end }
            case .lookBack(let table, let end, let isNegated):
                let isThere = program.lookBacks[table].contains { $0.length <= place && part($0.start, place - $0.length) >= 0 }
                leadsOn = isThere != isNegated
                if leadsOn { step = end }
            case .assertion(let assertion):
                leadsOn = isTrue(assertion, at: place)
                if leadsOn { step += 1 }
            case .match: return place
            }
            if leadsOn { continue }
            guard let (nextStep, nextPlace) = back(to: base) else { return nil }
            (step, place) = (nextStep, nextPlace)
        }
    }

    @inline(__always)
    private mutating func runs(
        _ set: Int, _ minimum: Int, _ maximum: Int, _ kind: RegularExpressionProgram.RunKind, _ step: inout Int, _ place: inout Int
    ) -> Bool {
        let limit = maximum < text.count - place ? place + maximum : text.count
        var end = place
        if kind == .lazy {
            let least = min(place + min(minimum, text.count), limit)
            while end < least, holds(set, end) { end += 1 }
            guard end - place >= minimum else { return false }
            var most = end
            while most < limit, holds(set, most) { most += 1 }
            if most > end { frames.append(Frame(step: step + 1, place: end + 1, count: -(most - end))) }
        } else {
            while end < limit, holds(set, end) { end += 1 }
            guard end - place >= minimum else { return false }
            let spare = end - place - minimum
            if kind == .greedy, spare > 0 {
                guard isNew(step, place) else { return false }
                frames.append(Frame(step: step + 1, place: end - 1, count: spare))
            }
        }
        step += 1
        place = end
        return true
    }

    /// The next thing to try; nil if there is none left.
    private mutating func back(to base: Int) -> (Int, Int)? {
        guard frames.count > base else { return nil }
        effort += 1
        let last = frames.count - 1
        let frame = frames[last]
        if frame.count > 1 {
            frames[last].place -= 1
            frames[last].count -= 1
        } else if frame.count < -1 {
            frames[last].place += 1
            frames[last].count += 1
        } else {
            frames.removeLast()
        }
        if frame.count != 0, !isNew(frame.step, frame.place) { return back(to: base) }
        return (frame.step, frame.place)
    }

    /// Whether a state was not tried before in vain; remembers that it is tried now.
    @inline(__always)
    private mutating func isNew(_ step: Int, _ place: Int) -> Bool {
        effort += 1
        if effort < 4096 { return true }
        return remembered(step, place)
    }

    @inline(never)
    private mutating func remembered(_ step: Int, _ place: Int) -> Bool {
        if failed == nil { failed = [] }
        return failed?.insert(State(step: step, place: place)).inserted ?? true
    }

    /// Where a part that is matched once and for all ends; negative if it matches nowhere.
    private mutating func part(_ step: Int, _ place: Int) -> Int {
        if effort < 4096 { return run(from: step, at: place, isWhole: false) ?? -1 }
        let state = State(step: step, place: place)
        if let result = found[state] { return result }
        let result = run(from: step, at: place, isWhole: false) ?? -1
        found[state] = result
        return result
    }

    private func isTrue(_ assertion: RegularExpressionNode.Assertion, at place: Int) -> Bool {
        func isWord(_ place: Int) -> Bool { place >= 0 && place < text.count && holds(program.wordSet, place) }
        func isBreak(_ place: Int) -> Bool { holds(program.lineBreakSet, place) }
        return switch assertion {
        case .textStart: place == 0
        case .textEnd: place == text.count
        case .textEndOrLastLineBreak: place == text.count || (place == text.count - 1 && isBreak(place))
        // A line that would begin at the end of the text is none.
        case .lineStart: place == 0 || (place < text.count && isBreak(place - 1))
        case .lineEnd: place == text.count || isBreak(place)
        case .wordBorder: isWord(place - 1) != isWord(place)
        case .noWordBorder: isWord(place - 1) == isWord(place)
        }
    }
}
