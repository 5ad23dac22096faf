#if Engines
import Foundation
import Swage
import SwageRemote
import Testing

/// A loss program comes as JSON in UTF-8, no key of which stands twice.
@Suite struct LossRequestTests {
    private static let good = """
        {"format": "swage.loss", "version": 1, "name": "x", "metrics": [], "sum": 0, "denominator": 0,
        "nodes": [{"op": "constant", "value": 2}]}
        """

    private func loss(_ bytes: Data) throws -> LossFunction? {
        var request = Swage_V1_ForwardBackwardRequest()
        request.loss = bytes
        return try request.lossFunction()
    }

    @Test func aProgramInUTF8IsRead() throws {
        #expect(try loss(Data((Self.good + "\n \t").utf8))?.name == "x")
    }

    @Test(arguments: [
        Data([0xEF, 0xBB, 0xBF]) + Data(good.utf8), Data(good.utf8) + Data("x".utf8), Data(good.utf8.map { $0 == 0x78 ? 0xFF : $0 }),
        Data(good.utf16.flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8)] }),
        Data(good.replacingOccurrences(of: "\"x\"", with: "\"x\", \"name\": \"y\"").utf8),
        Data(good.replacingOccurrences(of: "\"op\"", with: "\"op\": \"exp\", \"op\"").utf8),
        Data(good.replacingOccurrences(of: "2}", with: "2, \"axis\": 1e400}").utf8), Data(good.utf8) + Data(repeating: 0x20, count: 16 << 20),
    ])
    func aProgramInAnotherEncodingOrWithAKeyTwiceIsRefused(_ bytes: Data) throws {
        let error = #expect(throws: TrainerError.self) { try loss(bytes) }
        #expect(error?.code == .invalidLoss, "\(String(describing: error))")
    }
}
#endif
