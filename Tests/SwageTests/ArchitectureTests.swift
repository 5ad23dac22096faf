import Foundation
import Testing
import TestSupport

/// ARCHITECTURE.md says which targets know which.
@Suite struct ArchitectureTests {
    /// The names in backquotes of each row of the table, the row's own first.
    private static func table() throws -> [String: Set<String>] {
        let page = try String(contentsOfFile: Golden.repository + "/ARCHITECTURE.md", encoding: .utf8)
        let rows = page.split(separator: "\n").drop { !$0.hasPrefix("| target | imports |") }.dropFirst(2).prefix { $0.hasPrefix("|") }
        let cells = rows.map { row in row.split(separator: "|", omittingEmptySubsequences: false).prefix(3).joined(separator: "|") }
        let names = cells.map { cells in cells.matches(of: #/`(\w+)`/#).map { String($0.1) } }
        return try Dictionary(uniqueKeysWithValues: names.map { (try #require($0.first), Set($0.dropFirst())) })
    }

    /// The modules that the files of a target import.
    private static func imports(of target: String) throws -> Set<String> {
        let folder = Golden.repository + "/Sources/" + target
        var imported: Set<String> = []
        for file in try FileManager.default.subpathsOfDirectory(atPath: folder) where file.hasSuffix(".swift") {
            let text = try String(contentsOfFile: folder + "/" + file, encoding: .utf8)
            imported.formUnion(text.matches(of: #/(?m)^(?:\w+ )*import (?:struct |func |enum )?(\w+)/#).map { String($0.1) })
        }
        return imported
    }

    @Test func thePageSaysWhichTargetsImportWhich() throws {
        let targets = Set(try FileManager.default.contentsOfDirectory(atPath: Golden.repository + "/Sources"))
        let table = try Self.table()
        #expect(Set(table.keys) == targets.filter { !$0.hasPrefix("CSwage") })
        for (target, said) in table {
            let imported = try Self.imports(of: target).intersection(targets)
            #expect(imported == said, "\(target) imports \(imported.sorted()), and ARCHITECTURE.md says \(said.sorted())")
        }
    }

    /// The contract is for everybody, and stands on what comes with Swift.
    @Test func theContractDependsOnNothing() throws {
        let imported = try Self.imports(of: "Swage")
        #expect(imported.isSubset(of: ["Foundation", "Synchronization", "Glibc", "Musl", "Darwin"]), "\(imported.sorted())")
    }

    /// A folder that one has to scroll is two.
    @Test func noFolderHoldsThirtyFiles() throws {
        let root = Golden.repository + "/Sources"
        for folder in [""] + (try FileManager.default.subpathsOfDirectory(atPath: root)) where !folder.hasSuffix("Generated") {
            let files = (try? FileManager.default.contentsOfDirectory(atPath: "\(root)/\(folder)"))?.filter { $0.hasSuffix(".swift") } ?? []
            #expect(files.count < 30, "\(folder) holds \(files.count)")
        }
    }
}
