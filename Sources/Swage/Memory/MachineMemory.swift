#if canImport(Darwin)
import Darwin
#elseif canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// What memory the machine can still give to this process.
package enum MachineMemory {
    /// In bytes: the least of what the system, every control group around this process, and the process's own limits leave.
    package static var available: Int {
        let found = [systemLeft, addressSpaceLeft].compactMap(\.self) + groupsLeft
        return max(0, found.min() ?? physical)
    }

    private static var physical: Int {
        let (pages, size) = (sysconf(Int32(_SC_PHYS_PAGES)), sysconf(Int32(_SC_PAGESIZE)))
        return elementCount([pages, size]) ?? .max
    }

    /// What the system could give without swapping.
    private static var systemLeft: Int? {
        guard let kibibytes = number(after: "MemAvailable:", in: "/proc/meminfo") else { return nil }
        return elementCount([kibibytes, 1024])
    }

    /// What `ulimit -v` leaves.
    private static var addressSpaceLeft: Int? {
        guard let limit = number(after: "Max address space", in: "/proc/self/limits"),
            let pages = content(of: "/proc/self/statm")?.split(separator: " ").first.flatMap({ Int($0) })
        else { return nil }
        return limit - pages * sysconf(Int32(_SC_PAGESIZE))
    }

    /// What each control group that this process is in leaves, by either version of control groups.
    private static var groupsLeft: [Int] {
        guard let groups = content(of: "/proc/self/cgroup") else { return [] }
        return groups.split(separator: "\n").flatMap { line -> [Int] in
            let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard fields.count == 3 else { return [] }
            if fields[0] == "0" { return folders("/sys/fs/cgroup", fields[2]).compactMap(leftInGroup) }
            guard fields[1].split(separator: ",").contains("memory") else { return [] }
            return folders("/sys/fs/cgroup/memory", fields[2]).compactMap(leftInOldGroup)
        }
    }

    private static func leftInGroup(_ folder: String) -> Int? {
        guard let limit = number(in: folder + "/memory.max"), let used = number(in: folder + "/memory.current") else { return nil }
        // Cached files that nothing has used of late are given back first.
        return limit - used + (number(after: "inactive_file", in: folder + "/memory.stat") ?? 0)
    }

    private static func leftInOldGroup(_ folder: String) -> Int? {
        guard let limit = number(in: folder + "/memory.limit_in_bytes"),
            let used = number(in: folder + "/memory.usage_in_bytes")
        else { return nil }
        return limit - used + (number(after: "total_inactive_file", in: folder + "/memory.stat") ?? 0)
    }

    /// A group's folder and those around it.
    private static func folders(_ root: String, _ path: Substring) -> [String] {
        path.split(separator: "/").reduce(into: [root]) { folders, name in folders.append(folders.last! + "/" + name) }
    }

    private static func number(in path: String) -> Int? {
        content(of: path).flatMap { Int($0.split(separator: "\n").first ?? "") }
    }

    /// The number that follows `label` at the beginning of a line.
    private static func number(after label: String, in path: String) -> Int? {
        guard let line = content(of: path)?.split(separator: "\n").first(where: { $0.hasPrefix(label) }) else { return nil }
        return line.dropFirst(label.count).split(separator: " ").first.flatMap { Int($0) }
    }

    /// A small file of the system; nil if there is none.
    private static func content(of path: String) -> String? {
        let file = open(path, O_RDONLY)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: 1 << 14)
        var count = 0
        while count < bytes.count {
            let found = bytes.withUnsafeMutableBytes { read(file, $0.baseAddress! + count, $0.count - count) }
            guard found > 0 else { break }
            count += found
        }
        return String(decoding: bytes[..<count], as: UTF8.self)
    }
}

/// The value of an environment variable.
func environmentVariable(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }
