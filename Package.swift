// swift-tools-version: 6.2
import PackageDescription

// SWAGE_INSTRUCTIONS=baseline or v3 builds the kernels for that generation of x86-64 alone, so that tests can try it.
let instructions = Context.environment["SWAGE_INSTRUCTIONS"].map { [CSetting.define("SWAGE_INSTRUCTIONS_\($0)")] } ?? []

let gRPC: [Target.Dependency] = [
    .product(name: "SwiftProtobuf", package: "swift-protobuf", condition: .when(traits: ["Engines"])),
    .product(name: "GRPCCore", package: "grpc-swift-2", condition: .when(traits: ["Engines"])),
    .product(name: "GRPCNIOTransportHTTP2", package: "grpc-swift-nio-transport", condition: .when(traits: ["Engines"])),
    .product(name: "GRPCProtobuf", package: "grpc-swift-protobuf", condition: .when(traits: ["Engines"])),
    .product(name: "NIOCore", package: "swift-nio", condition: .when(traits: ["Engines"])),
    .product(name: "NIOHTTP2", package: "swift-nio-http2", condition: .when(traits: ["Engines"])),
    .product(name: "NIOHPACK", package: "swift-nio-http2", condition: .when(traits: ["Engines"])),
]

let package = Package(
    name: "swage",
    platforms: [.macOS(.v15)],
    products: [
        .library(name: "Swage", targets: ["Swage"]),
        .library(name: "SwageText", targets: ["SwageText"]),
        .library(name: "SwageFiles", targets: ["SwageFiles"]),
        .library(name: "SwageNative", targets: ["SwageNative"]),
        .library(name: "SwageRecipes", targets: ["SwageRecipes"]),
        .library(name: "SwageConformance", targets: ["SwageConformance"]),
        .library(name: "SwageRemote", targets: ["SwageRemote"]),
        .library(name: "SwageWorkers", targets: ["SwageWorkers"]),
        .executable(name: "swage", targets: ["SwageCommand"]),
    ],
    traits: [
        .trait(name: "Engines", description: "Trainers in other processes, over gRPC, which takes minutes to build."),
        .default(enabledTraits: []),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-http2", from: "1.46.0"),
        .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0"),
        .package(url: "https://github.com/grpc/grpc-swift-2", from: "2.4.3"),
        .package(url: "https://github.com/grpc/grpc-swift-nio-transport", from: "2.9.2"),
        .package(url: "https://github.com/grpc/grpc-swift-protobuf", from: "2.4.1"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    ],
    targets: [
        .target(name: "Swage"),
        .target(
            name: "SwageText",
            dependencies: ["Swage", "SwageJinja", "CSwageSystem", .product(name: "HeapModule", package: "swift-collections")]),
        .target(name: "CSwageSystem"),
        .target(name: "SwageJinja"),
        .target(name: "SwageFiles", dependencies: ["Swage", "SwageText", "CSwageSystem"]),
        .target(name: "CSwageKernels", cSettings: instructions),
        .target(name: "SwageNative", dependencies: ["Swage", "SwageText", "SwageFiles", "CSwageKernels"]),
        .target(
            name: "SwageRecipes",
            dependencies: ["Swage", "SwageText", "SwageFiles"]),
        .target(name: "SwageConformance", dependencies: ["Swage"]),
        .target(name: "SwageRemote", dependencies: ["Swage", "SwageText", "SwageFiles"] + gRPC),
        .target(name: "SwageWorkers", dependencies: ["Swage", "SwageText", "SwageFiles", "SwageRemote"]),
        .executableTarget(
            name: "SwageCommand",
            dependencies: [
                "SwageFiles", "SwageNative", "SwageRecipes", "SwageConformance", "Yams",
                .target(name: "SwageRemote", condition: .when(traits: ["Engines"])),
                .target(name: "SwageWorkers", condition: .when(traits: ["Engines"])),
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
            ]),

        .executableTarget(
            name: "SwageBenchmarks", dependencies: ["Swage", "SwageNative", "SwageRecipes"], path: "Benchmarks/SwageBenchmarks"),
        .executableTarget(name: "TextBenchmarks", dependencies: ["Swage", "SwageFiles", "SwageText"], path: "Benchmarks/TextBenchmarks"),
        .executableTarget(
            name: "EngineBenchmarks",
            dependencies: [
                "Swage", "SwageNative",
                .target(name: "SwageRemote", condition: .when(traits: ["Engines"])),
                .target(name: "SwageWorkers", condition: .when(traits: ["Engines"])),
            ],
            path: "Benchmarks/EngineBenchmarks"),
        .executableTarget(name: "ConfigurationFuzzer", dependencies: ["Swage", "SwageNative"], path: "Tests/ConfigurationFuzzer"),
        .executableTarget(name: "LossFuzzer", dependencies: ["Swage", "SwageNative", "TestSupport"], path: "Tests/LossFuzzer"),
        .executableTarget(
            name: "FileFuzzer", dependencies: ["SwageFiles", "SwageNative", "SwageRecipes", "SwageText", "TestSupport"],
            path: "Tests/FileFuzzer"),
        .executableTarget(
            name: "ConformanceTable", dependencies: ["TestEngines", "SwageConformance"], path: "Tests/ConformanceTable"),
        .target(
            name: "TestEngines",
            dependencies: [
                "SwageConformance", "SwageNative", "TestSupport", "TutorialLoops",
                .target(name: "SwageRemote", condition: .when(traits: ["Engines"])),
                .target(name: "SwageWorkers", condition: .when(traits: ["Engines"])),
            ] + gRPC,
            path: "Tests/TestEngines"),
        .target(name: "TestSupport", dependencies: ["Swage", "SwageFiles", "SwageNative"], path: "Tests/TestSupport"),
        .testTarget(name: "SwageTests", dependencies: ["Swage", "TestSupport"]),
        .testTarget(name: "SwageTextTests", dependencies: ["SwageText", "SwageFiles", "CSwageSystem", "TestSupport"]),
        .testTarget(name: "SwageJinjaTests", dependencies: ["SwageJinja", "SwageText"]),
        .testTarget(name: "SwageFilesTests", dependencies: ["SwageFiles", "SwageNative", "TestSupport"]),
        .testTarget(
            name: "SwageRecipesTests",
            dependencies: ["SwageRecipes", "SwageNative", "TutorialLoops", "TestSupport"]),
        .testTarget(name: "SwageCommandTests", dependencies: ["SwageCommand", "Swage", "TestSupport"]),
        .testTarget(
            name: "SwageRemoteTests",
            dependencies: [
                "SwageRemote", "SwageNative", "SwageConformance", "TestEngines", "TestSupport",
                .target(name: "SwageWorkers", condition: .when(traits: ["Engines"])),
            ] + gRPC),
        .testTarget(
            name: "SwageWorkersTests",
            dependencies: [
                "SwageWorkers", "SwageFiles", "SwageNative", "SwageRecipes", "SwageConformance", "TestEngines", "TestSupport",
            ] + gRPC),
        .target(name: "TutorialLoops", dependencies: ["Swage"], path: "examples/loops"),
        .testTarget(
            name: "SwageNativeTests",
            dependencies: [
                "SwageFiles", "SwageNative", "SwageConformance", "CSwageKernels", "TestEngines", "TestSupport",
            ]),
    ],
    swiftLanguageModes: [.v6]
)

// Beyond Swift 6, what is public says so at its imports, too. What lies elsewhere than in Sources is for this package alone.
for target in package.targets where target.path == nil && !target.isTest && !target.name.hasPrefix("C") {
    target.swiftSettings = ["ExistentialAny", "InternalImportsByDefault", "MemberImportVisibility"].map { .enableUpcomingFeature($0) }
}
