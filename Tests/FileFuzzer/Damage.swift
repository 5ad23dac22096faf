import Foundation
import Swage
import SwageText

/// Makes damaged files of whole ones.
struct Damage {
    private var random: SeededGenerator

    init(seed: UInt64, file: Int) { random = SeededGenerator(seed: seed, stream: UInt64(file)) }

    mutating func model() -> String { FileKind.models[below(FileKind.models.count)] }
    mutating func chance(_ oneIn: Int) -> Bool { below(oneIn) == 0 }
    private mutating func below(_ limit: Int) -> Int { Int.random(in: 0..<limit, using: &random) }

    mutating func damaged(_ whole: Data, _ form: FileKind.Form) -> Data {
        if chance(4) { return bytewise(whole, among: form == .binary ? 12_000 : whole.count) }
        switch form {
        case .json: return json(whole)
        case .text: return words(whole)
        case .lines:
            let lines = whole.split(separator: 0x0A, omittingEmptySubsequences: false)
            let odd = below(max(1, lines.count))
            return Data(lines.enumerated().map { $0 == odd ? json(Data($1)) : Data($1) }.joined(separator: chance(9) ? [0x0D, 0x0A] : [0x0A]))
        case .safetensors:
            let length = whole.withUnsafeBytes { Int(UInt64(littleEndian: $0.loadUnaligned(as: UInt64.self))) }
            let header = json(whole[8..<8 + length])
            let claimed = chance(8) ? UInt64(bitPattern: Int64(extremes[below(extremes.count)])) : UInt64(header.count)
            return withUnsafeBytes(of: claimed.littleEndian) { Data($0) } + header + whole.dropFirst(8 + length)
        case .binary: return fields(whole)
        }
    }

    private let extremes = [
        0, 1, -1, 2, 3, 7, 255, 65_536, 1 << 20, 1 << 24, 1 << 31, 1 << 32, 1 << 40, 1 << 53, 1 << 60, 1 << 62, Int.max, Int.min, -2, 0x8000_0000,
    ]

    /// Cut, extended, bytes changed, stretches moved.
    private mutating func bytewise(_ whole: Data, among count: Int) -> Data {
        guard !whole.isEmpty else { return Data([UInt8(below(256))]) }
        var bytes = Data(whole)
        switch below(5) {
        case 0: return bytes.prefix(below(bytes.count + 1))
        case 1: return bytes + Data((0..<below(64)).map { _ in UInt8(below(256)) })
        case 2:
            let start = below(bytes.count)
            bytes.removeSubrange(start..<min(bytes.count, start + 1 + below(16)))
            return bytes
        default:
            for _ in 0...below(4) { bytes[below(min(count, bytes.count))] = UInt8(below(256)) }
            return bytes
        }
    }

    /// Whole numbers of 1, 2, 4 and 8 bytes anywhere in the header, set to what is hard to count with.
    private mutating func fields(_ whole: Data) -> Data {
        var bytes = Data(whole)
        for _ in 0...below(3) {
            let size = 1 << below(4)
            let place = below(max(1, min(chance(2) ? 300 : 12_000, bytes.count - size)))
            let value = chance(3) ? below(40) : extremes[below(extremes.count)]
            withUnsafeBytes(of: Int64(value).littleEndian) { bytes.replaceSubrange(place..<place + size, with: $0.prefix(size)) }
        }
        return bytes
    }

    /// Words and marks of a template left out, doubled, moved, or replaced by others of it or by some that are hard to read.
    private mutating func words(_ whole: Data) -> Data {
        var words = String(decoding: whole, as: UTF8.self).split { $0 == " " || $0 == "\n" }.map(String.init)
        for _ in 0...below(3) where !words.isEmpty {
            let place = below(words.count)
            switch below(6) {
            case 0: words.remove(at: place)
            case 1: words.insert(words[below(words.count)], at: place)
            case 2: words.swapAt(place, below(words.count))
            case 3: words[place] = words[below(words.count)]
            case 4: words.insert(Self.hardWords[below(Self.hardWords.count)], at: place)
            default: words[place] = String(decoding: bytewise(Data(words[place].utf8), among: words[place].utf8.count), as: UTF8.self)
            }
        }
        return Data(words.joined(separator: " ").utf8)
    }

