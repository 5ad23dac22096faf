import Foundation

/// Starts a worker, and another one after each file that ended it; keeps such files, made as small as they can be.
struct Supervisor {
    let seed: UInt64
    let kinds: [FileKind]

    /// How long one file may take.
    private static let patience = 2.0
    /// How many times a finding is made smaller.
    private static let attempts = 60

    /// - Returns: the number of findings.
    func run(_ count: Int) throws -> Int {
        let memory = FileManager.default.fileExists(atPath: "/dev/shm") ? "/dev/shm" : NSTemporaryDirectory()
        let folder = "\(memory)/swage-fuzz-\(ProcessInfo.processInfo.processIdentifier)"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let start = Date()
        var (next, opened, refused, findings) = (0, 0, 0, 0)
        while next < count {
            let worker = try WorkerProcess(["--work", folder, "\(next)", "\(count)", "\(seed)"] + kinds.map(\.rawValue))
            let ended = worker.wait(patience: Self.patience)
            for line in worker.findings {
                findings += 1
                try report(line.number, line.what, folder)
            }
            opened += worker.opened
            refused += worker.refused
            guard let last = worker.last, !worker.isDone else { break }
            findings += 1
            try report(last, ended, folder)
            next = last + 1
        }
        let seconds = Date().timeIntervalSince(start)
        print("\(count) files of \(kinds.count) kinds, seed \(seed): \(opened) opened, \(refused) refused, \(findings) findings, \(Int(seconds)) s")
        return findings
    }

    private func report(_ number: Int, _ what: String, _ folder: String) throws {
        let kind = kinds[number % kinds.count]
        var whole: [String: Data] = [:]
        var content = try Worker.file(number, kind, seed: seed, &whole).content
        let kept = "\(NSTemporaryDirectory())/swage-fuzz-findings"
        try FileManager.default.createDirectory(atPath: kept, withIntermediateDirectories: true)
        let path = "\(kept)/\(kind.rawValue)-\(seed)-\(number)"
        try content.write(to: URL(fileURLWithPath: path))
        content = smaller(content, kind, path, folder)
        try content.write(to: URL(fileURLWithPath: path))
        print("finding: file \(number) of kind \(kind.rawValue): \(what); kept as \(path), \(content.count) bytes")
    }

    /// Leaves out stretches as long as the file is still a finding.
    private func smaller(_ content: Data, _ kind: FileKind, _ path: String, _ folder: String) -> Data {
        var best = content
        var attempts = Self.attempts
        var part = max(1, best.count / 2)
        while attempts > 0, part >= 1 {
            var start = 0
            while start < best.count, attempts > 0 {
                var less = best
                less.removeSubrange(start..<min(best.count, start + part))
                attempts -= 1
                if isFinding(less, kind, path, folder) { best = less } else { start += part }
            }
            part /= 2
        }
        return best
    }

    private func isFinding(_ content: Data, _ kind: FileKind, _ path: String, _ folder: String) -> Bool {
        let trial = path + ".trial"
        defer { try? FileManager.default.removeItem(atPath: trial) }
        guard (try? content.write(to: URL(fileURLWithPath: trial))) != nil,
            let process = try? WorkerProcess(["--check", folder, kind.rawValue, trial])
        else { return false }
        _ = process.wait(patience: Self.patience)
        return process.status != 0
    }
}
