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

    private static let bad: [(String, Data)] = {
        var bad: [(String, Data)] = []
        func add(_ what: String, _ old: String, _ new: String) {
            bad.append((what, Data(good.replacingOccurrences(of: old, with: new).utf8)))
        }
        add("a key twice", "\"x\"", "\"x\", \"name\": \"y\"")
        add("a key of a node twice", "\"op\"", "\"op\": \"exp\", \"op\"")
        add("too large a number, which is not needed", "2}", "2, \"axis\": 1e400}")
        add("something behind it", "2}]}", "2}]}x")
        add("a mark of the order of bytes", "{\"format\"", "\u{FEFF}{\"format\"")
        add("more than 16 MiB", "2}]}", "2}]}" + String(repeating: " ", count: 16 << 20))
        bad.append(("no UTF-8", Data(good.utf8.map { byte -> UInt8 in byte == UInt8(ascii: "x") ? 0xFF : byte })))
        if let other = good.data(using: .utf16) { bad.append(("UTF-16", other)) }
        return bad
    }()

    private func loss(_ bytes: Data) throws -> LossFunction? {
        var request = Swage_V1_ForwardBackwardRequest()
        request.loss = bytes
        return try request.lossFunction()
    }

    @Test func aProgramInUTF8IsRead() throws {
        #expect(try loss(Data((Self.good + "\n \t").utf8))?.name == "x")
    }

    @Test func aProgramInAnotherEncodingOrWithAKeyTwiceIsRefused() throws {
        #expect(Self.bad.count == 8)
        for (what, bytes) in Self.bad {
            let error = #expect(throws: TrainerError.self, "\(what)") { try loss(bytes) }
            #expect(error?.code == .invalidLoss, "\(what): \(String(describing: error))")
        }
    }
}
#endif
