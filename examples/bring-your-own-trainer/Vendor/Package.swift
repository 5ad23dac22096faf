// swift-tools-version: 6.1
import PackageDescription

// Somebody else's package, which has never heard of Swage.
let package = Package(
    name: "bigram-vendor",
    platforms: [.macOS(.v15)],
    products: [.library(name: "BigramVendor", targets: ["BigramVendor"])],
    targets: [.target(name: "BigramVendor")],
    swiftLanguageModes: [.v6]
)
