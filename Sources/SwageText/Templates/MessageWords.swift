import SwageJinja

/// Where in a rendered conversation the words of one message lie, in the order of the text.
struct MessageWords {
    /// A stretch of text that comes of one part of the message.
    struct Run {
        var range: Range<Int>
        let part: MessagePart
        /// Its number among the runs of all messages.
        let number: Int
    }

    /// Text of the message in which no other one speaks, what the template writes between its words included.
    struct Stretch {
        var range: Range<Int>
        /// Of what its last word is.
        var part: MessagePart
    }

    private(set) var runs: [Run] = []

    /// The words of the first `count` messages.
    static func of(_ count: Int, in rendering: Rendering) -> [MessageWords] {
        var words = [MessageWords](repeating: MessageWords(), count: count)
        var (offset, number) = (0, 0)
        for run in rendering.runs {
            defer { offset += run.count }
            guard run.count > 0, let (message, part) = MessagePart.of(run.owner), message < count else { continue }
            words[message].runs.append(Run(range: offset..<offset + run.count, part: part, number: number))
            number += 1
        }
        return words
    }

    /// How many bytes come of a part.
    func count(of part: MessagePart) -> Int { runs.reduce(0) { $0 + ($1.part == part ? $1.range.count : 0) } }

    /// The same with the first so many bytes of one part alone.
    func keeping(_ count: Int, of part: MessagePart) -> MessageWords {
        var left = count
        var kept = MessageWords()
        for var run in runs {
            if run.part == part {
                run.range = run.range.prefix(left)
                left -= run.range.count
            }
            if !run.range.isEmpty { kept.runs.append(run) }
        }
        return kept
    }

    /// How much of a text does not come out.
    enum Loss { case none, part, all }

    /// Compares what a message says with what of it is in the text of the conversation. Templates trim, and write the tags of a thought
    /// themselves: neither is a loss.
    func loss(of said: String, _ part: MessagePart, in text: [UInt8]) -> Loss {
        guard said.contains(where: { !$0.isWhitespace }) else { return .none }
        let written = runs.filter { $0.part == part }
        if written.isEmpty { return .all }
        if written.reduce(0, { $0 + $1.range.count }) >= said.utf8.count { return .none }
        let letters = written.reduce(0) { $0 + String(decoding: text[$1.range], as: UTF8.self).letterCount }
        return letters < said.replacing("<think>", with: "").replacing("</think>", with: "").letterCount ? .part : .none
    }

    /// The words with what stands between them, parted where another message speaks.
    var stretches: [Stretch] {
        var stretches: [Stretch] = []
        var number: Int?
        for run in runs {
            if let last = stretches.last, number == run.number - 1 {
                stretches[stretches.count - 1] = Stretch(range: last.range.lowerBound..<run.range.upperBound, part: run.part)
            } else {
                stretches.append(Stretch(range: run.range, part: run.part))
            }
            number = run.number
        }
        return stretches
    }

    /// Where its first word behind an offset begins.
    func firstStart(from offset: Int) -> Int? {
        let index = firstIndex(from: offset)
        return index < runs.count ? runs[index].range.lowerBound : nil
    }

    /// Where its last word up to an offset ends.
    func lastEnd(upTo offset: Int) -> Int? {
        let index = firstIndex(from: offset)
        return index > 0 ? runs[index - 1].range.upperBound : nil
    }

    /// The first run that begins at an offset or behind it.
    private func firstIndex(from offset: Int) -> Int {
        var (low, high) = (0, runs.count)
        while low < high {
            let middle = (low + high) / 2
            if runs[middle].range.lowerBound < offset { low = middle + 1 } else { high = middle }
        }
        return low
    }
}

extension String {
    /// How many characters of Unicode it has that are no white space to Python, or to anybody else.
    fileprivate var letterCount: Int {
        unicodeScalars.count { !$0.properties.isWhitespace && !(0x1C...0x1F).contains($0.value) }
    }
}
