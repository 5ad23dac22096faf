import Foundation
import Swage
import SwageFiles

/// The names in a checkpoint's folder, beside what makes it a Hugging Face folder.
private enum CheckpointFile {
    static let weights = "model.safetensors"
    static let optimizer = "optimizer.safetensors"
    static let gradients = "gradients.safetensors"
    static let meanPrefix = "exp_avg."
    static let squarePrefix = "exp_avg_sq."
}

extension NativeEngine {
    func save(name: String?, path: String?, weightsOnly: Bool) throws -> SavedCheckpoint {
        let destination = try store.destination(name: name, path: path, weightsOnly: weightsOnly, step: state.step)
        var manifest = CheckpointManifest(
            modelSignature: model.layout.signature, step: state.step, weightsOnly: weightsOnly)
        if !weightsOnly {
            manifest.optimizer = state.options
            manifest.accumulatedMicrobatches = state.accumulatedMicrobatches
            manifest.accumulatedDenominator = state.accumulatedDenominator
        }
        try store.write(manifest, to: destination) { directory in
            for (name, data) in files.companions {
                try AtomicDirectory.writeFile(data, to: directory + "/" + name)
            }
            try write([(model.parameters, "")], directory, CheckpointFile.weights)
            if weightsOnly { return }
            if let optimizer {
                let moments = [
                    (optimizer.mean, CheckpointFile.meanPrefix), (optimizer.square, CheckpointFile.squarePrefix),
                ]
                try write(moments, directory, CheckpointFile.optimizer)
            }
            if state.accumulatedMicrobatches > 0, let gradients {
                try write([(gradients.buffer, "")], directory, CheckpointFile.gradients)
            }
        }
        if name == nil, path == nil, !weightsOnly, let keptCheckpoints {
            store.keepNewest(keptCheckpoints, written: destination)
        }
        return SavedCheckpoint(path: destination)
    }

    /// Reads everything into fresh memory before anything changes, so that a broken checkpoint changes nothing.
    func load(_ path: String?) throws -> LoadedCheckpoint {
        let (path, manifest) = try store.open(path)
        if let manifest, manifest.modelSignature != model.layout.signature {
            throw TrainerError(
                .checkpointMismatch, "\(path) belongs to a model with \(manifest.modelSignature)",
                expected: "one with \(model.layout.signature)")
        }
        try requireSameModel(path)
        guard let manifest, !manifest.weightsOnly else { return try loadWeights(path) }

        let weights = try read(path, CheckpointFile.weights)
        var restored: AdamW?
        if manifest.fileSizes[CheckpointFile.optimizer] != nil {
            let moments = try [CheckpointFile.meanPrefix, CheckpointFile.squarePrefix].map { try read(path, CheckpointFile.optimizer, prefix: $0) }
            restored = AdamW(model.layout, team: model.team, moments: moments)
        }
        guard (manifest.fileSizes[CheckpointFile.gradients] != nil) == (manifest.accumulatedMicrobatches > 0) else {
            throw TrainerError(
                .corruptFile, "\(path) has accumulated \(manifest.accumulatedMicrobatches) microbatches",
                expected: "\(CheckpointFile.gradients) where there are some, and only there")
        }
        let accumulated = manifest.accumulatedMicrobatches > 0 ? try read(path, CheckpointFile.gradients) : nil

        takeOver(weights, restored)
        if let accumulated {
            if let gradients { spares.keep(gradients.buffer) }
            gradients = GradientSum(model.layout, team: model.team, holding: accumulated)
        }
        state = State(
            step: manifest.step, accumulatedMicrobatches: manifest.accumulatedMicrobatches,
            accumulatedDenominator: manifest.accumulatedDenominator, options: manifest.optimizer ?? state.options)
        return LoadedCheckpoint(path: path, step: state.step, weightsOnly: false)
    }

    /// Takes over weights for writing alone.
    func updateWeights(from path: String, version: Int) throws {
        guard !model.isInEightBits else {
            throw TrainerError(.unsupported, "weights in 8 bits are not updated", expected: "a sampler in float32")
        }
        _ = try loadWeights(path)
        state.step = version
    }

    /// Takes over the weights of a weights-only checkpoint, or of any model of the same shape, and starts anew.
    private func loadWeights(_ path: String) throws -> LoadedCheckpoint {
        let source = try ModelFiles.open(path)
        try source.checkShapes(model.layout.parameters.map { ($0.name, $0.shape) })
        let weights = try spares.take(for: "the weights at \(path)")[0]
        try DecoderModel.read(source.weights, model.layout, into: weights, team: model.team, place: path)
        takeOver(weights, nil)
        state = State(options: state.options)
        return LoadedCheckpoint(path: path, step: 0, weightsOnly: true)
    }

    private func takeOver(_ weights: FloatBuffer, _ restored: AdamW?) {
        model.parameters.exchange(with: weights)
        spares.keep(weights)
        if let optimizer { for moments in [optimizer.mean, optimizer.square] { spares.keep(moments) } }
        optimizer = restored
    }

    private func read(_ path: String, _ file: String, prefix: String = "") throws -> FloatBuffer {
        let stored = Prefixed(source: try SafetensorsFile(path: path + "/" + file), prefix: prefix)
        for parameter in model.layout.parameters where stored.shape(of: parameter.name) != parameter.shape {
            throw TrainerError(
                .corruptFile, "\(path)/\(file): \"\(prefix)\(parameter.name)\" is missing or has another shape",
                expected: "shape \(parameter.shape)")
        }
        let buffer = try spares.take(for: "\(path)/\(file)")[0]
        try DecoderModel.read(stored, model.layout, into: buffer, team: model.team, place: "\(path)/\(file)")
        return buffer
    }

    private func write(_ buffers: [(FloatBuffer, prefix: String)], _ directory: String, _ file: String) throws {
        let tensors = buffers.flatMap { buffer, prefix in model.layout.parameters.map { (buffer, prefix + $0.name, $0) } }
        let turned = tensors.reduce(0) { $0 + ($1.2.order == .same ? 0 : $1.2.count) }
        let room = try FloatBuffer(count: turned, for: "\(file) in the order of its files")
        var used = 0
        let views = tensors.map { buffer, name, parameter in
            var start = buffer.start + parameter.offset
            if parameter.order != .same {
                parameter.order.restore(start, shape: parameter.shape, to: room.start + used)
                start = room.start + used
                used += parameter.count
            }
            return TensorView(name: name, shape: parameter.shape, elements: UnsafeBufferPointer(start: start, count: parameter.count))
        }
        try withExtendedLifetime(room) { try SafetensorsWriter.write(views, to: directory + "/" + file) }
    }
}

/// Weights whose names have something before them.
private struct Prefixed: WeightSource {
    let source: SafetensorsFile
    let prefix: String

    var tensorNames: Set<String> { source.tensorNames }
    func shape(of name: String) -> [Int]? { source.shape(of: prefix + name) }
    func read(_ name: String, into destination: UnsafeMutableBufferPointer<Float>) throws {
        try source.read(prefix + name, into: destination)
    }
}
