import ArgumentParser
import Swage
import SwageFiles
import SwageText

/// A command that reads a model of this disk, which its user gives by its path or by its name in a hub.
protocol ModelReading: ParsableCommand {
    /// What was given; from ``findModel(_:)`` on, a path.
    var givenModel: String? { get set }
}

/// A command that opens a model in an engine.
protocol EngineCommand: ModelReading {
    var modelOptions: ModelOptions { get set }
}

extension EngineCommand {
    var givenModel: String? {
        get { modelOptions.model }
        set { modelOptions.model = newValue }
    }
}

extension SFTCommand: EngineCommand {}
extension DPOCommand: EngineCommand {}
extension GRPOCommand: EngineCommand {}
extension EvaluateCommand: EngineCommand {}
extension GenerateCommand: EngineCommand {}
extension ConformanceCommand: EngineCommand {}
#if Engines
extension ServeCommand: EngineCommand {}
#endif

extension InspectCommand: ModelReading {
    var givenModel: String? {
        get { model }
        set { model = newValue ?? model }
    }
}

extension DataShowCommand: ModelReading {
    var givenModel: String? {
        get { model }
        set { model = newValue ?? model }
    }
}

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
        get { [data] }
        set { data = newValue[0] }
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
                let source = try DataSource(text)
                guard try Hub.dataName(source.path) != nil else {
                    paths.append(text)
                    continue
                }
                Interrupt.heed()
                let weight = source.path == text ? "" : String(text.dropFirst(source.path.count))
                let files = try await FetchDisplay.fetching { try await Hub().fetchData(source.path, tell: $0) }
                paths += files.map { $0 + weight }
            }
            if paths != texts { givenData[option] = paths }
        }
    }
}

extension ModelReading {
    /// Has the model on this disk: one that is given by its name is fetched, if the cache does not have it.
    /// - Throws: ``TrainerError``; `CancellationError`.
    mutating func findModel() async throws {
        guard let model = givenModel, try Hub.name(model) != nil else { return }
        Interrupt.heed()
        givenModel = try await FetchDisplay.fetching { try await Hub().fetch(model, tell: $0) }
    }
}
