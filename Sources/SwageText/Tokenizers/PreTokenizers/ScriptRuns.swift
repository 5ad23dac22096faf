/// Finds where the script of a text changes, as SentencePiece does it in training.
struct ScriptRuns: Sendable {
    static let shared = ScriptRuns()

    /// The number of each scalar's script; 0 for one that goes with any.
    private let scripts: [UInt8]

    private init() {
        var scripts = [UInt8](repeating: 0, count: 0x110000)
        for (range, value) in TableReader.values(UnicodeScriptTable.preTokenizer) {
            for scalar in range { scripts[Int(scalar)] = UInt8(truncatingIfNeeded: value + 1) }
        }
        self.scripts = scripts
    }

    func find(_ bytes: UnsafeBufferPointer<UInt8>, _ parts: inout [SplitBehavior.Part]) {
        // The library takes a text for cut at its beginning only if that is of a script; what comes before is left out.
        var start: Int?
        var last: UInt8 = 0
        var isFirst = true
        var index = 0
        while index < bytes.count {
            let (value, width) = bytes.scalar(at: index)
            let script = scripts[Int(value)]
            if script != 0 {
                if isFirst || last != script {
                    if let start { parts.append(.init(start: start, end: index, isMatch: false)) }
                    start = index
                }
                last = script
                isFirst = false
            }
            index += width
        }
        if let start { parts.append(.init(start: start, end: bytes.count, isMatch: false)) }
    }
}
