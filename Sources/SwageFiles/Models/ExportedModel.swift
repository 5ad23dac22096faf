import Foundation
import Swage

/// A model that a trainer has written, looked at before anybody is told that it is there.
package enum ExportedModel {
    /// Makes sure that the folder opens again, and that every weight is a number.
    ///
    /// A folder that is not there is one of another machine, whose trainer wrote it.
    /// - Throws: ``TrainerError`` with code `nonFinite` or `corruptFile`, or `inputOutput` if a file is missing.
    package static func check(_ path: String) throws {
        guard FileManager.default.fileExists(atPath: path) else { return }
        let folder = ModelFolder(path: path)
        guard (try? JSONSerialization.jsonObject(with: try folder.required("config.json"))) is [String: Any] else {
            throw TrainerError(.corruptFile, "\(path)/config.json holds no configuration")
        }
        let names = try FileManager.default.contentsOfDirectory(atPath: path).filter { $0.hasSuffix(".safetensors") }.sorted()
        guard !names.isEmpty else { throw TrainerError(.corruptFile, "the trained model in \(path) has no weights") }
        for name in names {
            let file = try SafetensorsFile(path: path + "/" + name)
            for tensor in file.tensors.values.sorted(by: { $0.range.lowerBound < $1.range.lowerBound }) {
                guard let odd = try file.firstNonFinite(tensor) else { continue }
                throw TrainerError(
                    .nonFinite, "the trained model in \(path) is unusable: element \(odd.index) of \"\(tensor.name)\" is \(odd.value)",
                    expected: "finite weights: a lower learning rate")
            }
        }
    }
}

extension SafetensorsFile {
    /// The first element of a tensor that is no finite number.
    fileprivate func firstNonFinite(_ tensor: StoredTensor) throws -> (index: Int, value: Float)? {
        let atOnce = 1 << 20
        return try withUnsafeTemporaryAllocation(of: Float.self, capacity: min(atOnce, max(1, tensor.elementCount))) { room in
            for begin in stride(from: 0, to: tensor.elementCount, by: atOnce) {
                let values = UnsafeMutableBufferPointer(rebasing: room[..<min(atOnce, tensor.elementCount - begin)])
                try read(tensor, from: begin, into: values)
                // Of a number that is not finite every bit of the exponent is set.
                let exponent: UInt32 = 0x7F80_0000
                guard values.contains(where: { $0.bitPattern & exponent == exponent }) else { continue }
                let index = values.firstIndex { !$0.isFinite } ?? 0
                return (begin + index, values[index])
            }
            return nil
        }
    }
}
