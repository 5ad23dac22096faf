public import Foundation
public import Swage

extension NativeTrainer {
    /// Opens a model for training, as ``init(model:optimizer:loss:checkpointDirectory:keptCheckpoints:chatTemplate:threads:profiles:matrixLibrary:)``
    /// does, at places that are URLs.
    /// - Throws: ``Swage/TrainerError``, with code `invalidOption` for what is no place on disk.
    public init(
        model: URL, optimizer: OptimizerOptions = .init(), loss: LossFunction = .crossEntropy, checkpointDirectory: URL,
        keptCheckpoints: Int? = nil, chatTemplate: String? = nil, threads: Int? = nil, profiles: Bool = false,
        matrixLibrary: MatrixLibrary = .automatic
    ) async throws {
        try await self.init(
            model: try model.filePath, optimizer: optimizer, loss: loss, checkpointDirectory: try checkpointDirectory.filePath,
            keptCheckpoints: keptCheckpoints, chatTemplate: chatTemplate, threads: threads, profiles: profiles, matrixLibrary: matrixLibrary)
    }
}

extension NativeSampler {
    /// Opens a model for sampling alone, as ``init(model:weights:chatTemplate:threads:matrixLibrary:)`` does, at a URL.
    /// - Throws: ``Swage/TrainerError``, with code `invalidOption` for what is no place on disk.
    public init(
        model: URL, weights: Weights = .float32, chatTemplate: String? = nil, threads: Int? = nil,
        matrixLibrary: MatrixLibrary = .automatic
    ) async throws {
        try await self.init(
            model: try model.filePath, weights: weights, chatTemplate: chatTemplate, threads: threads, matrixLibrary: matrixLibrary)
    }
}
