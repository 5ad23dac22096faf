import Synchronization

/// How much memory a call may ask for: what the machine has left, or less where a limit is set.
///
/// Sizes that come from outside (batches, losses, files, requests) are checked here before memory of that size is asked
/// for, in arithmetic that does not overflow:
///
/// ```
/// try MemoryBudget.require([rows, columns, vocabulary], of: Float.self, for: "the logits of this batch")
/// ```
public enum MemoryBudget {
    /// The most bytes that a call may ask for at once; nil for as many as there are. At first what the environment
    /// variable `SWAGE_MEMORY_LIMIT` says, in bytes or as in `8G`, which workers in other processes read as well.
    public static var limit: Int? {
        get { setting.withLock { $0 } }
        set { setting.withLock { $0 = newValue } }
    }

    private static let setting = Mutex<Int?>(fromOutside.flatMap(bytes))
    /// The environment variable that sets the limit.
    package static let variable = "SWAGE_MEMORY_LIMIT"
    private static let fromOutside = environmentVariable(variable)
    private static let isUnreadable = fromOutside != nil && fromOutside.flatMap(bytes) == nil

    /// How many bytes can be asked for at this moment: at most ``limit``, and at most what the machine, the control group and the
    /// limits of this process leave.
    public static var available: Int {
        let machine = MachineMemory.available
        return limit.map { min($0, machine) } ?? machine
    }

    /// Asks for less than this are granted without a look at the machine, which takes a tenth of a millisecond.
    private static let small = 16 << 20

    /// Checks that `bytes` can be had.
    /// - Parameters:
    ///   - bytes: nil for more than can be counted.
    ///   - what: what needs them, the beginning of a sentence: "the logits of this batch".
    /// - Throws: ``TrainerError`` with code `tooLarge`.
    package static func require(bytes: Int?, for what: @autoclosure () -> String) throws {
        guard !isUnreadable else {
            throw TrainerError(
                .invalidOption, "\(variable) is \"\(fromOutside ?? "")\"", expected: "a number of bytes, or as in 8G")
        }
        if let bytes, bytes < small, bytes <= limit ?? .max { return }
        let available = available
        guard let bytes, bytes <= available else {
            let asked = bytes.map(describe) ?? "more memory than can be counted"
            throw TrainerError(
                .tooLarge, "\(what()) would take \(asked)",
                expected: available == limit
                    ? "at most \(describe(available)), the limit that is set"
                    : "at most \(describe(available)), which is what there is: less at once, or shorter")
        }
    }

    /// Checks that a tensor of that shape can be had, and returns its number of elements.
    /// - Parameter copies: how many of them there will be at once.
    /// - Throws: ``TrainerError`` with code `tooLarge`.
    @discardableResult
    package static func require<Scalar>(
        _ extents: [Int], of type: Scalar.Type, copies: Int = 1, for what: @autoclosure () -> String
    ) throws -> Int {
        let bytes = elementCount(extents + [MemoryLayout<Scalar>.stride, copies])
        try require(bytes: bytes, for: "\(what()), \(extents.map(String.init).joined(separator: " × ")),")
        return elementCount(extents) ?? 0
    }

    /// A number of bytes as people write it.
    package static func describe(_ bytes: Int) -> String {
        let units = ["bytes", "kB", "MB", "GB", "TB", "PB", "EB"]
        var (value, unit) = (Double(bytes), 0)
        while value >= 1000, unit + 1 < units.count { (value, unit) = (value / 1000, unit + 1) }
        if unit == 0 { return "\(bytes) bytes" }
        return "\((value * 10).rounded() / 10) \(units[unit])"
    }

    /// The bytes that a text such as `8G`, `512M` or `1000000` names; nil if it names none.
    package static func bytes(_ text: String) -> Int? {
        let units: [Character: Int] = ["K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40]
        var digits = text.uppercased()[...]
        if digits.hasSuffix("B") { digits = digits.dropLast() }
        let unit = digits.last.flatMap { units[$0] }
        guard let count = Int(unit == nil ? digits : digits.dropLast()), count > 0 else { return nil }
        return elementCount([count, unit ?? 1])
    }
}
