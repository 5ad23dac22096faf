import Foundation
import SwageJinja
import Testing

/// The language's rules, as jinja2 itself applies them in the environment that transformers renders chat templates in.
@Suite struct JinjaRuleTests {
    private static let golden = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().appending(path: "Golden")
    private static let clock = TemplateClock.fixed(year: 2026, month: 7, day: 4, hour: 15, minute: 6, second: 7)

    private func document() throws -> TemplateValue {
        OrderedJSON.value(try String(contentsOf: Self.golden.appending(path: "jinja_rules.json"), encoding: .utf8))
    }

    @Test func `a template gives the text that jinja2 gives, or raises where jinja2 raises`() throws {
        let document = try document()
        let context = document["context"]?.names ?? [:]
        let cases = document["cases"]?.items ?? []
        #expect(cases.count > 400, "only \(cases.count) cases")
        for item in cases {
            let source = item["source"]?.string ?? ""
            let expected = item["text"]?.string
            do {
                let text = try Template(source).render(context, now: Self.clock).text
                #expect(text == expected, "\(source) gives [\(text)], and jinja2 [\(expected ?? item["raises"]?.string ?? "")]")
            } catch let error as TemplateError {
                #expect(expected == nil, "\(source) fails, \(error), and jinja2 gives [\(expected ?? "")]")
            }
        }
    }

    @Test func `a template renders the same on many threads at once`() async throws {
        let template = try Template("{% macro m(x) %}{{ x }}{% endmacro %}{% for i in range(50) %}{{ m(i) }}{% endfor %}{{ who }}")
        let wanted = (0..<50).map(String.init).joined()
        let texts = try await withThrowingTaskGroup(of: (Int, String).self) { group in
            for number in 0..<40 {
                group.addTask { (number, try template.render(["who": .int(number)]).text) }
            }
            return try await group.reduce(into: [(Int, String)]()) { $0.append($1) }
        }
        for (number, text) in texts { #expect(text == wanted + String(number), "\(number) gave \(text)") }
    }

    @Test(arguments: [
        ("%d %b %Y", "04 Jul 2026"), ("%Y-%m-%d %H:%M:%S.%f", "2026-07-04 15:06:07.000000"), ("%A %j %p %I", "Saturday 185 PM 03"),
        ("[%Z%z] %%", "[] %"), ("", ""),
    ])
    func `the date is the one that was given, as Python writes it`(_ format: String, _ expected: String) throws {
        let rendering = try Template("{{ strftime_now(f) }}").render(["f": .text(format)], now: Self.clock)
        #expect(rendering.text == expected && rendering.usedClock, "\(format) gave \(rendering.text)")
        #expect(try !Template("{{ f }}").render(["f": .text(format)]).usedClock)
    }
}
