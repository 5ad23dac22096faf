import Foundation
import Swage
import SwageNative

/// Prints, for each folder that a line of standard input names, the mean log-probability of a fixed text, or why there is none:
/// `Tests/Golden/fuzz_configurations.py` compares it with transformers'.
@main struct ConfigurationFuzzer {
    /// The text, and what should follow each token of it.
    static let rows: [[Int32]] = [[1, 5, 9, 30, 7, 22, 11, 3, 17, 28, 4, 13], [8, 2, 2, 19, 33, 6, 25, 14, 38, 12, 21, 10]]

    static func main() async throws {
        let inputs = try ForwardInputs(
            inputIDs: Tensor(rows: rows.map { Array($0.dropLast()) }), targetIDs: Tensor(rows: rows.map { Array($0.dropFirst()) }),
            outputs: [.logProbs])
        while let folder = readLine() {
            do {
                let trainer = try await NativeTrainer(model: folder, threads: 1)
                let values = try await trainer.forward(inputs).logProbs!.scalars
                print("\(values.reduce(0) { $0 + Double($1) } / Double(values.count))")
            } catch {
                print("refused: \(error)")
            }
        }
    }
}
