import Foundation
import Swage

/// A chat template that a user gives: a name, a file, or the template itself.
package enum GivenTemplate {
    /// The template's text.
    /// - Throws: ``TrainerError`` with code `invalidOption` for what is none of the three.
    package static func source(_ given: String) throws -> String {
        if let source = ChatTemplate.named[given] { return source }
        if given.contains("{%") || given.contains("{{") { return try checked(given) }
        var isFolder: ObjCBool = false
        if !given.contains("\0"), FileManager.default.fileExists(atPath: given, isDirectory: &isFolder), !isFolder.boolValue {
            return try checked(text(ofFile: given))
        }
        throw TrainerError(
            .invalidOption, "chatTemplate is \"\(given.beginning(60))\", which is no name, no file and no template",
            expected: "\(ChatTemplate.listedNames), a file with a Jinja template, or the template itself")
    }

    private static func text(ofFile path: String) throws -> String {
        let file = try PlainFile(path)
        guard file.count <= 1 << 22, let text = String(validating: try file.bytes(0..<file.count), as: UTF8.self) else {
            throw TrainerError(.invalidOption, "\(path) is no chat template", expected: "a Jinja template in UTF-8 of at most 4 MiB")
        }
        return text
    }

    private static func checked(_ source: String) throws -> String {
        do {
            _ = try ChatTemplate(source)
        } catch let error as TrainerError {
            throw TrainerError(.invalidOption, error.message, expected: error.expected)
        }
        return source
    }
}
