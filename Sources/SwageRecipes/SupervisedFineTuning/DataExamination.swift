import Swage
import SwageText
import Synchronization

/// Looks at all examples of a file as they will be used: before anything is done with them, or, where the file is large,
/// beside it.
final class DataExamination<Example: JSONLineDecodable>: Sendable {
    /// How many examples of a large file are looked at in one go.
    private static var piece: Int { 1024 }

    /// The examples that can be used, as far as that is known from the beginning on.
    let examples: Examples<Example>
    private let findings: Findings
    private let task: Task<Void, Never>?

    /// What is known so far.
    private final class Findings: Sendable {
        private let state: Mutex<(report: DataReport, failure: TrainerError?)>

        init(_ report: DataReport) { state = Mutex((report, nil)) }

        var report: DataReport {
            get { state.withLock { $0.report } }
            set { state.withLock { $0.report = newValue } }
        }
        var failure: TrainerError? {
            get { state.withLock { $0.failure } }
            set { state.withLock { $0.failure = newValue } }
        }
    }

    /// - Parameters:
    ///   - bytesAtOnce: the size of the largest file that is looked at before anything is done.
    ///   - observe: told what became of the file; twice for a large one.
    ///   - examine: as in ``SwageText/Examples/examine(_:_:)``.
    /// - Throws: ``Swage/TrainerError`` with code `invalidData` for an example that cannot be used, or if none can.
    init<Use>(
        _ data: Examples<Example>, bytesAtOnce: Int, observe: @escaping @Sendable (DataReport) -> Void,
        _ examine: @escaping @Sendable (Example) throws -> Examination<Use>
    ) throws {
        guard data.byteCount > bytesAtOnce else {
            let (uses, report) = try data.examine(nil, examine)
            observe(report)
            guard !uses.isEmpty else { throw report.nothingToUse }
            examples = uses.count == data.count ? data : data.keeping(uses.lazy.map(\.index))
            (findings, task) = (Findings(report), nil)
            return
        }
        examples = data
        observe(data.report)
        let findings = Findings(data.report)
        self.findings = findings
        task = Task.detached(priority: .background) { Self.lookThrough(data, findings, observe, examine) }
    }

    private static func lookThrough<Use>(
        _ data: Examples<Example>, _ findings: Findings, _ observe: (DataReport) -> Void,
        _ examine: @Sendable (Example) throws -> Examination<Use>
    ) {
        var report = data.report
        do {
            for begin in stride(from: 0, to: data.count, by: piece) {
                if Task.isCancelled { return }
                let part = Array(begin..<min(begin + piece, data.count))
                _ = try data.examine(part, adding: &report, isConcurrent: false, examine)
                findings.report = report
            }
            observe(report)
            if report.used == 0 { throw report.nothingToUse }
        } catch {
            findings.failure = error as? TrainerError ?? TrainerError(.invalidData, error.summary)
        }
    }

    /// What became of the file, as far as is known.
    var report: DataReport { findings.report }

    /// - Throws: ``Swage/TrainerError`` with code `invalidData` for what has been found since.
    func check() throws { if let failure = findings.failure { throw failure } }

    /// Whether it goes on beside what is done with the examples.
    var isUnderWay: Bool { task != nil && report.unseen > 0 }

    func cancel() { task?.cancel() }
}

extension DataReport {
    /// The error that says why nothing is left.
    var nothingToUse: TrainerError {
        TrainerError(
            .invalidData, "none of the \(rows) rows of \(path) can be used: \(leftOut.map { "\($0.reason) (\($0.rows))" }.joined(separator: ", "))",
            expected: "at least one")
    }
}
