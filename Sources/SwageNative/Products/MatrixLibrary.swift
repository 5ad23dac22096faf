import CSwageKernels
import Foundation
import Swage
import SwageFiles
import Synchronization

/// What multiplies matrices for the native engine: one for the whole process, from the first model that is opened on.
public enum MatrixLibrary: Sendable, Equatable {
    /// The CBLAS that the variable `SWAGE_BLAS` names (`none`: Swage's own kernels). Without it one beside the program, the
    /// system's, or Accelerate on a Mac; and where none is, Swage's own kernels.
    case automatic
    /// The CBLAS in the shared library at an absolute path.
    case at(String)
    /// Swage's own kernels, which need nothing, and reach some two thirds of a library's speed or more.
    case own

    private static let variable = "SWAGE_BLAS"

    /// Where the library is that multiplies; nil while nothing was chosen.
    private static let chosen = Mutex<Choice?>(nil)

    private struct Choice {
        /// Nil for Swage's own kernels.
        var path: String?
    }

    /// Takes this library, or makes sure that it is the one that was taken before.
    /// - Returns: its path; nil for Swage's own kernels.
    /// - Throws: ``Swage/TrainerError`` with code `missingDependency` for a library that was named and cannot be loaded, and
    ///   `invalidOption` for another than the one that is in use.
    @discardableResult
    package func use() throws -> String? {
        try Self.chosen.withLock { chosen in
            let path = try chosen.map(\.path) ?? find()
            guard isMet(by: path) else {
                throw TrainerError(
                    .invalidOption, "matrices are multiplied by \(path ?? "Swage's own kernels") in this process already",
                    expected: "one choice for all models")
            }
            chosen = Choice(path: path)
            return path
        }
    }

    private func isMet(by path: String?) -> Bool {
        switch self {
        case .automatic: true
        case .at(let wanted): path == wanted
        case .own: path == nil
        }
    }

    private func find() throws -> String? {
        switch self {
        case .own: return nil
        case .at(let path): return try Self.bind(path, namedBy: "the library")
        case .automatic:
            guard let named = ProcessInfo.processInfo.environment[Self.variable], !named.isEmpty else {
                return Self.candidates.first { swage_blas_bind($0) == nil }
            }
            return named == "none" ? nil : try Self.bind(named, namedBy: Self.variable)
        }
    }

    private static func bind(_ path: String, namedBy name: String) throws -> String {
        guard path.hasPrefix("/") || !path.contains("/") else {
            throw TrainerError(
                .missingDependency, "\(name) is \"\(path)\", which depends on the folder that a program is started in",
                expected: "an absolute path, or a plain name for the system to find")
        }
        guard let failure = swage_blas_bind(path) else { return path }
        throw TrainerError(
            .missingDependency, "\(name) is \"\(path)\", which cannot be loaded: \(String(cString: failure))",
            expected: "a CBLAS, such as the libscipy_openblas.so of `pip install scipy-openblas32`, or that of `apt install libopenblas0`")
    }

    private static var candidates: [String] {
        #if os(macOS)
        return ["/System/Library/Frameworks/Accelerate.framework/Accelerate"]
        #else
        let beside = foldersOfProgram.flatMap {
            ["\($0)/libscipy_openblas.so", "\($0)/.deps/scipy_openblas32/lib/libscipy_openblas.so"]
        }
        return beside.filter(FileManager.default.fileExists)
            + ["libscipy_openblas.so", "libopenblas.so.0", "libopenblas.so", "libblis.so.4", "libcblas.so.3"]
        #endif
    }
}
