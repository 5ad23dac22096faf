import SwageCommand
import Testing

@Suite struct ProgressBarTests {
    private static let detail = ["loss 3.6178", "lr 9.22e-05", "norm 4.02", "221 tokens/s", "1m08s left"]

    /// A line as long as the terminal is wide would begin another one, and be left behind.
    @Test func aLineIsShorterThanTheTerminalIsWide() {
        for columns in 1...200 {
            let line = ProgressBar.line("step 21/36", 0.58, Self.detail, columns: columns)
            #expect(line.count < max(columns, 2), "\(line.count) of \(columns): \(line)")
            #expect(columns < 12 || line.hasPrefix("step 21/36"), "\(line)")
        }
    }

    @Test func theFirstAndTheLastPartStayLongest() {
        let wide = ProgressBar.line("step 21/36", 0.5, Self.detail, columns: 120)
        #expect(wide == "step 21/36 \(String(repeating: "━", count: 12))\(String(repeating: "┄", count: 12)) \(Self.detail.joined(separator: "  "))")
        let narrow = ProgressBar.line("step 21/36", 0.5, Self.detail, columns: 60)
        #expect(narrow.contains("loss 3.6178") && narrow.contains("left") && !narrow.contains("tokens"), "\(narrow)")
    }

    @Test(arguments: [-1.0, 0, 1, 1.5]) func anOddFractionIsNoFault(_ fraction: Double) {
        #expect(ProgressBar.line("x", fraction, [], columns: 80).count == 26)
    }
}
