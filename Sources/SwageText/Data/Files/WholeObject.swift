import Foundation
import Swage

/// Tells a file that is one JSON object, or objects over several lines each, from JSON lines.
enum WholeObject {
    /// Under which rows lie in files that are one object.
    private static let keys: Set = [
        "data", "rows", "examples", "instances", "records", "items", "samples", "train", "test", "validation", "dataset", "entries",
    ]

    /// - Parameter isWhole: whether the bytes are all of the file.
    /// - Throws: ``TrainerError`` with code `invalidData`, saying what the file is.
    static func refuse(_ bytes: UnsafeBufferPointer<UInt8>, path: String, isWhole: Bool) throws {
        guard let start = bytes.firstIndex(of: UInt8(ascii: "{")) else { return }
        let (end, firstLineEndsWithin) = extent(of: start, in: bytes)
        guard let end else {
            // Beyond what was looked at: an object whose first line ends between two of its parts is no line of JSON.
            guard firstLineEndsWithin, !isWhole, isCut(Data(bytes[start...])) else { return }
            throw severalLines(path, "begins with")
        }
        let rest = bytes[end...].first { !$0.isJSONSpace }
        if rest == nil, isWhole {
            guard let object = (try? JSONValue(json: Data(bytes[start..<end])))?.object else { return }
            let known = object.members.first { member in
                keys.contains(member.key) && member.value.list?.isEmpty == false && member.value.list!.allSatisfy { $0.object != nil }
            }
            if let known {
                throw TrainerError(
                    .invalidData, "\(path) is one object, whose rows lie in a list under \"\(known.key)\"",
                    expected: "that list alone, as jq .\(known.key) makes it")
            }
            guard firstLineEndsWithin else { return }
            throw severalLines(path, "is")
        }
        if firstLineEndsWithin, (try? JSONValue(json: Data(bytes[start..<end]))) != nil { throw severalLines(path, "begins with") }
    }

    /// Whether a text is JSON as far as it goes.
    private static func isCut(_ text: Data) -> Bool {
        do {
            _ = try JSONValue(json: text)
            return false
        } catch {
            return ["the text ends", "the end ", "does not end"].contains { error.summary.contains($0) }
        }
    }

    private static func severalLines(_ path: String, _ verb: String) -> TrainerError {
        TrainerError(
            .invalidData, "\(path) \(verb) one JSON object over several lines",
            expected: "one object a line, as jq -c . makes it, or a list of objects in brackets")
    }

    /// Where the object ends that begins at `start`, and whether a line ends between two of its parts.
    private static func extent(of start: Int, in bytes: UnsafeBufferPointer<UInt8>) -> (end: Int?, hasLineFeed: Bool) {
        var (place, depth, hasLineFeed) = (start, 0, false)
        while place < bytes.count {
            switch bytes[place] {
            case UInt8(ascii: "\""):
                place += 1
                while true {
                    place = bytes.firstOfText(from: place)
                    guard place < bytes.count else { return (nil, hasLineFeed) }
                    // A line that ends within a text is a broken line.
                    if bytes[place] < 0x20 { return (nil, false) }
                    if bytes[place] == UInt8(ascii: "\"") { break }
                    place += 2
                }
            case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                depth -= 1
                if depth == 0 { return (place + 1, hasLineFeed) }
            case 0x0A: hasLineFeed = true
            default: break
            }
            place += 1
        }
        return (nil, hasLineFeed)
    }
}
