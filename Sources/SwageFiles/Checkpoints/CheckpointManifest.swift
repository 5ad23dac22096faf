import Foundation
package import Swage
import SwageText

/// What a checkpoint says about itself, in the file `checkpoint.json`. It is written last.
package struct CheckpointManifest: Codable, Sendable, Equatable {
    package static let fileName = "checkpoint.json"
    package static let currentFormat = 1

    package var format = CheckpointManifest.currentFormat
    /// What the weights belong to: equal for models whose parameters have the same names and shapes.
    package var modelSignature: String
    package var step: Int
    package var weightsOnly: Bool
    package var accumulatedMicrobatches = 0
    /// The sum of the accumulated microbatches' denominators.
    package var accumulatedDenominator = 0.0
    package var optimizer: OptimizerOptions?
    /// One more than the highest of the checkpoints beside it when it was written; nil for one that is older than that.
    package var sequence: Int?
    /// Nanoseconds since 1970, for people: clocks are set back.
    package var savedAt: UInt64 = 0
    /// The size of every file that belongs to the checkpoint.
    package var fileSizes: [String: Int] = [:]
    /// The CRC-32 of each of those files, as eight hexadecimal digits; nil for a checkpoint that is older than that.
    package var fileChecksums: [String: String]?
    /// That of `checkpoint.json` itself, as ``ManifestChecksum`` computes it; nil for a checkpoint that is older than that.
    package var manifestChecksum: String?

    package init(modelSignature: String, step: Int, weightsOnly: Bool) {
        self.modelSignature = modelSignature
        self.step = step
        self.weightsOnly = weightsOnly
    }

    /// Larger numbers count nothing, and could not be counted on from.
    static let largestCount = 1 << 53
    /// More than the names and sizes of any checkpoint's files take.
    private static let maximumBytes = 16 << 20

    /// The manifest in a folder, whether or not the files that it names are there; nil for a folder that has none.
    /// - Parameter asWritten: whether it has to be as it was written. What it names is ours to replace in any case.
    /// - Throws: ``TrainerError`` with code `corruptFile`, or `checkpointMismatch` for one of another format.
    static func read(from folder: String, asWritten: Bool = true) throws -> CheckpointManifest? {
        let file = folder + "/" + fileName
        switch FileKind(file) {
        case .nothing: return nil
        case .file: break
        case .folder, .other:
            try ModelFolder(path: folder).requireEntrance()
            throw TrainerError(.corruptFile, "\(file) is no file")
        }
        let size = (try? FileManager.default.attributesOfItem(atPath: file)[.size] as? NSNumber)?.intValue ?? 0
        guard size <= maximumBytes else {
            throw TrainerError(.corruptFile, "\(file) has \(size) bytes", expected: "at most \(maximumBytes)")
        }
        guard let manifest = try ModelFolder(path: folder).decode(CheckpointManifest.self, fileName) else { return nil }
        guard manifest.format == currentFormat else {
            throw TrainerError(
                .checkpointMismatch, "\(folder) has the checkpoint format \(manifest.format)",
                expected: "format \(currentFormat)")
        }
        try manifest.validate(file)
        guard try !asWritten || ManifestChecksum.fits(ModelFolder(path: folder).required(fileName)) else {
            throw TrainerError(.corruptFile, "\(file) is not as it was written", expected: "the file that the trainer has written")
        }
        return manifest
    }

    /// - Throws: ``TrainerError`` with code `corruptFile` for what no trainer writes.
    private func validate(_ file: String) throws {
        func check(_ fits: Bool, _ what: String, _ expected: String) throws {
            guard fits else { throw TrainerError(.corruptFile, "\(file): \(what)", expected: expected) }
        }
        let counts = [("step", step), ("accumulatedMicrobatches", accumulatedMicrobatches), ("sequence", sequence ?? 0)]
        for (name, count) in counts + fileSizes.sorted(by: { $0.key < $1.key }).map({ ("the size of \"\($0.prefix(100))\"", $1) }) {
            try check((0...Self.largestCount).contains(count), "\(name) is \(count)", "0 to \(Self.largestCount)")
        }
        for name in fileSizes.keys.sorted() {
            try check(name.isPlainFileName, "a file's name is \"\(name.prefix(100))\"", "a plain file name")
        }
        for (name, checksum) in (fileChecksums ?? [:]).sorted(by: { $0.key < $1.key }) {
            try check(
                fileSizes[name] != nil && FileChecksum.isOne(checksum), "the checksum of \"\(name.prefix(100))\" is \"\(checksum.prefix(100))\"",
                "eight hexadecimal digits for a file that fileSizes names")
        }
        let accumulates = accumulatedMicrobatches > 0
        try check(
            accumulatedDenominator.isFinite && (accumulates ? accumulatedDenominator > 0 : accumulatedDenominator == 0),
            "\(accumulatedMicrobatches) microbatches have the denominator \(accumulatedDenominator)",
            "a number above 0, and 0 for none")
        try check(
            !(accumulates && weightsOnly), "weights alone have accumulated \(accumulatedMicrobatches) microbatches", "0")
        do {
            try optimizer?.validate()
        } catch let error as TrainerError {
            throw TrainerError(.corruptFile, "\(file): \(error.message)", expected: error.expected)
        }
    }
}

extension String {
    /// Whether this names a file in a folder, and nothing above or below it.
    var isPlainFileName: Bool {
        !isEmpty && self != "." && self != ".." && utf8.count <= 255
            && !unicodeScalars.contains { $0 == "/" || $0.value < 0x20 || $0.value == 0x7f }
    }
}
