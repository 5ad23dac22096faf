/// Where in the original text something comes from, in bytes.
package struct TextSpan: Sendable, Equatable {
    package var start: Int32
    package var end: Int32

    init(_ start: Int, _ end: Int) {
        self.start = Int32(truncatingIfNeeded: start)
        self.end = Int32(truncatingIfNeeded: end)
    }
}
