import Foundation
import Swage
import SwageText

/// What is read back from a folder of ours. A person may have changed it, or a disk.
protocol Recorded: Codable {
    /// What of it cannot be, in words that follow the name of its file; nil if all can.
    var fault: String? { get }
}

extension Optional: Recorded where Wrapped: Recorded {
    var fault: String? { self?.fault }
}

extension Int: Recorded {
    /// More than anything here counts, and few enough for sums and products with what is small.
    static let most = 1 << 48

    var fault: String? { Self.fault("its number", self) }

    /// - Parameter least: the least that a count can be.
    static func fault(_ name: String, _ count: Int, least: Int = 0) -> String? {
        (least...most).contains(count) ? nil : "\(name) is \(count)"
    }
}

extension Double {
    /// - Parameter least: the least that the number can be.
    static func fault(_ name: String, _ number: Double, least: Double = -.greatestFiniteMagnitude) -> String? {
        number.isFinite && number >= least ? nil : "\(name) is \(number)"
    }

    /// A stretch of time that a run can have taken.
    static func fault(seconds: Double) -> String? { (0...1e12).contains(seconds) ? nil : "\"seconds\" is \(seconds)" }
}

/// How records are written and read: numbers that are not finite as words, keys in order.
enum RecordCoding {
    static func encode(_ value: some Encodable, pretty: Bool = false) throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        if pretty { encoder.outputFormatting.insert(.prettyPrinted) }
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        return try encoder.encode(value)
    }

    /// - Parameter place: the file, perhaps with a line.
    /// - Throws: ``Swage/TrainerError`` with code `corruptFile`.
    static func decode<Value: Recorded>(_: Value.Type, _ data: Data, _ place: String) throws -> Value {
        let decoder = JSONDecoder()
        decoder.nonConformingFloatDecodingStrategy = .convertFromString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        let value: Value
        do {
            value = try decoder.decode(Value.self, from: data)
        } catch {
            throw TrainerError(.corruptFile, "\(place) cannot be read: \(error.summary)", expected: "what a run has written")
        }
        if let fault = value.fault {
            throw TrainerError(.corruptFile, "\(place) cannot be right: \(fault)", expected: "what a run has written")
        }
        return value
    }
}
