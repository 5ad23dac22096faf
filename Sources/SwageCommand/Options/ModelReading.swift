import ArgumentParser
import Swage
import SwageFiles

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

extension ModelReading {
    /// Has the model on this disk: one that is given by its name is fetched, if the cache does not have it.
    /// - Throws: ``TrainerError``; `CancellationError`.
    mutating func findModel() async throws {
        guard let model = givenModel, try Hub.name(model) != nil else { return }
        Interrupt.heed()
        givenModel = try await FetchDisplay.fetching { try await Hub().fetch(model, tell: $0) }
    }
}
