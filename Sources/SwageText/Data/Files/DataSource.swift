import Foundation
import Swage

/// Where examples come from, and how often each comes in one pass over the data.
///
/// ```swift
/// let data = try Examples<TrainingExample>(sources: [DataSource("chats.jsonl*3"), DataSource("more/")])
/// ```
public struct DataSource: Sendable, Equatable {
    /// A file, a folder with all files of data in it and below, or `-` for what is piped in.
    public let path: String
    /// How often a row comes in one pass: the whole part of it all rows, and the rest so large a part of them.
    public let weight: Double

    /// - Throws: ``Swage/TrainerError`` with code `invalidOption` for a path without a letter, and a weight that is not above 0
    ///   and at most 1000.
    public init(path: String, weight: Double = 1) throws {
        guard !path.isEmpty else { throw TrainerError(.invalidOption, "the path of the data is empty", expected: "a file or a folder") }
        guard weight > 0, weight <= Self.maximumWeight else {
            throw TrainerError(
                .invalidOption, "the weight of \(path) is \(weight)", expected: "a number above 0, and at most \(Int(Self.maximumWeight))")
        }
        (self.path, self.weight) = (path, weight)
    }

    /// Reads a text as `chats.jsonl`, `chats.jsonl*3` or `folder/*0.5`. What exists under the whole text is that.
    /// - Throws: ``Swage/TrainerError`` with code `invalidOption` as ``init(path:weight:)`` does.
    public init(_ text: String) throws {
        guard let star = text.lastIndex(of: "*"), !FileManager.default.fileExists(atPath: text) else {
            try self.init(path: text)
            return
        }
        let number = text[text.index(after: star)...]
        // What is no number belongs to the name, such as a pattern that no shell has resolved.
        guard let weight = Double(number) else {
            try self.init(path: text)
            return
        }
        guard number.utf8.allSatisfy({ (0x30...0x39).contains($0) || $0 == UInt8(ascii: ".") }) else {
            throw TrainerError(
                .invalidOption, "the weight of \(text[..<star]) is \(number)",
                expected: "a number above 0 as 3 or 0.5, and at most \(Int(Self.maximumWeight))")
        }
        try self.init(path: String(text[..<star]), weight: weight)
    }

    /// A file that comes once.
    init(unchecked path: String) { (self.path, weight) = (path, 1) }

    static let maximumWeight = 1000.0
    static let standardInput = "-"

    /// How many times each row comes.
    var copies: Int { Int(weight) }

    /// How many of so many rows come once more.
    func extra(of rows: Int) -> Int { Int(((weight - weight.rounded(.down)) * Double(rows)).rounded()) }
}

extension DataSource: CustomStringConvertible {
    public var description: String { weight == 1 ? path : "\(path)*\(weightText)" }

    /// The weight as a person writes it.
    var weightText: String { weight == weight.rounded() ? "\(Int(weight))" : "\(weight)" }
}
