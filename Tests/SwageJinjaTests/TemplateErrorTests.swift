import Foundation
import SwageJinja
import Testing

/// What is refused, where, and in which words; and what stops a template that would not stop.
@Suite struct TemplateErrorTests {
    private func error(_ source: String, _ context: [String: TemplateValue] = [:], limits: TemplateLimits = TemplateLimits())
        -> TemplateError?
    {
        do {
            let text = try Template(source, limits: limits).render(context, limits: limits).text
            Issue.record("\(source.prefix(200)) gave [\(text.prefix(200))]")
        } catch let error as TemplateError {
            return error
        } catch {
            Issue.record("\(error)")
        }
        return nil
    }

    @Test(arguments: [
        ("\n\n{% if x %}", TemplateError.Kind.syntax, 3, "Unexpected end of template"),
        ("a\n{{ 1 + }}", .syntax, 2, "unexpected 'end of print statement'"),
        ("{% foo %}", .syntax, 1, "unknown tag 'foo'"), ("\n{{ x|foo }}", .syntax, 2, "No filter named 'foo'"),
        ("{{ x is foo }}", .syntax, 1, "No test named 'foo'"),
        ("\n{% include 'a' %}", .unsupported, 2, "tag 'include'"), ("{{ x|urlize }}", .unsupported, 1, "filter 'urlize'"),
        ("{% extends 'a' %}", .unsupported, 1, "tag 'extends'"), ("{% break %}", .syntax, 1, "'break' outside loop"),
        ("\n{{ a.b.c }}", .evaluation, 2, "'a' is undefined"), ("{{ {}.b.c }}", .evaluation, 1, "'dict object' has no attribute 'b'"),
        ("{{ [].append(1) }}", .evaluation, 1, "SecurityError"),
        ("\n\n{{ 'a' + 1 }}", .evaluation, 3, "can only concatenate str (not \"int\") to str"),
        ("{% for x in 1 %}{% endfor %}", .evaluation, 1, "'int' object is not iterable"),
        ("{{ 1 / 0 }}", .evaluation, 1, "ZeroDivisionError"),
        ("x\n{{ raise_exception('Roles must alternate') }}", .raised, 2, "Roles must alternate"),
        ("{{ [1, 'a']|sort }}", .evaluation, 1, "not supported between"),
        ("{{ 9223372036854775807 + 1 }}", .unsupported, 1, "64 bits"), ("{{ lipsum() }}", .unsupported, 1, "lipsum"),
        ("{{ range }}", .unsupported, 1, "function"),
    ])
    func `an error says what and where`(_ source: String, _ kind: TemplateError.Kind, _ line: Int, _ words: String) {
        let error = error(source)
        #expect(error?.kind == kind && error?.line == line, "\(source) fails with \(String(describing: error))")
        #expect(error?.message.contains(words) == true, "\(source) fails with \(String(describing: error))")
    }

    @Test(arguments: [
        "{{ 'a' * 10**9 }}", "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
        "{% macro m(x) %}{{ m(x + 1) }}{% endmacro %}{{ m(1) }}", "{% for x in [[1]] recursive %}{{ loop([x]) }}{% endfor %}",
        "{% set ns = namespace(x=[]) %}{% for i in range(9999) %}{% set ns.x = [ns.x] %}{% endfor %}{{ ns.x }}",
        "{% set ns = namespace(x=[]) %}{% for i in range(99) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x == ns.x }}",
        "{% set ns = namespace(x=[1]) %}{% for i in range(9999) %}{% set ns.x = ns.x|map('string') %}{% endfor %}{{ ns.x|list }}",
        "{% set ns = namespace(x=1) %}{% for i in range(9999) %}{% set n = namespace(p=ns.x) %}{% set ns.x = n %}{% endfor %}{{ ns.x }}",
        "{% for i in range(99999) %}{{ 'abcdefghij' * 1000 }}{% endfor %}", "{{ range(99999)|join('x' * 10000) }}",
        "{{ '%999999999d' % 1 }}",
        "{{ '{:>999999999}'.format(1) }}", "{{ 'a\n'|indent(999999999, blank=true) }}", "{{ [1]|batch(999999999, 0)|list }}",
        "{{ ('a' * 999999)|replace('', 'b' * 999999) }}", "{{ [1] * 999999999 }}",
    ])
    func `what would take too much is stopped soon`(_ source: String) {
        let start = ContinuousClock.now
        var limits = TemplateLimits()
        (limits.steps, limits.outputBytes, limits.valueBytes) = (200_000, 1 << 20, 16 << 20)
        let error = error(source, limits: limits)
        #expect(error?.kind == .limit, "\(source) fails with \(String(describing: error))")
        #expect(ContinuousClock.now - start < .seconds(60), "\(source) took \(ContinuousClock.now - start)")
    }

