public import Foundation
import Swage
import SwageFiles
import SwageText

/// What results come from. Work that was begun goes on with the same, and with nothing else.
public struct RunIdentity: Sendable, Equatable, Codable {
    /// Something that is read: where it lies, and what it says.
    public struct Content: Sendable, Equatable, Codable {
        /// Nil for what lies in no file.
        public var path: String?
        /// Equal for equal contents, wherever they lie.
        public var digest: String

        /// Something whose digest is known. By default it lies in no file.
        public init(path: String? = nil, digest: String) { (self.path, self.digest) = (path, digest) }

        /// The digest of any bytes.
        public init(path: String? = nil, of bytes: Data) { self.init(path: path, digest: ContentDigest.of(bytes)) }

        init(_ lines: Examples<some JSONLineDecodable>) throws { self.init(path: lines.path, digest: try lines.contentDigest) }
    }

    /// A model on disk, as what a run reads: its weights, by samples of each, and its tokenizer.
    /// - Parameters:
    ///   - path: a GGUF file, or a folder in Hugging Face's layout.
    ///   - chatTemplate: what stands for the model's own chat template, as ``NativeTrainer`` takes it.
    /// - Throws: ``Swage/TrainerError`` if it cannot be read.
    public static func contents(ofModel path: String, chatTemplate: String? = nil) throws -> [String: Content] {
        let digest = try ModelDigest(path)
        var contents = [
            "the model": Content(path: path, digest: digest.weights),
            "the tokenizer of the model": Content(path: path, digest: digest.tokenizer),
        ]
        if let chatTemplate {
            let isFile = FileManager.default.fileExists(atPath: chatTemplate)
            contents["the chat template"] = Content(path: isFile ? chatTemplate : nil, of: Data(try GivenTemplate.source(chatTemplate).utf8))
        }
        return contents
    }

    /// Which kind of work it is.
    var recipe: String
    /// What the caller has set beside the options of the recipe, by name: the engine, the optimizer.
    var settings: [String: String]
    /// The options of the recipe.
    var options: [String: String]
    /// What is read, by what it is.
    var contents: [String: Content]

    init(
        recipe: String, settings: [String: String] = [:], options: [String: String] = [:], contents: [String: Content] = [:]
    ) {
        (self.recipe, self.settings, self.options, self.contents) = (recipe, settings, options, contents)
    }

    /// Every property of `options` by its name, those of structs within it with a dot between.
    /// - Parameter others: the names of those that change no result.
    static func listing(_ options: Any, but others: Set<String> = []) -> [String: String] {
        var result: [String: String] = [:]
        for child in Mirror(reflecting: options).children {
            guard let name = child.label, !others.contains(name) else { continue }
            let value = unwrapped(child.value)
            if let value, Mirror(reflecting: value).displayStyle == .struct, !(value is any CustomStringConvertible) {
                for (inner, text) in listing(value) { result["\(name).\(inner)"] = text }
            } else {
                result[name] = value.map { "\($0)" } ?? "none"
            }
        }
        return result
    }

    private static func unwrapped(_ value: Any) -> Any? {
        let mirror = Mirror(reflecting: value)
        return mirror.displayStyle == .optional ? mirror.children.first?.value : value
    }

    /// The option that holds the day which the chat format writes.
    static let day = "day"

    mutating func add(dayOf tokenizer: any Tokenizer) { options[Self.day] = (tokenizer as? TextTokenizer)?.day }

    /// - Parameter lines: how many lines of the data cannot be used, and are left out.
    mutating func add(leftOut lines: Int) { options["linesLeftOut"] = "\(lines)" }

    mutating func add(_ contents: [String: Content?]) { self.contents.merge(contents.compactMapValues { $0 }) { $1 } }

    /// In which ways work in `place` that was begun as `known` is not this, each as a sentence; empty if it is the same.
    func differences(from known: RunIdentity, in place: String) -> [String] {
        if recipe != known.recipe { return ["the run in \(place) was begun by \(known.recipe), not \(recipe)"] }
        // A caller's settings repeat options by names that people know better.
        var odd = Self.differing(known.settings, settings)
        if odd.isEmpty { odd = Self.differing(known.options, options) }
        let begun = odd.isEmpty ? [] : ["the run in \(place) was begun with \(odd.joined(separator: ", with "))"]
        return begun
            + contents.keys.union(known.contents.keys).sorted().compactMap { what in
                Self.difference(what, known.contents[what], contents[what], place)
            }
    }

    private static func differing(_ known: [String: String], _ own: [String: String]) -> [String] {
        known.keys.union(own.keys).sorted().filter { known[$0] != own[$0] }.map { name in
            "\(name) \(known[name] ?? "unset"), not \(own[name] ?? "unset")"
        }
    }

    private static func difference(_ what: String, _ known: Content?, _ own: Content?, _ place: String) -> String? {
        switch (known, own) {
        case (let known?, let own?) where known.digest == own.digest: nil
        case (let known?, let own?) where known.path == own.path:
            "\(what)\(own.place) has changed since the run in \(place) began"
        case (let known?, let own?):
            "the run in \(place) was begun with \(what)\(known.place), and\(own.path == nil ? " another" : own.place) says something else"
        case (let known?, nil): "the run in \(place) was begun with \(what)\(known.place), which is not given now"
        case (nil, let own?): "the run in \(place) was begun without \(what)\(own.place)"
        case (nil, nil): nil
        }
    }
}

extension RunIdentity.Content {
    /// What stands after its name in a sentence.
    fileprivate var place: String { path.map { " \($0)" } ?? "" }
}

extension Dictionary.Keys where Key: Hashable {
    fileprivate func union(_ others: Self) -> Set<Key> { Set(self).union(others) }
}
