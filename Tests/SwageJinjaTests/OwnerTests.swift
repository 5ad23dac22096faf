import SwageJinja
import Testing

/// Whose each character of a rendering is.
@Suite struct OwnerTests {
    private func rendering(_ source: String, _ values: [String: TemplateValue]) throws -> Rendering {
        let rendering = try Template(source).render(values)
        let total = rendering.runs.reduce(0) { $0 + $1.count }
        #expect(total == rendering.text.utf8.count, "\(source): runs of \(total) bytes for [\(rendering.text)]")
        return rendering
    }

    /// The characters with the owner before each run: `a` of owner 1 is `1a`, the template's own text `.a`.
    private func marked(_ rendering: Rendering) -> String {
        var (result, bytes) = ("", Array(rendering.text.utf8)[...])
        for run in rendering.runs {
            result += (run.owner == Rendering.template ? "." : String(run.owner)) + String(decoding: bytes.prefix(run.count), as: UTF8.self)
            bytes = bytes.dropFirst(run.count)
        }
        return result
    }

    @Test(arguments: [
        ("<{{ a }}>", ".<1ab.>"), ("{{ a + '-' + b }}", "1ab.-2çd"), ("{{ a ~ 7 ~ b }}", "1ab.72çd"), ("{{ a + a }}", "1abab"),
        ("{{ (a + b)[1:3] }}", "1b2ç"), ("{{ (a + b)[::-1] }}", "2dç1ba"), ("{{ (a + b)[2] }}", "2ç"),
        ("{{ (' ' + a + ' ')|trim }}", "1ab"),
        ("{{ a.upper() }}{{ b|upper }}", "1AB2ÇD"), ("{{ (a ~ b)|title }}", "1Ab2çd"), ("{{ (a ~ b).title() }}", "1Ab2çd"),
        ("{{ (a ~ b).capitalize() }}", "1Ab2çd"), ("{{ a.replace('b', b) }}", "1a2çd"), ("{{ a.replace('b', 'x') }}", "1a.x"),
        ("{{ a|replace('a', b) }}", "2çd1b"), ("{{ (a + ',' + b).split(',')|join('+') }}", "1ab.+2çd"),
        ("{{ ', '.join([a, b]) }}", "1ab., 2çd"),
        ("{{ '%s|%5s' % (a, b) }}", "1ab.|   2çd"), ("{{ '{}:{:>3}'.format(a, b) }}", "1ab.: 2çd"),
        ("{{ [a, 1, {'k': b}] }}", ".['1ab.', 1, {'k': '2çd.'}]"),
        ("{{ {'x': a, 'y': b}|tojson }}", ".{\"x\": \"1ab.\", \"y\": \"2çd.\"}"), ("{{ q|tojson }}", ".\"3\\\"\\n.\""),
        ("{{ b|tojson(ensure_ascii=true) }}", ".\"2\\u00e7d.\""), ("{% for c in a + b %}{{ c }},{% endfor %}", "1a.,1b.,2ç.,2d.,"),
        ("{% set x %}<{{ a }}>{% endset %}{{ x }}{{ b }}", ".<1ab.>2çd"), ("{% filter upper %}x{{ a }}{% endfilter %}", ".X1AB"),
        ("{% macro m(x) %}[{{ x }}]{% endmacro %}{{ m(b) }}{{ m(m(a)) }}", ".[2çd.][[1ab.]]"),
        ("{{ a|indent }}{{ (a ~ '\n' ~ b)|indent(1) }}", "1abab.\n 2çd"),
        ("{{ (a ~ b)|list|reverse|join }}", "2dç1ba"), ("{{ (a ~ b)|reverse }}", "2dç1ba"), ("{{ a * 2 ~ b }}", "1abab2çd"),
        ("{{ '<'|e ~ a }}", ".&lt;1ab"),
        ("{{ [a, b]|map('upper')|join }}", "1AB2ÇD"), ("{{ a|center(4) }}", ". 1ab. "), ("{{ m.content }}{{ m['role'] }}", "4hiuser"),
        ("{{ a|length }}{{ a == b }}{{ nope }}", ".2False"),
        ("{% for k, v in m.items() %}{{ k }}={{ v }}{% endfor %}", "4role.=4usercontent.=4hi"),
    ])
    func `characters keep their owner through whatever moves them`(_ source: String, _ expected: String) throws {
        let rendering = try rendering(
            source,
            [
                "a": .text("ab", owner: 1), "b": .text("çd", owner: 2), "q": .text("\"\n", owner: 3),
                "m": .dict([
                    (.text("role", owner: 4), .text("user", owner: 4)), (.text("content", owner: 4), .text("hi", owner: 4)),
                ]),
            ])
        #expect(marked(rendering) == expected, "\(source) gives \(marked(rendering))")
    }

    @Test func `of a plain template, each message's characters are its content`() throws {
        let contents = ["one", "", " two\n", "日本", "<|im_end|>"]
        let messages = contents.enumerated().map { TemplateValue.dict(["content": .text($1, owner: Int32($0))]) }
        let rendering = try rendering("{% for m in messages %}<{{ m.content }}>{% endfor %}", ["messages": .list(messages)])
        var (found, bytes) = ([Int32: String](), Array(rendering.text.utf8)[...])
        for run in rendering.runs {
            found[run.owner, default: ""] += String(decoding: bytes.prefix(run.count), as: UTF8.self)
            bytes = bytes.dropFirst(run.count)
        }
        for (owner, content) in contents.enumerated() {
            #expect(found[Int32(owner), default: ""] == content, "\(owner) wrote \(found[Int32(owner)] ?? "")")
        }
        #expect(found[Rendering.template] == "<><><><><>", "\(rendering.runs)")
    }

    @Test func `generation blocks tell what they wrote`() throws {
        let rendering = try rendering(
            "é{% for m in ms %}<{% generation %}{{ m }}.{% endgeneration %}>{% endfor %}",
            ["ms": .list([.text("ä", owner: 0), .text("", owner: 1)])])
        let bytes = Array(rendering.text.utf8)
        let texts = rendering.generations.map { String(decoding: bytes[$0], as: UTF8.self) }
        #expect(texts == ["ä.", "."], "\(rendering.generations) of [\(rendering.text)]")
    }
}
