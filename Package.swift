// swift-tools-version: 6.1
import PackageDescription

// SWAGE_INSTRUCTIONS=baseline or v3 builds the kernels for that generation of x86-64 alone, so that tests can try it.
let instructions = Context.environment["SWAGE_INSTRUCTIONS"].map { [CSetting.define("SWAGE_INSTRUCTIONS_\($0)")] } ?? []

let package = Package(
    name: "swage",
    platforms: [.macOS(.v15)],
    products: [
        .library(name: "Swage", targets: ["Swage"]),
        .library(name: "SwageNative", targets: ["SwageNative"]),
        .library(name: "SwageRecipes", targets: ["SwageRecipes"]),
        .library(name: "SwageConformance", targets: ["SwageConformance"]),
        .executable(name: "swage", targets: ["SwageCommand"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    ],
    targets: [
        .target(name: "Swage"),
        .target(
            name: "SwageText",
            dependencies: ["Swage", .product(name: "HeapModule", package: "swift-collections")]),
        .target(name: "CSwageSystem"),
        .target(name: "SwageFiles", dependencies: ["Swage", "SwageText", "CSwageSystem"]),
        .target(name: "CSwageKernels", cSettings: instructions),
        .target(name: "SwageNative", dependencies: ["Swage", "SwageText", "SwageFiles", "CSwageKernels"]),
        .target(
            name: "SwageRecipes",
            dependencies: ["Swage", "SwageText", "SwageFiles"]),
        .target(name: "SwageConformance", dependencies: ["Swage"]),
        .executableTarget(
            name: "SwageCommand",
            dependencies: [
                "SwageFiles", "SwageNative", "SwageRecipes", "Yams",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
            ]),

        .executableTarget(
            name: "SwageBenchmarks", dependencies: ["Swage", "SwageNative"], path: "Benchmarks/SwageBenchmarks"),
        .executableTarget(name: "LossFuzzer", dependencies: ["Swage"], path: "Tests/LossFuzzer"),
        .target(name: "TestSupport", dependencies: ["Swage", "SwageFiles"], path: "Tests/TestSupport"),
        .testTarget(name: "SwageTests", dependencies: ["Swage", "TestSupport"]),
        .testTarget(name: "SwageTextTests", dependencies: ["SwageText", "SwageFiles", "TestSupport"]),
        .testTarget(name: "SwageFilesTests", dependencies: ["SwageFiles", "SwageNative", "TestSupport"]),
        .testTarget(
            name: "SwageRecipesTests", dependencies: ["SwageRecipes", "SwageNative", "TestSupport"]),
        .testTarget(name: "SwageCommandTests", dependencies: ["SwageCommand", "Swage", "TestSupport"]),
        .testTarget(
            name: "SwageNativeTests",
            dependencies: ["SwageNative", "SwageConformance", "CSwageKernels", "TestSupport"]),
    ],
    swiftLanguageModes: [.v6]
)
