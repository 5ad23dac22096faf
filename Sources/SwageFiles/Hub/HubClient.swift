import Foundation
import Swage
import SwageText

/// What one thread asks a hub, with the patience that a busy one takes.
final class HubClient {
    private let hub: Hub
    private let connection: HTTPConnection
    private let isCancelled: () -> Bool
    /// Told of what a person should know while it waits.
    private let note: (String) -> Void

    init(_ hub: Hub, isCancelled: @escaping () -> Bool, note: @escaping (String) -> Void) throws {
        (self.hub, self.isCancelled, self.note) = (hub, isCancelled, note)
        connection = try HTTPConnection(hub, isCancelled: isCancelled)
    }

    /// An answer of JSON is at most so long.
    private static let mostBytes = 1 << 26
    private static let mostTries = 6
    private static let mostRedirections = 20

    /// What the hub says of a file: which content it is, and where that is fetched.
    struct Metadata {
        let tag: String
        let size: Int?
        let location: String
    }

    /// The commit that a revision is now.
    /// - Parameter isPatient: whether it is asked again if there is no answer.
    func commit(of revision: String, _ repository: HubRepository, isPatient: Bool) throws -> String {
        let url = "\(hub.endpoint)/api/\(repository.kind.rawValue)s/\(repository.name)/revision/\(HubPath.escaped(revision))"
        let (data, _) = try json(url, HubQuestion(repository, revision: revision), isPatient: isPatient)
        let commit = try JSONField(json: data, file: url).required("sha").text()
        guard HubPath.isCommit(commit) else {
            throw TrainerError(.corruptFile, "\(url) says that \(revision) is the commit \"\(commit)\"", expected: "40 hexadecimal digits")
        }
        return commit
    }

    /// All files of a commit.
    func tree(of commit: String, _ repository: HubRepository) throws -> HubTree {
        var next: String? =
            "\(hub.endpoint)/api/\(repository.kind.rawValue)s/\(repository.name)/tree/\(commit)?recursive=true&expand=false"
        var tree = HubTree()
        var pages = 0
        while let url = next {
            let (data, reply) = try json(url, HubQuestion(repository, revision: commit), isPatient: true)
            try tree.add(page: data, from: url)
            pages += 1
            next = try reply.headers["link"].flatMap(Self.nextPage).map { link in
                guard pages < 1000, HubAddress.isHub(link, hub) else {
                    throw TrainerError(.corruptFile, "\(url) goes on at \(link)", expected: "an end, at \(hub.endpoint)")
                }
                return link
            }
        }
        return tree
    }

    /// What the hub says of a file.
    func metadata(_ file: String, of commit: String, _ repository: HubRepository) throws -> Metadata {
        let question = HubQuestion(repository, revision: commit, file: file)
        var url = "\(hub.page(repository))/resolve/\(commit)/\(HubPath.escaped(file, keepsSlashes: true))"
        for _ in 0..<Self.mostRedirections {
            let reply = try patiently(question, isPatient: true) {
                try connection.send(url, head: true, headers: headers(for: url)) { _, _ in }
            }
            let target = reply.headers["location"].map { HubAddress.joined(url, $0) }
            // Another host holds the content, and has nothing to say of it that this one has not said.
            if (300..<400).contains(reply.status), let target, HubAddress.isHub(target, hub) {
                url = target
                continue
            }
            guard let tag = (reply.headers["x-linked-etag"] ?? reply.headers["etag"]).map(Self.normalized), HubPath.isTag(tag) else {
                throw TrainerError(
                    .corruptFile, "\(url) says of \(file) no ETag that names its content",
                    expected: "a hub at \(hub.endpoint), or another HF_ENDPOINT")
            }
            let isElsewhere = (300..<400).contains(reply.status)
            let size = reply.number("x-linked-size") ?? (isElsewhere ? nil : reply.number("content-length"))
            return Metadata(tag: tag, size: size, location: isElsewhere ? target ?? url : url)
        }
        throw TrainerError(.connectionLost, "\(url) leads on and on")
    }

