import Foundation
import Swage
import SwageText
import Testing
import TestSupport

@Suite(.timeLimit(.minutes(30))) struct JSONReaderTests {
    private func read(_ text: String) throws -> JSONValue { try JSONValue(json: Data(text.utf8)) }

    @Test func valuesAreReadAsTheyAreWritten() throws {
        let value = try read(#" {"b": [1, -0.5e3, true, null, "\u00e9\ud83d\ude00\n\/"], "a": {}, "big": 123456789012345678901234567890} "#)
        #expect(value.object?.keys == ["b", "a", "big"])
        #expect(value["b"]?.list?[4].text == "é😀\n/")
        #expect(value["b"]?.list?[1].number?.double == -500)
        #expect(value["big"]?.number?.literal == "123456789012345678901234567890" && value["big"]?.number?.integer == nil)
        #expect(try read(value.json) == value && read(value.indentedJSON) == value)
    }

    @Test(arguments: [
        ("", "ends"), ("{", "key"), ("[1,]", "begins no value"), ("{\"a\" 1}", "colon"), ("01", "no number"), ("1.", "no number"),
        ("-", "no number"), ("nul", "null"), ("\"a", "does not end"), ("\"\u{1}\"", "escape"), (#""\x""#, "backslash"),
        (#""\ud800""#, "half a character"), (#""\u12""#, "not whole"), ("1 2", "follows"), ("{\"a\":1,\"a\":2}", "twice"), ("NaN", "begins no value"),
    ])
    func whatIsNoJSONIsAnErrorThatSaysWhy(_ text: String, _ reason: String) {
        let error = #expect(throws: TrainerError.self) { try read(text) }
        #expect(error?.code == .invalidData)
        #expect(error?.description.contains(reason) == true, "\(text): \(String(describing: error))")
    }

    @Test func anErrorInAFileHasItsLine() {
        let error = #expect(throws: TrainerError.self) { try JSONValue(json: Data("{\n \"a\": 1,\n \"b\" 2}".utf8), file: "x.json") }
        #expect(error?.code == .corruptFile)
        #expect(error?.message.hasPrefix("x.json, line 3, byte 6: ") == true, "\(String(describing: error))")
    }

    @Test func bytesThatAreNoUTF8AreRefused() {
        #expect(throws: TrainerError.self) { try JSONValue(json: Data([0x22, 0xC3, 0x28, 0x22])) }
    }

    @Test(arguments: ["[", "{\"a\":"])
    func depthIsBounded(_ opening: String) {
        let error = #expect(throws: TrainerError.self) { try read(String(repeating: opening, count: 100_000)) }
        #expect(error?.description.contains("deep") == true, "\(String(describing: error))")
    }

    /// Two keys that Unicode calls equal are two keys.
    @Test func keysAreComparedByTheirBytes() throws {
        let value = try read("{\"\u{E9}\": 1, \"e\u{301}\": 2}")
        let object = try #require(value.object)
        #expect(object["\u{E9}"] == .number(1) && object["e\u{301}"] == .number(2))
    }

    @Test func largeTextsTakeTimeByTheirLength() throws {
        let numbers = "[" + (0..<400_000).map(String.init).joined(separator: ",") + "]"
        #expect(try read(numbers).list?.count == 400_000)
        let keys = "{" + (0..<200_000).map { "\"k\($0)\":\"\\n\"" }.joined(separator: ",") + "}"
        #expect(try read(keys).object?.keys.count == 200_000)
        let text = String(repeating: "a\\n", count: 3_000_000)
        #expect(try read("\"\(text)\"").text?.utf8.count == 6_000_000)
    }

    @Test func messagesAreCutAndHaveNoControlCharacters() {
        let error = TrainerError(.invalidData, "the role is \"" + String(repeating: "x\u{1B}[31m\n", count: 100_000) + "\"", expected: "one\u{7}")
        #expect(error.message.count < 5_000, "\(error.message.count) characters")
        #expect(!error.description.unicodeScalars.contains { $0.properties.generalCategory == .control })
        #expect(error.message.contains("\\u{1B}") && error.message.contains("…"), "\(error.message)")
        #expect(TrainerError(.engineFailed, "ended:\nlast words").message == "ended:\nlast words")
        #expect(TrainerError(.invalidData, "plain é 漢").message == "plain é 漢")
    }
}
