import ArgumentParser
import Foundation
import Swage
import SwageText

/// How rows are read, whatever they hold.
struct RowOptions: ParsableArguments {
    @Flag(inversion: .prefixedNo, help: "Whether rows that cannot be used, or teach nothing, are left out.")
    var skipBadLines = false

    @Option(
        parsing: .upToNextOption,
        help: .init(
            "Which keys and roles of the data stand for which: messages=dialog user=question.", valueName: "ours=theirs", visibility: .hidden))
    var map: [String] = []

    /// Opens files, folders and what is piped in, each text with a weight behind it if it has one.
    func open<Example>(_ texts: [String]) throws -> Examples<Example> {
        let sources = try texts.map { try DataSource($0) }
        let display = OpeningDisplay("reading \(texts.count == 1 ? sources[0].path : "\(texts.count) sources")")
        defer { display.end() }
        return try Examples(
            sources: sources, badLines: skipBadLines ? .skip : .stop, map: rowMap, standardInput: STDIN_FILENO, progress: display.show)
    }

    /// Makes sure that every entry of the map has an effect on something that the command has read by it.
    func checkMap(_ read: (name: String, idle: Set<Int>)?...) throws { try rowMap?.requireEffect(on: read.compactMap { $0 }) }

    private var rowMap: RowMap? { get throws { map.isEmpty ? nil : try RowMap(map) } }

    /// The path of each, by what it is, for the check that nothing is written over it.
    static func inputs(_ name: String, _ texts: [String]) throws -> [String: String?] {
        let paths = try texts.map { try DataSource($0).path }.filter { $0 != "-" }
        return Dictionary(paths.map { (paths.count == 1 ? name : "\(name) \($0)", $0) }, uniquingKeysWith: { first, _ in first })
    }
}

extension Examples {
    /// What they are called, and what of the map has no effect on them.
    var mapped: (name: String, idle: Set<Int>) { (name, idleMapEntries) }
}
