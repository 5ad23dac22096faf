import Foundation
import Swage
import SwageText
import Testing
import TestSupport

/// Parts of a `tokenizer.json` that this library does not do as the tokenizers library does are refused by their names.
@Suite(.timeLimit(.minutes(30))) struct TokenizerPartTests {
    /// The tiny tokenizer with one value changed; `path` is keys with points between.
    private func changed(_ path: String, _ json: String) throws -> Data {
        let whole = try JSONValue(json: Data(contentsOf: URL(fileURLWithPath: Golden.root + "/tokenizers/tiny.json")))
        return Data(Self.set(path.split(separator: ".").map(String.init)[...], try JSONValue(json: Data(json.utf8)), in: whole).json.utf8)
    }

    private static func set(_ path: ArraySlice<String>, _ new: JSONValue, in value: JSONValue) -> JSONValue {
        guard let key = path.first else { return new }
        if var list = value.list, let index = Int(key) {
            if index < list.count { list[index] = set(path.dropFirst(), new, in: list[index]) } else { list.append(new) }
            return .list(list)
        }
        var object = value.object ?? JSONObject()
        object[key] = set(path.dropFirst(), new, in: object[key] ?? .null)
        return .object(object)
    }

    private static let flags = #""special": false, "lstrip": false, "rstrip": false, "single_word": false, "normalized": false"#

    @Test(arguments: [
        ("model.type", "\"Magic\"", "model.type"), ("model.dropout", "0.1", "dropout"), ("model.merges", "[\"a b c\"]", "merge"),
        ("model.merges", "[[\"a\"]]", "byte"), ("model.merges", "[[\"a\", \"zzz\"]]", "zzz"), ("model.vocab", "{\"a\": 0, \"b\": 0}", "id 0"),
        ("model.vocab", "{\"a\": -1}", "no id"), ("model.vocab", "{\"a\": 1.5}", "no id"), ("version", "\"2.0\"", "version"),
        ("normalizer", "{\"type\": \"Magic\"}", "normalizer.type"), ("pre_tokenizer", "{\"type\": \"Magic\"}", "pre_tokenizer.type"),
        ("decoder", "{\"type\": \"Magic\"}", "decoder.type"), ("post_processor", "{\"type\": \"Magic\"}", "post_processor.type"),
        ("post_processor", "{\"type\": \"TemplateProcessing\", \"single\": []}", "single"),
        (
            "pre_tokenizer",
            #"{"type": "Split", "pattern": {"Regex": "(a)\\1"}, "behavior": "Isolated", "invert": false}"#, #"\1"#
        ),
        ("added_tokens.5", #"{"id": 999, "content": "<new>", \#(flags)}"#, "999"), ("added_tokens.5", #"{"id": 292, "content": "<tool>", \#(flags)}"#, "twice"),
        ("added_tokens.5", #"{"id": 999}"#, "content"),
    ])
    func aPartThatIsNotDoneIsRefusedByName(_ path: String, _ json: String, _ mentioned: String) throws {
        let data = try changed(path, json)
        let error = #expect(throws: TrainerError.self, "\(path) = \(json)") {
            _ = try TextTokenizer(TextTokenizer.Definition(tokenizerJSON: data))
        }
        #expect(error?.description.contains(mentioned) == true, "\(String(describing: error))")
    }

    /// Found in the text as it came, a token is not changed by a mark that follows it.
    @Test func tokensAreFoundBeforeTextIsComposed() throws {
        let data = try Data(contentsOf: URL(fileURLWithPath: Golden.root + "/tokenizers/qwen2.json"))
        let tokenizer = try TextTokenizer(TextTokenizer.Definition(tokenizerJSON: data))
        let alone = try tokenizer.encode("<|im_end|>", addSpecialTokens: false)
        let end = try #require(alone.first)
        let ids = try tokenizer.encode("e\u{301}<|im_end|>\u{338}", addSpecialTokens: false)
        #expect(ids.contains(end), "\(ids)")
        #expect(try tokenizer.decode(ids, skipSpecialTokens: false) == "é<|im_end|>\u{338}")
    }

    @Test(arguments: [
        ("letters", "ab"), ("spaces", " "), ("marks", "\u{301}"), ("breaks", "\n"), ("digits", "7"), ("words", "word "), ("one kind", "!"),
        ("Hangul", "\u{1112}\u{1161}"),
    ])
    func longTextsOfOneKindTakeTimeByTheirLength(_ kind: String, _ piece: String) throws {
        for name in ["gpt2", "qwen2"] {
            let data = try Data(contentsOf: URL(fileURLWithPath: "\(Golden.root)/tokenizers/\(name).json"))
            let tokenizer = try TextTokenizer(TextTokenizer.Definition(tokenizerJSON: data))
            let text = String(repeating: piece, count: 50_000)
            let ids = try tokenizer.encode(text, addSpecialTokens: false)
            #expect(try tokenizer.decode(ids, skipSpecialTokens: false).unicodeScalars.count > 0, "\(kind)")
        }
    }

    /// Texts that are cut for memory's sake have the tokens that they would have whole.
    @Test func theTokensOfALongTextAreThoseOfItsParts() throws {
        for name in ["gpt2", "llama3", "qwen2", "smollm"] {
            let data = try Data(contentsOf: URL(fileURLWithPath: "\(Golden.root)/tokenizers/\(name).json"))
            let tokenizer = try TextTokenizer(TextTokenizer.Definition(tokenizerJSON: data))
            let part = "It's 1234 words,\n\n  with  spaces… and\tmore é 漢字 ' ll x!\r\n"
            let one = try tokenizer.encode(part + "\nIt", addSpecialTokens: false).count - (try tokenizer.encode("It", addSpecialTokens: false).count)
            let ids = try tokenizer.encode(String(repeating: part + "\n", count: 4000), addSpecialTokens: false)
            let whole = try tokenizer.encode(String(repeating: part + "\n", count: 20), addSpecialTokens: false)
            #expect(Array(ids.prefix(whole.count - 2)) == Array(whole.dropLast(2)), "\(name), \(one) a part")
            #expect(
                ids.count - whole.count == 3980
                    * ((whole.count - (try tokenizer.encode(String(repeating: part + "\n", count: 10), addSpecialTokens: false).count)) / 10))
        }
    }
}
