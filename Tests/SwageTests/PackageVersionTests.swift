import Foundation
import Swage
import Testing
import TestSupport

/// The version stands in the code, and pages say the same.
@Suite struct PackageVersionTests {
    @Test(arguments: [("README.md", "from: \"VERSION\""), ("CHANGELOG.md", "# Changes\n\n## VERSION\n")])
    func pagesSayTheVersion(_ page: String, _ words: String) throws {
        let text = try String(contentsOfFile: "\(Golden.repository)/\(page)", encoding: .utf8)
        let expected = words.replacingOccurrences(of: "VERSION", with: swageVersion)
        #expect(text.contains(expected), "\(page) does not say \(expected)")
    }
}
