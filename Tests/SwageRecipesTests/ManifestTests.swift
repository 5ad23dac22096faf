import Foundation
import Testing
import TestSupport

/// Applications know the protocol and no engine.
@Suite struct ManifestTests {
    private static let engines = ["SwageNative", "SwageRemote", "SwageWorkers", "CSwageKernels"]

    @Test func theManifestGivesTheRecipesNoEngine() throws {
        let manifest = try String(contentsOfFile: Golden.repository + "/Package.swift", encoding: .utf8)
        let begin = try #require(
            manifest.range(
                of: #"name: "SwageRecipes","#, range: manifest.range(of: "targets: [\n        .target(name: \"Swage\")")!.lowerBound..<manifest.endIndex))
        let end = try #require(manifest.range(of: "]", range: begin.upperBound..<manifest.endIndex))
        let dependencies = manifest[begin.upperBound..<end.lowerBound]
        #expect(dependencies.contains("\"Swage\""), "\(dependencies)")
        for engine in Self.engines { #expect(!dependencies.contains(engine), "\(dependencies)") }
    }

    @Test func noFileOfTheRecipesOrTheLoopsImportsOne() throws {
        for folder in ["Sources/SwageRecipes", "examples/loops"] {
            let files = try FileManager.default.subpathsOfDirectory(atPath: "\(Golden.repository)/\(folder)").filter { $0.hasSuffix(".swift") }
            #expect(!files.isEmpty)
            for file in files {
                let text = try String(contentsOfFile: "\(Golden.repository)/\(folder)/\(file)", encoding: .utf8)
                for engine in Self.engines { #expect(!text.contains("import \(engine)"), "\(file)") }
            }
        }
    }
}
