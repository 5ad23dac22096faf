import ArgumentParser
import Foundation
import Swage
import SwageFiles
import SwageText

/// A command that reads rows, from files of this disk or from datasets of a hub.
protocol DataNaming: ParsableCommand {
    /// What was given, a list for each option; from ``findData()`` on, paths.
    var givenData: [[String]] { get set }
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
        get { [data, problems] }
        set { (data, problems) = (newValue[0], newValue[1]) }
    }
}

extension GRPOCommand: DataNaming {
    var givenData: [[String]] {
        get { [problemOptions.data, problemOptions.heldOut] }
        set { (problemOptions.data, problemOptions.heldOut) = (newValue[0], newValue[1]) }
    }
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
                let name = try DataSource(text).path
                guard try Hub.dataName(name) != nil else {
                    paths.append(text)
                    continue
                }
                Interrupt.heed()
                let weight = text.dropFirst(name.count)
                let files = try await FetchDisplay.fetching { try await Hub().fetchData(name, tell: $0) }
                paths += files.map { $0 + weight }
            }
            if paths != texts { givenData[option] = paths }
        }
    }
}
