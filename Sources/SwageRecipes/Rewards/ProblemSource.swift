public import Swage
public import SwageText

/// An endless supply of problems, each with a number.
public protocol ProblemSource: Sendable {
    /// The problem of that number, 0 or more: the same one whenever it is asked for.
    func problem(_ number: Int) throws -> Problem
    /// What tells it from other sources. By default, a digest of its first problems.
    func content() throws -> RunIdentity.Content
    /// After how many problems they come again; nil if they never do.
    var count: Int? { get }
    /// The same problems without those that cannot be asked or scored, and what became of the rows of their file.
    /// - Throws: ``Swage/TrainerError`` with code `invalidData`, naming the row.
    func examined(
        tokenizer: any Tokenizer, rewards: [Reward]
    ) throws -> (source: any ProblemSource, report: DataReport?)
}

extension ProblemSource {
    public var count: Int? { nil }

    public func content() throws -> RunIdentity.Content {
        .init(of: try RecordCoding.encode(try (0..<16).map(problem)))
    }

    public func examined(
        tokenizer: any Tokenizer, rewards: [Reward]
    ) throws -> (source: any ProblemSource, report: DataReport?) { (self, nil) }
}

/// Problems of a file or a collection, in an order that is drawn anew for every pass over them.
public struct ProblemSet: ProblemSource {
    private let data: Examples<Problem>
    /// Nil keeps the order of the file.
    private let shuffleSeed: UInt64?

    /// - Parameters:
    ///   - data: the problems, each of which comes once in every pass.
    ///   - shuffleSeed: draws the order of each pass; nil keeps theirs.
    public init(_ data: Examples<Problem>, shuffleSeed: UInt64? = 0) {
        (self.data, self.shuffleSeed) = (data, shuffleSeed)
    }

    public var count: Int? { data.count }

    public func content() throws -> RunIdentity.Content {
        let order = shuffleSeed.map { ", shuffled by \($0)" } ?? ""
        let left = data.report.leftOutRows == 0 ? "" : ", without \(data.report.leftOutRows) lines"
        return .init(path: data.path, digest: try data.contentDigest + order + left)
    }

    public func problem(_ number: Int) throws -> Problem {
        try data[SeededOrder(count: data.count, seed: shuffleSeed).index(number)]
    }

    public func examined(
        tokenizer: any Tokenizer, rewards: [Reward]
    ) throws -> (source: any ProblemSource, report: DataReport?) {
        let (uses, report) = try data.examine { problem in
            for reward in rewards {
                guard let lack = reward.cannotScore(problem) else { continue }
                let compares = "the problem \(lack), which the reward \"\(reward.name)\" compares with"
                guard problem.answer == nil else {
                    throw TrainerError(.invalidData, compares, expected: "another answer, or another reward")
                }
                throw TrainerError(
                    .invalidData, "\(compares); beside what is asked, the line has \(Self.listed(problem.fields))",
                    expected: "\"answer\", \"reference_answer\", \"solution\", \"ground_truth\" or \"completion\"")
            }
            let prompt = try tokenizer.encode(chat: Chat(problem.messages.map(\.unlearned)), addGenerationPrompt: true)
            return Examination<Void>.used((), tokens: prompt.ids.count, targets: 0, beyond: 0, notes: prompt.notes)
        }
        guard !uses.isEmpty else { throw report.nothingToUse }
        return (ProblemSet(data.keeping(uses.lazy.map(\.index)), shuffleSeed: shuffleSeed), report)
    }

    private static func listed(_ fields: [String: String]) -> String {
        fields.isEmpty ? "no other key" : fields.keys.sorted().map { "\"\($0)\"" }.joined(separator: ", ")
    }
}