    /// Fetches a content from its beginning, or from a byte on. Redirections are followed.
    /// - Parameter body: gets what comes, with the answer's head: `206` where it begins at that byte, `200` where at the first.
    /// - Throws: ``HTTPFailure`` if the connection breaks.
    func content(
        _ location: String, from start: Int, of question: HubQuestion, body: @escaping (Int, UnsafeRawBufferPointer) throws -> Void
    ) throws -> HTTPReply {
        var url = location
        for _ in 0..<Self.mostRedirections {
            let range = start > 0 ? [("Range", "bytes=\(start)-")] : []
            let reply = try patiently(question, isPatient: true, throwsBroken: true) {
                try connection.send(url, headers: headers(for: url) + range) { reply, bytes in
                    guard [200, 206].contains(reply.status) else { return }
                    try body(reply.status, bytes)
                }
            }
            guard (300..<400).contains(reply.status), let target = reply.headers["location"] else { return reply }
            url = HubAddress.joined(url, target)
        }
        throw TrainerError(.connectionLost, "\(location) leads on and on")
    }

    private func json(_ start: String, _ question: HubQuestion, isPatient: Bool) throws -> (Data, HTTPReply) {
        var url = start
        for _ in 0..<Self.mostRedirections {
            var data = Data()
            let reply = try patiently(question, isPatient: isPatient) {
                data = Data()
                return try connection.send(url, headers: headers(for: url)) { _, bytes in
                    guard data.count + bytes.count <= Self.mostBytes else {
                        throw TrainerError(.tooLarge, "\(url) answers with more than \(Self.mostBytes) bytes")
                    }
                    data.append(contentsOf: bytes)
                }
            }
            // Of a repository that was given another name, the old one leads to the new one.
            if (300..<400).contains(reply.status), let target = reply.headers["location"].map({ HubAddress.joined(url, $0) }),
                HubAddress.isHub(target, hub)
            {
                url = target
                continue
            }
            guard reply.status == 200 else { throw HubRefusal(reply, question, hub).error }
            return (data, reply)
        }
        throw TrainerError(.connectionLost, "\(start) leads on and on")
    }

    /// The token goes to the hub alone, and to no host that it leads to.
    private func headers(for url: String) -> [(String, String)] {
        var headers = [("User-Agent", "swage/\(swageVersion)"), ("Accept-Encoding", "identity")]
        if let token = hub.token, HubAddress.isHub(url, hub) { headers.append(("Authorization", "Bearer \(token)")) }
        return headers
    }

    /// Asks until there is an answer that means something: a hub that is busy says how long to wait.
    private func patiently(
        _ question: HubQuestion, isPatient: Bool, throwsBroken: Bool = false, _ ask: () throws -> HTTPReply
    ) throws -> HTTPReply {
        for tries in 1... {
            let isLast = !isPatient || tries == Self.mostTries
            do {
                let reply = try ask()
                guard [408, 429, 500, 502, 503, 504].contains(reply.status), !isLast else {
                    if reply.status >= 400, reply.status != 416 { throw HubRefusal(reply, question, hub).error }
                    return reply
                }
                let asked = HubWait.seconds(reply)
                if let asked { note("The hub asks to wait \(asked) seconds.") }
                try wait(asked ?? min(8, 1 << (tries - 1)))
            } catch HTTPFailure.broken(let reason) where !throwsBroken && !isLast {
                note("The connection to \(hub.endpoint) broke: \(reason)")
                try wait(min(8, 1 << (tries - 1)))
            }
        }
        preconditionFailure("The last try returns or throws.")
    }

    func wait(_ seconds: Int) throws {
        for _ in 0..<(10 * seconds) {
            if isCancelled() { throw CancellationError() }
            usleep(100_000)
        }
    }

    /// `W/"tag"` is `tag`.
    private static func normalized(_ tag: String) -> String {
        var tag = Substring(tag).drop { "W/".contains($0) }.drop { $0 == "\"" }
        while tag.last == "\"" { tag.removeLast() }
        return String(tag)
    }

    /// `<address>; rel="next"`.
    private static func nextPage(_ link: String) -> String? {
        link.firstMatch(of: /<([^>]+)>\s*;[^,]*rel="?next"?/).map { String($0.1) }
    }
}
