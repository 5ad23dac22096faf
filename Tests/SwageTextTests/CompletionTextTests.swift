import Foundation
import Swage
import SwageFiles
import Testing
import TestSupport

@Suite struct CompletionTextTests {
    private func tokenizer() throws -> any Tokenizer {
        try ModelFiles.open(Golden.decoder("llama")).tokenizer.get()
    }

    /// What comes out piece by piece, and what at the end.
    private func stream(
        _ tokens: [Int32], _ stops: [String], _ tokenizer: any Tokenizer
    ) throws -> (pieces: [String], rest: String, isStopped: Bool) {
        var text = CompletionText(tokenizer, stopStrings: stops)
        var pieces: [String] = []
        for token in tokens where !text.isStopped { pieces.append(try text.append(token)) }
        return (pieces, text.finish(), text.isStopped)
    }

    @Test(arguments: [
        ("Under the mat, near door.", ["ear doo"], "Under the mat, n"), ("Under the mat, near door.", ["ear dog"], nil),
        ("one two", ["w", "two"], "one t"), ("abcd", ["bcd", "abcd"], ""), ("aaab", ["aab"], "a"), ("ababac", ["abac"], "ab"),
        ("né 中🙂 ok", ["中🙂"], "né "), ("né 中🙂 ok", ["🙃"], nil), ("line\r\nnext", ["\n"], "line\r"), ("e\u{301}", ["e"], ""),
        ("end", ["end"], ""), ("the en", ["end"], nil),
    ])
    func textEndsBeforeTheStopStringAndNothingIsMissingWithoutIt(_ text: String, _ stops: [String], _ right: String?) throws {
        let tokenizer = try tokenizer()
        for tokens in [try tokenizer.encode(text, addSpecialTokens: false), try bytes(of: text, tokenizer)] {
            let found = try stream(tokens, stops, tokenizer)
            #expect(found.pieces.joined() + found.rest == right ?? text, "\(tokens)")
            #expect(found.isStopped == (right != nil))
        }
    }

    /// The same text in tokens of one byte each.
    private func bytes(of text: String, _ tokenizer: any Tokenizer) throws -> [Int32] {
        var ids: [UInt8: Int32] = [:]
        for id in 0..<Int32(tokenizer.vocabularySize) {
            let bytes = try tokenizer.bytes(of: id)
            if bytes.count == 1 { ids[bytes[0]] = id }
        }
        return text.utf8.compactMap { ids[$0] }
    }

    /// Whatever is given out early is a beginning of the text, and all of it is given out that no stop string can take back.
    @Test func aStreamGivesOutAllThatIsCertainAndNothingElse() throws {
        let tokenizer = try tokenizer()
        var random = RandomNumbers(seed: 3)
        let letters = ["a", "b", "ab", "é", "🙂", " "]
        func text(_ count: Int) -> String { (0..<count).map { _ in letters[random.size(0...5)] }.joined() }
        for _ in 0..<1500 {
            let whole = text(random.size(0...14))
            let stops = (0..<random.size(1...3)).map { _ in text(random.size(1...4)) }
            let found = try stream(try bytes(of: whole, tokenizer), stops, tokenizer)
            let utf8 = Array(whole.utf8)
            let ends = stops.compactMap { stop -> (end: Int, count: Int)? in
                let stop = Array(stop.utf8)
                return utf8.indices.first { utf8[...$0].suffix(stop.count).elementsEqual(stop) }.map { ($0 + 1, stop.count) }
            }
            let first = ends.min { ($0.end, -$0.count) < ($1.end, -$1.count) }
            let right = first.map { String(decoding: utf8[..<($0.end - $0.count)], as: UTF8.self) } ?? whole
            #expect(found.pieces.joined() + found.rest == right, "\(whole) with \(stops)")
            #expect(found.isStopped == (first != nil))
            var given = ""
            for (index, piece) in found.pieces.enumerated() {
                given += piece
                let so = String(decoding: utf8[...index], as: UTF8.self)
                let isWithin = so.utf8.count - given.utf8.count < (stops.map(\.utf8.count).max() ?? 0) + 4
                #expect(isWithin || found.isStopped, "held back too much of \(so) with \(stops): \(given)")
            }
        }
    }
}
