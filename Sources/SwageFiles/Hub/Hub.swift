public import Foundation
import Swage
import SwageText

/// A hub of models, and the cache of what was fetched from it: huggingface_hub's own, so that what Python has fetched is found,
/// and the other way round.
///
/// ```swift
/// let path = try await Hub().fetch("HuggingFaceTB/SmolLM2-135M-Instruct")
/// let trainer = try await NativeTrainer(model: path)
/// ```
public struct Hub: Sendable {
    /// Where the hub answers, without a slash at its end.
    public var endpoint: String
    /// The folder of the cache.
    public var cache: String
    /// What lets the caller in to what is not for everybody.
    public var token: String?
    /// Whether nothing is asked of the hub, and the cache alone is looked at.
    public var isOffline: Bool
    /// How long to wait for an answer, and for the next byte of one, in seconds.
    var (answerSeconds, byteSeconds): (Int, Int)
    /// A PEM file of the authorities that are trusted; nil for the system's.
    var authorities: String?

    /// The hub and the cache that the environment names, in the variables of huggingface_hub: `HF_ENDPOINT`, `HF_HOME`, `HF_HUB_CACHE`,
    /// `HF_TOKEN` or its file, `HF_HUB_OFFLINE`, `HF_HUB_ETAG_TIMEOUT`, `HF_HUB_DOWNLOAD_TIMEOUT`.
    public init(environment: [String: String] = ProcessInfo.processInfo.environment) {
        func value(_ names: String...) -> String? { names.lazy.compactMap { environment[$0] }.first { !$0.isEmpty } }
        func isOn(_ name: String) -> Bool { ["1", "ON", "YES", "TRUE"].contains(environment[name, default: ""].uppercased()) }
        func seconds(_ name: String) -> Int { environment[name].flatMap { Int($0) }.flatMap { 1...3600 ~= $0 ? $0 : nil } ?? 10 }
        func path(_ text: String) -> String { Self.expanded(text, environment) }
        var endpoint = value("HF_ENDPOINT") ?? "https://huggingface.co"
        while endpoint.hasSuffix("/") { endpoint.removeLast() }
        self.endpoint = endpoint
        let home = path(value("HF_HOME") ?? (value("XDG_CACHE_HOME") ?? "~/.cache") + "/huggingface")
        cache = path(value("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE") ?? home + "/hub")
        if !isOn("HF_HUB_DISABLE_IMPLICIT_TOKEN") {
            let file = path(value("HF_TOKEN_PATH") ?? home + "/token")
            token =
                value("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN").flatMap(Self.cleaned)
                ?? (try? PlainFile.content(of: file, limit: 1 << 16)).flatMap { Self.cleaned(String(decoding: $0, as: UTF8.self)) }
        }
        isOffline = isOn("HF_HUB_OFFLINE") || isOn("TRANSFORMERS_OFFLINE")
        (answerSeconds, byteSeconds) = (seconds("HF_HUB_ETAG_TIMEOUT"), seconds("HF_HUB_DOWNLOAD_TIMEOUT"))
        authorities = value("SSL_CERT_FILE")
    }

    /// The page where a person reads of a repository.
    func page(_ repository: HubRepository) -> String { "\(endpoint)/\(repository.kind.prefix)\(repository.name)" }

    /// A header has no line ends.
    private static func cleaned(_ token: String) -> String? {
        let token = String(String.UnicodeScalarView(token.unicodeScalars.filter { 0x20..<0x7F ~= $0.value }))
            .trimmingCharacters(in: .whitespaces)
        return token.isEmpty ? nil : token
    }

    /// A path with `~` and variables in it, as Python expands them: one that is not set stays as it is written.
    private static func expanded(_ path: String, _ environment: [String: String]) -> String {
        var path = path
        if path == "~" || path.hasPrefix("~/") {
            path = (environment["HOME"].flatMap { $0.isEmpty ? nil : $0 } ?? NSHomeDirectory()) + path.dropFirst()
        }
        guard path.contains("$") else { return path }
        return path.replacing(/\$(?:(\w+)|\{([^}]*)\})/) { match in
            environment[String(match.1 ?? match.2 ?? "")] ?? String(match.0)
        }
    }
}
