import Foundation

/// Opens one damaged file after another, and says how far it is.
struct Worker {
    let folder: String
    let seed: UInt64
    let kinds: [FileKind]

    /// A file may take so many bytes of memory beyond what the largest one before it took.
    private static let memory = 192 << 20

    func run(_ files: Range<Int>) async throws {
        // A sanitizer takes room of its own.
        let isSanitized = ProcessInfo.processInfo.environment["ASAN_OPTIONS"] != nil
        // A file that asks for more ends here, and not with the machine.
        var limit = rlimit(rlim_cur: 6 << 30, rlim_max: 6 << 30)
        if !isSanitized { setrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit) }
        let progress = FileHandle.standardOutput
        let places = try Dictionary(uniqueKeysWithValues: kinds.map { ($0, try FilePlace($0, in: folder)) })
        var whole: [String: Data] = [:]
        var peak = Self.peak
        for number in files {
            let kind = kinds[number % kinds.count]
            let (content, trains) = try Self.file(number, kind, seed: seed, &whole)
            // By the number, the supervisor knows which file did not end.
            progress.write(Data("\(number) \(Outcome.opened) \(Outcome.refused)\n".utf8))
            var finding: String?
            do {
                finding = try await places[kind]!.finding(content, trains: trains)
            } catch let failure as FuzzFailure {
                finding = failure.what
            }
            let now = Self.peak
            if !isSanitized, now - peak > Self.memory, number > files.lowerBound + 200 { finding = "it took \((now - peak) >> 20) MB" }
            peak = max(peak, now)
            if let finding { progress.write(Data("! \(number) \(finding.replacingOccurrences(of: "\n", with: " "))\n".utf8)) }
        }
        progress.write(Data("= \(Outcome.opened) \(Outcome.refused)\n".utf8))
    }

    /// The damaged file of that number, and whether a model that opens is built.
    static func file(
        _ number: Int, _ kind: FileKind, seed: UInt64, _ whole: inout [String: Data]
    ) throws -> (content: Data, trains: Bool) {
        var damage = Damage(seed: seed, file: number)
        let model = damage.model()
        let key = "\(kind.rawValue) \(model)"
        let content = try whole[key] ?? WholeFiles.content(kind, model: model)
        whole[key] = content
        return (damage.damaged(content, kind.form), damage.chance(4))
    }

    private static var peak: Int {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        return usage.ru_maxrss << 10
    }
}
