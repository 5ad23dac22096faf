import Foundation

/// A worker in a process of its own, and what it has said.
final class WorkerProcess {
    private let process = Process()
    private let pipe = Pipe()
    private var rest = Data()
    private(set) var last: Int?
    private(set) var findings: [(number: Int, what: String)] = []
    private(set) var (opened, refused, isDone) = (0, 0, false)

    var status: Int32 { process.terminationReason == .uncaughtSignal ? -1 : process.terminationStatus }

    init(_ arguments: [String]) throws {
        process.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        process.arguments = arguments
        process.standardOutput = pipe
        process.standardError = FileHandle.nullDevice
        try process.run()
    }

    /// Waits for the end, or ends it when nothing has been said for so many seconds of its own work.
    /// - Returns: how it ended, in words.
    func wait(patience: Double) -> String {
        let descriptor = pipe.fileHandleForReading.fileDescriptor
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        var quiet = 0.0
        var worked = 0.0
        while true {
            var poll = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            let isReady = Foundation.poll(&poll, 1, 250) > 0
            if isReady {
                let count = read(descriptor, &buffer, buffer.count)
                if count <= 0 { break }
                take(buffer[..<count])
                (quiet, worked) = (0, processorSeconds)
                continue
            }
            // On a busy machine a worker may wait its turn: only its own time counts, and a minute of silence.
            quiet += 0.25
            if processorSeconds - worked > patience || quiet > 60 {
                kill(process.processIdentifier, SIGKILL)
                process.waitUntilExit()
                return "it took more than \(Int(patience)) s"
            }
        }
        process.waitUntilExit()
        return process.terminationReason == .uncaughtSignal ? "signal \(process.terminationStatus)" : "status \(process.terminationStatus)"
    }

    /// The seconds of processor time that the process has used.
    private var processorSeconds: Double {
        guard let line = try? String(contentsOfFile: "/proc/\(process.processIdentifier)/stat", encoding: .utf8),
            let fields = line.split(separator: ")").last?.split(separator: " "), fields.count > 12,
            let user = Double(fields[11]), let system = Double(fields[12])
        else { return 0 }
        return (user + system) / Double(sysconf(Int32(_SC_CLK_TCK)))
    }

    private func take(_ bytes: ArraySlice<UInt8>) {
        rest += bytes
        while let feed = rest.firstIndex(of: 0x0A) {
            let line = String(decoding: rest[rest.startIndex..<feed], as: UTF8.self)
            rest = Data(rest[(feed + 1)...])
            let words = line.split(separator: " ", maxSplits: 2)
            switch words.first {
            case "!": findings.append((Int(words[1]) ?? 0, words.count > 2 ? String(words[2]) : ""))
            case "=": (opened, refused, isDone) = (Int(words[1]) ?? 0, Int(words[2]) ?? 0, true)
            default:
                guard words.count == 3, let number = Int(words[0]) else { continue }
                (last, opened, refused) = (number, Int(words[1]) ?? 0, Int(words[2]) ?? 0)
            }
        }
    }
}
