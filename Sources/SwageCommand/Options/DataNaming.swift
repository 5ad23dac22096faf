import ArgumentParser
import Foundation
import Swage
import SwageFiles
import SwageText

/// A command that reads rows, from files of this disk or from datasets of a hub.
protocol DataNaming: ParsableCommand {
    /// What was given, a list for each option; from ``findData()`` on, paths.
    var givenData: [[String]] { get set }
    /// Which of the options take one file, without a weight.
    static var optionsOfOneFile: Set<Int> { get }
}

extension DataNaming {
    static var optionsOfOneFile: Set<Int> { [] }
}

extension SFTCommand: DataNaming {
    var givenData: [[String]] {
        get { [data, heldOut] }
        set { (data, heldOut) = (newValue[0], newValue[1]) }
    }
}

extension DPOCommand: DataNaming {
    var givenData: [[String]] {
        get { [data, heldOut] }
        set { (data, heldOut) = (newValue[0], newValue[1]) }
    }
}

extension EvaluateCommand: DataNaming {
    var givenData: [[String]] {
        get { [data, problems.map { [$0] } ?? []] }
        set { (data, problems) = (newValue[0], newValue[1].first) }
    }
    static var optionsOfOneFile: Set<Int> { [1] }
}

extension GRPOCommand: DataNaming {
    var givenData: [[String]] {
        get { [problemOptions.data, problemOptions.heldOut].map { $0.map { [$0] } ?? [] } }
        set { (problemOptions.data, problemOptions.heldOut) = (newValue[0].first, newValue[1].first) }
    }
    static var optionsOfOneFile: Set<Int> { [0, 1] }
}

extension DataShowCommand: DataNaming {
    var givenData: [[String]] {
        get { [data] }
        set { data = newValue[0] }
    }
}

extension DataNaming {
    /// Has the data on this disk. A weight behind a name is that of each of its files.
    /// - Throws: ``TrainerError``; `CancellationError`.
    mutating func findData() async throws {
        for (option, texts) in givenData.enumerated() {
            var paths: [String] = []
            for text in texts {
                let takesOneFile = Self.optionsOfOneFile.contains(option)
                let name = takesOneFile ? text : try DataSource(text).path
                guard try Hub.dataName(name) != nil else {
                    paths.append(text)
                    continue
                }
                Interrupt.heed()
                let weight = text.dropFirst(name.count)
                let files = try await FetchDisplay.fetching { try await Hub().fetchData(name, tell: $0) }
                guard files.count == 1 || !takesOneFile else {
                    let names = files.map { ($0 as NSString).lastPathComponent }.joined(separator: ", ")
                    throw UsageError("\(name) is \(files.count) files", expected: "one of them behind a colon: \(names)")
                }
                paths += files.map { $0 + weight }
            }
            if paths != texts { givenData[option] = paths }
        }
    }
}
