// swift-tools-version: 6.1
import PackageDescription

// A package of yours that trains: `swift test -c release`, and with `--traits Engines` on engines that run elsewhere, too.
let package = Package(
    name: "tutor",
    platforms: [.macOS(.v15)],
    products: [.library(name: "Tutor", targets: ["Tutor"])],
    traits: [.trait(name: "Engines", description: "Trainers in other processes."), .default(enabledTraits: [])],
    dependencies: [
        // In yours: .package(url: "https://…/swage.git", from: "0.2.0", traits: […])
        .package(name: "swage", path: "../..", traits: [.trait(name: "Engines", condition: .when(traits: ["Engines"]))])
    ],
    targets: [
        .target(
            name: "Tutor",
            dependencies: [
                .product(name: "Swage", package: "swage"),
                .product(name: "SwageNative", package: "swage"),
                .product(name: "SwageRecipes", package: "swage"),
                .product(name: "SwageText", package: "swage"),
                .product(name: "SwageRemote", package: "swage", condition: .when(traits: ["Engines"])),
            ]),
        .testTarget(name: "TutorTests", dependencies: ["Tutor"]),
    ],
    swiftLanguageModes: [.v6]
)