    private static let hardWords = [
        "{%", "%}", "{{", "}}", "{#", "{%- for x in range(999999999) -%}", "{%- endfor -%}", "{{ 'a' * 999999999 }}", "{{ (1, [2, {'a': messages}])[1] }}",
        "{% set messages = messages + messages %}", "{{ messages | tojson(indent=9) }}", "{{ messages[-1]['content'][::-1] }}", "{% if not", "and", "is", "|",
        "{{ loop.cycle('a', 'b') }}", "{% macro say(c) %}{{ say(c) }}{% endmacro %}", "{{ '%s' % messages }}", "{% break %}", "{{ strftime_now('%Y') }}",
        "{{ messages | map(attribute='role') | join(',') }}", "{{ 2 ** 99999 }}", "{% generation %}", "{% endgeneration %}", "(((((((((((((((((", "'",
        "\u{1F600}",
    ]

    private mutating func json(_ whole: Data) -> Data {
        guard var value = try? JSONValue(json: whole) else { return bytewise(whole, among: whole.count) }
        for _ in 0...below(3) { change(&value) }
        var text = value.json
        if chance(40) { text = String(repeating: "[", count: 1 << (3 + below(14))) + text }
        return Data(text.utf8)
    }

    /// Changes one value somewhere below `value`.
    private mutating func change(_ value: inout JSONValue) {
        switch value {
        case .object(let object) where !object.isEmpty && !chance(12):
            var members = object.members
            let place = below(members.count)
            switch below(10) {
            case 0: members.remove(at: place)
            case 1: members.append(members[below(members.count)])
            case 2: members[place] = .init(key: members[place].key + (chance(2) ? "s" : "\u{301}"), value: members[place].value)
            case 3: members.append(.init(key: ["type", "content", "ids", "role", "a", ""][below(6)], value: anything()))
            default: change(&members[place].value)
            }
            value = .object(JSONObject(members))
        case .list(var list) where !list.isEmpty && !chance(12):
            let place = below(list.count)
            switch below(8) {
            case 0: list.remove(at: place)
            case 1: list.append(list[place])
            case 2: list = Array(list.prefix(place))
            default: change(&list[place])
            }
            value = .list(list)
        case .number where !chance(4): value = .number(JSONNumber(literal: number()))
        case .text(let text) where !chance(4): value = .text(changed(text))
        default: value = anything()
        }
    }

    private mutating func number() -> String {
        switch below(4) {
        case 0: "\(below(400))"
        case 1: ["1e400", "-0", "0.5", "1e-400", "123456789012345678901234567890", "1.0", "1e3", "-1e308"][below(8)]
        default: "\(extremes[below(extremes.count)])"
        }
    }

    private mutating func changed(_ text: String) -> String {
        switch below(6) {
        case 0: ""
        case 1: text + text
        case 2: String(repeating: "Ġ\u{0}\u{301}x", count: 1 << below(12))
        case 3: ["llama", "F64", "BF16", "../../etc/passwd", "ByteLevel", "Sequence", "NFC", "linear", "\u{1F600}", " "][below(10)]
        case 4: String(text.dropLast())
        default: text + ["a", " ", "\n", "\u{FFFF}", "\u{202E}", "."][below(6)]
        }
    }

    private mutating func anything() -> JSONValue {
        switch below(8) {
        case 0: .null
        case 1: .flag(chance(2))
        case 2: .text(changed("x"))
        case 3: .list([])
        case 4: .object([:])
        case 5: .list((0..<below(5)).map { _ in .number(JSONNumber(literal: number())) })
        case 6: .object(["type": .text("Sequence"), "pretokenizers": .list([])])
        default: .number(JSONNumber(literal: number()))
        }
    }
}
