import CSwageKernels
import Foundation
import Swage
import SwageFiles

/// The CBLAS that multiplies matrices, found once for the process.
enum BLASLibrary {
    /// The environment variable that names a library before all others.
    static let variable = "SWAGE_BLAS"

    /// The path of the library that was bound.
    /// - Throws: ``TrainerError`` with code `missingDependency` that says how to get one.
    static func bind() throws -> String { try bound.get() }

    private static let bound: Result<String, TrainerError> = {
        if let chosen, chosen.contains("/"), !chosen.hasPrefix("/") {
            return .failure(
                TrainerError(
                    .missingDependency, "\(variable) is \"\(chosen)\", which depends on the folder that a program is started in",
                    expected: "an absolute path, or a plain name for the system to find"))
        }
        var failures: [String] = []
        for candidate in candidates {
            guard let failure = swage_blas_bind(candidate) else { return .success(candidate) }
            failures.append("\(candidate) (\(String(cString: failure)))")
        }
        return .failure(
            TrainerError(
                .missingDependency, "no CBLAS could be loaded; tried \(failures.joined(separator: ", "))",
                expected: """
                    one of: `make deps` in a clone of Swage; `pip install scipy-openblas32` and \(variable) set to its \
                    libscipy_openblas.so; `apt install libopenblas0`
                    """))
    }()

    private static var chosen: String? {
        ProcessInfo.processInfo.environment[variable].flatMap { $0.isEmpty ? nil : $0 }
    }

    private static var candidates: [String] {
        if let chosen { return [chosen] }
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