    /// Threads of tasks have stacks of 512 KiB.
    @Test func `what is nested without end is an error on a small stack`() async {
        let many = 20_000
        let sources =
            [
                String(repeating: "(", count: many) + "1", String(repeating: "[", count: many), String(repeating: "{1:", count: many),
                String(repeating: "not ", count: many) + "1", String(repeating: "-", count: many) + "1",
                "1" + String(repeating: " if 1 else 1", count: many),
                "a" + String(repeating: ".b", count: many), "a" + String(repeating: "|string", count: many),
                "1" + String(repeating: " or 1", count: many),
                "f" + String(repeating: "(f", count: many), "a" + String(repeating: "[a", count: many),
            ].map { "{{ " + $0 + " }}" } + [
                String(repeating: "{% if 1 %}", count: many), String(repeating: "{% for x in [1] %}", count: many),
                "{{ " + String(repeating: "(", count: 70) + "a" + String(repeating: String(repeating: ".b", count: 200) + ")", count: 70)
                    + " }}",
                "{% macro m(x) %}{% for i in [1] %}{% set y %}{{ [m(x + 1)]|map('upper')|list }}{% endset %}{% endfor %}{% endmacro %}{{ m(1) }}",
                "{% for x in [[1]] recursive %}{{ loop([x])|upper }}{% endfor %}",
                "{% set ns = namespace(x=1) %}{% for i in range(9999) %}{% set ns.x = namespace(p=[ns.x]) %}{% endfor %}{{ ns.x }}",
                "{% set ns = namespace(x=[1]) %}{% for i in range(9999) %}{% set ns.x = ns.x|map('string') %}{% endfor %}{{ ns.x|list }}",
                String(repeating: "{% filter upper %}", count: many), String(repeating: "{% macro m() %}", count: many),
            ]
        let found = await withCheckedContinuation { continuation in
            let thread = Thread { continuation.resume(returning: sources.map { ($0.prefix(30), error($0)) }) }
            thread.stackSize = 512 << 10
            thread.start()
        }
        for (source, error) in found {
            #expect(error?.kind == .limit || error?.kind == .syntax, "\(source) fails with \(String(describing: error))")
        }
    }

    @Test func `limits can be narrowed`() {
        var limits = TemplateLimits()
        limits.steps = 100
        #expect(error("{% for x in range(100) %}{{ x }}{% endfor %}", limits: limits)?.kind == .limit)
        limits = TemplateLimits()
        limits.outputBytes = 10
        #expect(error("{{ 'abc' }}{{ 'abcdefghi' }}", limits: limits)?.kind == .limit)
        limits = TemplateLimits()
        limits.recursion = 3
        #expect(error("{% macro m(x) %}{{ m(x - 1) if x }}{% endmacro %}{{ m(4) }}", limits: limits)?.kind == .limit)
        limits = TemplateLimits()
        limits.valueBytes = 1000
        #expect(error("{% for x in range(30) %}{% set y = 'a' * 100 %}{% endfor %}", limits: limits)?.kind == .limit)
    }
}
