// swift-tools-version: 6.1
import PackageDescription

// An application that makes a vendor's model a trainer, and puts it through Swage's promises: `swift run`.
let package = Package(
    name: "bring-your-own-trainer",
    platforms: [.macOS(.v15)],
    dependencies: [
        .package(name: "swage", path: "../.."),
        .package(name: "bigram-vendor", path: "Vendor"),
    ],
    targets: [
        .executableTarget(
            name: "App",
            dependencies: [
                .product(name: "Swage", package: "swage"),
                .product(name: "SwageConformance", package: "swage"),
                .product(name: "BigramVendor", package: "bigram-vendor"),
            ])
    ],
    swiftLanguageModes: [.v6]
)
