#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// The local time that `strftime_now` writes.
package struct TemplateClock: Sendable {
    private let parts: @Sendable () -> (time: tm, microseconds: Int)

    /// The computer's clock in its own time zone.
    package static let system = TemplateClock {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        var (seconds, time) = (now.tv_sec, tm())
        localtime_r(&seconds, &time)
        return (time, Int(now.tv_nsec) / 1000)
    }

    private init(_ parts: @escaping @Sendable () -> (time: tm, microseconds: Int)) { self.parts = parts }

    /// A clock that stands still.
    package static func fixed(
        year: Int, month: Int, day: Int, hour: Int = 0, minute: Int = 0, second: Int = 0, microsecond: Int = 0
    ) -> TemplateClock {
        let date = (year: year, month: month, day: day, hour: hour, minute: minute, second: second)
        return TemplateClock {
            var time = tm()
            time.tm_year = Int32(truncatingIfNeeded: date.year - 1900)
            time.tm_mon = Int32(truncatingIfNeeded: date.month - 1)
            time.tm_mday = Int32(truncatingIfNeeded: date.day)
            time.tm_hour = Int32(truncatingIfNeeded: date.hour)
            time.tm_min = Int32(truncatingIfNeeded: date.minute)
            time.tm_sec = Int32(truncatingIfNeeded: date.second)
            time.tm_isdst = -1
            let starts = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334]
            let isLeap = date.year % 4 == 0 && (date.year % 100 != 0 || date.year % 400 == 0)
            let dayOfYear = starts[(date.month - 1 + 12) % 12] + date.day - 1 + (isLeap && date.month > 2 ? 1 : 0)
            time.tm_yday = Int32(truncatingIfNeeded: dayOfYear)
            let years = date.year - 1
            time.tm_wday = Int32(truncatingIfNeeded: (years * 365 + years / 4 - years / 100 + years / 400 + dayOfYear + 1) % 7)
            return (time, microsecond)
        }
    }

    /// Python's `datetime.strftime`, for a time without a zone.
    func formatted(_ format: Text) -> Text {
        let (time, microseconds) = parts()
        var (pattern, index) = ([UInt8](), 0)
        while index < format.bytes.count {
            let byte = format.bytes[index]
            index += 1
            if byte != 0x25 || index >= format.bytes.count {
                pattern.append(byte)
                continue
            }
            let letter = format.bytes[index]
            index += 1
            switch letter {
            case 0x66:
                let digits = String(microseconds)
                pattern.append(contentsOf: (String(repeating: "0", count: max(0, 6 - digits.count)) + digits).utf8)
            case 0x7A, 0x5A: break
            default: pattern.append(contentsOf: [byte, letter])
            }
        }
        if pattern.isEmpty { return Text() }
        // A mark at the end tells an empty result from one that has no room.
        let marked = pattern.filter { $0 != 0 }.map { CChar(bitPattern: $0) } + [CChar(0x2E), 0]
        var copy = time
        for size in [256, 4096, 1 << 16] {
            var buffer = [CChar](repeating: 0, count: size + marked.count)
            let count = strftime(&buffer, buffer.count, marked, &copy)
            if count > 0 { return Text(buffer.prefix(count - 1).map { UInt8(bitPattern: $0) }) }
        }
        return Text()
    }
}
