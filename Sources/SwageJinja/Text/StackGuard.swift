/// Watches how deep the stack has grown, whatever the sizes of the frames on it.
struct StackGuard: Sendable {
    private let start: UInt
    private let room: UInt

    init(room: Int) {
        start = StackGuard.position()
        self.room = UInt(max(0, room))
    }

    @inline(__always) private static func position() -> UInt {
        var mark: UInt8 = 0
        return withUnsafeMutablePointer(to: &mark) { UInt(bitPattern: $0) }
    }

    @inline(__always) func check() throws {
        let position = StackGuard.position()
        if (position > start ? position - start : start - position) > room {
            throw TemplateError.limit("RecursionError: maximum recursion depth exceeded")
        }
    }
}
