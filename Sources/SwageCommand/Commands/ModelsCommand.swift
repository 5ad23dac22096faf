import ArgumentParser
import Foundation
import Swage
import SwageFiles

struct ModelsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "models",
        abstract: "List, fetch and remove models of the Hugging Face hub.",
        discussion: """
            Wherever a command takes a model, the name of one will do, and it is fetched the first time. The cache is that of \
            huggingface_hub: what Python has fetched is there already, and the other way round.

              swage models fetch HuggingFaceTB/SmolLM2-135M-Instruct
              swage models fetch org/name@revision org/name:Q4_K_M
            """,
        subcommands: [ModelsListCommand.self, ModelsFetchCommand.self, ModelsRemoveCommand.self])
}

struct ModelsListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "Show what is in the cache.")

    @Flag(help: "Print one JSON object for each revision.")
    var json = false

    func run() throws {
        let hub = Hub()
        let all = hub.cached()
        if json { return try printJSON(all, hub) }
        guard !all.isEmpty else { return writeToStandardError("Nothing is in the cache \(hub.cache).\n") }
        let rows = all.flatMap { repository in
            repository.commits.reversed().map { commit in
                let revision = commit.revisions.isEmpty ? String(commit.id.prefix(12)) : commit.revisions.joined(separator: ", ")
                return [repository.name, revision, readable(bytes: commit.bytes), "\(commit.files.count) files"]
            }
        }
        let widths = (0..<4).map { column in rows.map { $0[column].count }.max() ?? 0 }
        for row in rows {
            let cells = row.enumerated().map { index, cell in
                let room = String(repeating: " ", count: widths[index] - cell.count)
                return index == 2 ? room + cell : cell + room
            }
            try printLine(cells.joined(separator: "  ").trimmingCharacters(in: .whitespaces))
        }
        let part = all.reduce(0) { $0 + $1.incompleteBytes }
        writeToStandardError(
            "\(readable(bytes: all.reduce(0) { $0 + $1.bytes })) in \(hub.cache)"
                + (part > 0 ? ", and \(readable(bytes: part)) of files that are there in part\n" : "\n"))
    }

    private func printJSON(_ all: [CachedRepository], _ hub: Hub) throws {
        for repository in all {
            for commit in repository.commits {
                try printAsJSON([
                    "name": repository.name, "commit": commit.id, "revisions": commit.revisions,
                    "files": commit.files, "bytes": commit.bytes, "cache": hub.cache,
                ])
            }
        }
    }
}

struct ModelsFetchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fetch",
        abstract: "Fetch models, and print where they lie.",
        discussion: """
            Only what a model needs is fetched, with its checksum; what was begun is gone on with. Nothing is fetched that is there.

              swage models fetch HuggingFaceTB/SmolLM2-135M-Instruct
            """)

    @Argument(help: .init("org/name, with @revision and :file.gguf or :Q4_K_M behind it if need be.", valueName: "name"))
    var names: [String]

    func run() async throws {
        for name in try names.map({ try HubName($0) }) {
            try printLine(try await FetchDisplay.fetching { try await Hub().fetch(name, tell: $0) })
        }
    }
}

struct ModelsRemoveCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "remove",
        abstract: "Remove models from the cache.",
        discussion: "Of a revision, what no other revision has. Python finds them no more, either.")

    @Argument(help: .init("org/name, or org/name@revision, as `swage models list` shows it.", valueName: "name"))
    var names: [String]

    @Flag(help: "Remove them, and do not only say what would be removed.")
    var yes = false

    func run() throws {
        let removals = try names.map { try HubRemoval($0, from: Hub()) }
        for removal in removals {
            let size = readable(bytes: removal.bytes)
            if yes { try removal.run() }
            try printLine("\(yes ? "removed" : "would remove") \(removal.name), \(size)")
        }
        if !yes { writeToStandardError("Nothing was removed; with --yes it is.\n") }
    }
}
