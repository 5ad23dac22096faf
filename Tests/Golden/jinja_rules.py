"""Small templates of our own, with what jinja2 makes of them in the environment that transformers renders chat templates in.

python jinja_rules.py          writes jinja_rules.json beside this file
"""

import datetime
import importlib.metadata
import json
import pathlib
import platform

from transformers.utils import chat_template_utils

NOW = datetime.datetime(2026, 7, 4, 15, 6, 7)

CONTEXT = {
    "text": "Hello World",
    "empty": "",
    "wide": "naïve ß 日本 👩‍👩‍👧",
    "lines": "a\n\n  b\nc",
    "numbers": [3, 1, 2],
    "words": ["pear", "Apple", "fig"],
    "pair": {"a": 1, "b": "x", "items": 5, "none": None},
    "people": [{"name": "Ada", "age": 36}, {"name": "bob", "age": 7}, {"name": "Cy", "age": 36, "at": {"city": "Ulm"}}],
    "seven": 7,
    "half": 2.5,
    "yes": True,
    "nothing": None,
    "messages": [{"role": "user", "content": 'Hi "you" & <me>'}, {"role": "assistant", "content": " Yo\n"}],
}

EXPRESSIONS = """
1 + 2 * 3 - 4 / 2 | 7 // 2 | -7 // 2 | 7 % -3 | -7 % 3 | 2 ** 10 | 2 ** -1 | -2 ** 2 | 7.5 // 2 | -7.5 % 2 | 1 / 3 | 1e16 | 1e15 | 1e-5
0.0001 | 123456789.123456789 | 1_000 | 0x1F | 0b101 | 0o17 | 1.5e3 | 1 / 0 | 7 % 0 | 'a' * 3 | 3 * 'ab' | [1] * 2 | 'a' + 1 | [1] + [2]
(1,) + (2,) | 1 + true | true + true | none + 1 | -true | +false | - 'a' | 1 ~ 2 ~ none | text ~ seven | missing ~ 'x' | missing + 'x'
1 < 2 < 3 | 1 < 3 < 2 | 1 == 1.0 | true == 1 | '1' == 1 | 'a' < 'b' | 'a' < 1 | [1, 2] < [1, 3] | none == none | missing == missing
missing < 1 | 'ell' in text | 'x' not in text | 1 in numbers | 'a' in pair | 1 in text | none in numbers | missing in text | 1 in 5
yes and 'a' | nothing and 'a' | nothing or 'b' | not nothing | not missing | 'a' if yes else 'b' | 'a' if nothing | ('a' if nothing) is defined
text[0] | text[-1] | text[20] | text[1:4] | text[::-1] | text[::2] | text[-3:] | wide[6] | wide[::-1] | numbers[5] | numbers[-1] | numbers[1:]
numbers[::-1] | numbers['x'] | pair['a'] | pair.a | pair.items | pair['items'] | pair.keys() | pair.values() | pair.items() | pair.get('z') | pair.get('z', 0)
pair.nope | pair.nope.more | missing.x | nothing.x | nothing[0] | text.nope | text['upper'] | text.upper() | people[0].name | people.0.name
[1, 'a', none, true, 1.0, (1,), {'k': 'v'}] | {'a': [1, {'b': none}]} | "it's" | ["it's"] | ['"'] | ["'\\""] | ['\\n\\t\\\\'] | ['é'] | ['\\x00\\x7f'] | ['\u200b']
() | (1,) | (1, 2) | [] | {} | {1: 2, 1.0: 3, true: 4} | {[1]: 2} | range(3) | range(5, 0, -2) | range(2)|list | dict(a=1, b=2) | dict([('a', 1)])
text.split() | text.split('o') | text.split('o', 1) | text.rsplit('o', 1) | ' a  b '.split() | ' a  b '.split(' ') | 'a,b'.split('') | lines.splitlines()
'a\\r\\nb\\x0bc'.splitlines() | lines.splitlines(true) | ' x '.strip() | 'xxaxx'.strip('x') | 'abc'.lstrip('ba') | 'abc'.rstrip('cb') | '\u3000x\u2003'.strip()
text.startswith('He') | text.endswith(('x', 'd')) | text.startswith('ell', 1) | text.startswith(['H']) | text.find('o') | text.rfind('o') | text.find('z') | text.index('z')
wide.find('日') | text.count('l') | text.count('') | text.replace('l', 'L') | text.replace('l', 'L', 1) | 'abc'.replace('', '-') | text.title() | "it's a dog".title()
'hELLO wORLD'.capitalize() | 'Hello'.swapcase() | wide.upper() | 'ΑΣ ΣΑΣ'.lower() | 'İ'.lower() | 'ﬁ'.upper() | 'ǆ'.title() | 'abc'.isalpha() | '12'.isdigit() | '²'.isdigit() | '²'.isdecimal()
'½'.isnumeric() | ''.isalpha() | ' \\n'.isspace() | 'A1'.isupper() | 'a1'.islower() | 'Ab Cd'.istitle() | 'a1'.isalnum() | '7'.zfill(3) | '-7'.zfill(4) | 'a'.ljust(3) ~ '|' | 'a'.rjust(3, '.')
'a'.center(4, '*') | 'ab'.center(5, '*') | 'prefix-x'.removeprefix('prefix-') | 'x.y'.removesuffix('.y') | 'a-b-c'.partition('-') | 'a-b-c'.rpartition('-') | 'abc'.partition('z') | ','.join(words)
','.join(numbers) | '{} {1}'.format(1, 2) | '{} {}'.format(1, 'a') | '{0}{a}'.format(1, a=2) | '{:>5}|{:<5}|{:^5}'.format(1, 2, 3) | '{:05.1f}'.format(2.25) | '{:,}'.format(1234567) | '{!r}'.format('a') | '{a.b}'.format(a={'b': 1})
'{x}'.format() | '{:d}'.format('a') | '{{}}'.format() | '%s and %s' % ('a', 1) | '%d' % 3.7 | '%5.2f|' % 2.345 | '%-5s|' % 'a' | '%05d' % 42 | '%x' % 255 | '%(a)s' % {'a': 1} | '%s' % [1] | '%s %s' % 'a' | 'a' % 1 | '%r' % 'a'
'%%' % () | '%c' % 65 | '%e' % 12345.678 | '%g' % 0.00001 | '%+d' % 5 | '%s' % none
numbers.append(1) | pair.update({}) | pair.pop('a') | pair.clear | numbers.index(1) | numbers.count(1) | numbers.copy() | (1, 2).index(2) | text.__class__ | pair.__class__.__name__ | text.encode
text|upper | text|lower | 'foo bar-baz'|title | text|capitalize | text|length | missing|length | 5|length | numbers|first | []|first | numbers|last | text|last | numbers|sum | words|sum | people|sum(attribute='age') | numbers|sum(start=10)
numbers|sort | words|sort | words|sort(case_sensitive=true) | words|sort(reverse=true) | people|sort(attribute='age,name')|map(attribute='name')|list | [1, 'a']|sort | numbers|min | numbers|max | []|max is undefined | words|max
numbers|join | numbers|join(', ') | people|join('/', attribute='name') | text|list | pair|list | numbers|reverse|list | text|reverse | words|unique|list | ['a', 'A', 'b']|unique|list | missing|default('d') | nothing|default('d') | nothing|default('d', true) | ''|d('e', boolean=true)
words|map('upper')|list | people|map(attribute='at.city', default='?')|list | people|map(attribute='at.city')|list | people|selectattr('at')|list|length | people|selectattr('age', 'eq', 36)|map(attribute='name')|list | people|rejectattr('age', 'gt', 10)|list|length
numbers|select('odd')|list | numbers|reject('odd')|list | [0, 1]|select|list | people|groupby('age') | people|groupby('age')|map(attribute='grouper')|list | people|groupby('at.city', default='-')|map('first')|list | pair|dictsort | {'b': 1, 'A': 2}|dictsort | {'b': 1, 'A': 2}|dictsort(true) | {'b': 1, 'A': 2}|dictsort(by='value') | pair|items|list
[1, 2, 3, 4, 5]|batch(2)|list | [1, 2, 3]|batch(2, 0)|list | [1, 2, 3, 4, 5]|slice(2)|list | [1, 2, 3]|slice(2, 'f')|list | 42.55|round | 42.55|round(1, 'floor') | 42.45|round(1, 'ceil') | 2.5|round | 3.5|round | 42|round | 1234|round(-2) | '42'|int | 'x'|int | 'x'|int(7) | '0x1F'|int(base=16) | '4.7'|int | nothing|int | 3.99|int | '1.5'|float | 'x'|float | 'x'|float(1.0) | -3|abs
'  x '|trim | 'xax'|trim('x') | lines|indent | lines|indent(2, true) | lines|indent('> ', blank=true) | 'foo bar baz qux'|truncate(9) | 'foo bar baz qux'|truncate(9, true) | 'foo bar baz qux'|truncate(11) | 'foo bar baz qux'|truncate(9, false, '!', 0) | 'a'|center(5) ~ '|' | text|replace('o', '0') | text|replace('o', '0', 1) | 12|replace(1, 3) | 'a b'|wordcount
'a b/c?d=é'|urlencode | {'a b': 1, 'c': 'é&'}|urlencode | '<b>x</b>  <!-- c --> y'|striptags | '<a>'|e | ('<a>'|e) + '<' | '<' + ('<a>'|safe) | ('<'|safe) ~ '<' | ('<%s>'|safe) % '&' | ('<'|safe).join(['&', 'x']) | ('<'|safe) is escaped | ['<'|safe] | ('a<'|safe)|upper + '<' | '<'|safe|replace('<', '&') | '%s-%s'|format(1, 2) | '%(a)s'|format(a=1)
messages|tojson | pair|tojson | wide|tojson | wide|tojson(ensure_ascii=true) | {'b': 1, 'a': [1, {}]}|tojson(indent=2) | {'b': 1, 'a': 2}|tojson(sort_keys=true) | [1, 2]|tojson(separators=(',', ':')) | '\\x00\\x1f\\x7f"\\\\/'|tojson | 1.0|tojson | 1e20|tojson | {1: 2, none: 3, true: 4}|tojson | missing|tojson | (1, 2)|tojson | {(1, 2): 3}|tojson | []|tojson(indent=1) | text|nofilter | pair.items()|tojson
3 is odd | 2 is even | 6 is divisibleby 3 | 6 is divisibleby(4) | text is string | 1 is number | true is number | true is integer | 1 is integer | 1.0 is float | pair is mapping | numbers is sequence | text is sequence | pair is iterable | 5 is iterable | missing is iterable | range is callable | nothing is none | missing is undefined | text is defined | true is true | 1 is true
false is false | true is boolean | 'a' is lower | 'A' is upper | 'A' is not lower | 1 is eq 1 | 1 is ne 2 | 1 is lt 2 | 2 is ge 2 | 1 is in [1] | 'a' is in 'abc' | 1 is sameas 1 | none is sameas none | 'upper' is filter | 'nope' is filter | 'odd' is test | 1 is nope | 5 is not none and true | text is string | length
namespace(a=1).a | namespace(a=1) | namespace(_a=1) | cycler('a', 'b').current | joiner('x')() | strftime_now('%d %b %Y, %H:%M:%S %j %A %-d') | raise_exception('no ' ~ seven) | range(200000) | range(1.5) | dict(1) | lipsum is defined
'a' 'b' "c" | '\\u00e9\\x41\\101' | 'a\\qb' | "tab\\tnew" | 'é' | 'x'.join('abc') | 'a'|nope if false else 'b' | (numbers|map('nope')) is defined | numbers|map('nope')|list | [1, 2, 3][-1:] | (1, 2, 3)[::2] | 5[0] is defined | {'a': 1}['b'] is defined
""".strip()

TEMPLATES = [
    "{% for x in numbers %}{{ loop.index }}/{{ loop.length }}:{{ x }}{{ ', ' if not loop.last }}{% endfor %}",
    "{% for x in numbers %}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }}{{ loop.depth }} {% endfor %}",
    "{% for x in numbers %}{{ loop.previtem }}<{{ x }}<{{ loop.nextitem }} {% endfor %}",
    "{% for x in numbers %}{{ loop.cycle('a', 'b') }}{{ loop.changed(x > 1) }} {% endfor %}",
    "{% for x in numbers if x > 1 %}{{ x }}{{ loop.length }}{% else %}none{% endfor %}",
    "{% for x in [] %}{{ x }}{% else %}none{% endfor %}",
    "{% for x in numbers %}{% continue %}{% else %}all skipped{% endfor %}",
    "{% for x in missing %}{{ x }}{% else %}none{% endfor %}",
    "{% for k, v in pair.items() %}{{ k }}={{ v }};{% endfor %}",
    "{% for k, v in [(1, 2, 3)] %}{{ k }}{% endfor %}",
    "{% for k in pair %}{{ k }}{% endfor %}{% for c in 'né' %}[{{ c }}]{% endfor %}",
    "{% for x in numbers %}{% if x == 1 %}{% break %}{% endif %}{{ x }}{% endfor %}",
    "{% for x in numbers %}{% if x == 1 %}{% continue %}{% endif %}{{ x }}{% endfor %}",
    "{% for x in [[1, [2]], [3]] recursive %}{{ loop(x) if x is iterable else x }}{{ loop.depth }}{% endfor %}",
    "{% for x in 5 %}{% endfor %}",
    "{% break %}",
    "{% for x in numbers %}{% macro m() %}{% break %}{% endmacro %}{% endfor %}",
    "{% set x = 1 %}{% for y in numbers %}{% set x = y %}{{ x }}{% endfor %}{{ x }}",
    "{% set ns = namespace(x=0) %}{% for y in numbers %}{% set ns.x = ns.x + y %}{% endfor %}{{ ns.x }}",
    "{% set a, b = 1, 2 %}{{ a }}{{ b }}{% set (c, d), e = (3, 4), 5 %}{{ c }}{{ d }}{{ e }}",
    "{% set a, b = 1 %}",
    "{% set pair.a = 2 %}",
    "{% set ns = namespace() %}{% set ns._x = 2 %}",
    "{% set x %}a {{ seven }}{% endset %}[{{ x }}]",
    "{% set x | upper | trim %} a {% endset %}[{{ x }}]",
    "{% filter upper %}a {{ text }}{% endfilter %}",
    "{% filter replace('a', 'b') | title %}banana split{% endfilter %}",
    "{% with a = 1, b = seven %}{{ a }}{{ b }}{% endwith %}{{ a is defined }}",
    "{% macro m(a, b='x') %}{{ a }}-{{ b }};{% endmacro %}{{ m(1) }}{{ m(1, 2) }}{{ m(b=3, a=4) }}{{ m() }}",
    "{% macro m() %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1, 2, a=3) }}",
    "{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1, 2) }}",
    "{% macro m(a) %}{{ a }}{% endmacro %}{{ m(b=2) }}",
    "{% macro m(a) %}<{{ caller(a) }}>{% endmacro %}{% call(x) m(1) %}{{ x }}!{% endcall %}",
    "{% macro m() %}{{ caller is defined }}{{ caller() if caller }}{% endmacro %}{{ m() }}",
    "{% macro m(n) %}{{ n }}{{ m(n - 1) if n }}{% endmacro %}{{ m(3) }}",
    "{{ m.name }}{% macro m(a, b) %}{% endmacro %}{{ m.name }}{{ m.arguments }}{{ m }}",
    "{% if seven > 5 %}a{% elif yes %}b{% else %}c{% endif %}",
    "{% if missing %}a{% elif not yes %}b{% else %}c{% endif %}",
    "{% if yes %}{% set x = 1 %}{% endif %}{{ x }}",
    "{% if false %}{{ text|nope }}{% endif %}ok",
    "{{ text|nope }}",
    "{% if false %}{% for x in [1] %}{{ text|nope }}{% endfor %}{% endif %}",
    "a\n  {% if yes %}\n    b\n  {% endif %}\nc",
    "a \n {%- if yes -%} \n b \n {%- endif -%} \n c",
    "a\n  {%+ if yes +%}\n b\n{% endif %}\n",
    "  {{ seven }}  \n  {{- seven -}}  \n x",
    "{# a comment #}\nb {#- c -#} d",
    "a\n  {# c #}\nb",
    "{% raw %}{{ not }} {% this %}{% endraw %}x",
    "a {%- raw -%} b {%- endraw -%} c",
    "trailing\n",
    "trailing\n\n",
    "a\r\nb\rc",
    "{{ 'a\r\nb' }}",
    "{{ '{{' }}{{ '%}' }}",
    "{{ {'a': {'b': 1}}['a']['b'] }}",
    "{{ {'a': {}}}}",
    "{% generation %}a{% set x = 1 %}{% endgeneration %}{{ x is defined }}",
    "{% for m in messages %}{% if m.role == 'assistant' %}{% generation %}{{ m.content }}{% endgeneration %}{% else %}{{ m.content }}{% endif %}{% endfor %}",
    "{% print 1, 2 %}",
    "{% print %}",
    "{{ }}",
    "{% if %}",
    "{% nope %}",
    "{% if yes %}",
    "{{ (1 }}",
    "{{ 1 ) }}",
    "{{ 'a }}",
    "{{ a b }}",
    "{% set 1 = 2 %}",
    "{% for x in y",
    "{# open",
    "{% raw %}",
    "{{ 1 | }}",
    "{{ a. }}",
    "{% endif %}",
    "{% set true = 1 %}",
    "{{ f(a=1, a=2) }}",
    "{{ f(a=1, 2) }}",
    "{% macro m(a=1, b) %}{% endmacro %}",
    "{% for loop in numbers %}{% endfor %}",
    "{% for x in numbers %}{% set loop = 1 %}{% endfor %}",
    "{% macro m(a, a) %}{% endmacro %}",
    "{{ a is b is c }}",
    "{{ a ! b }}",
    "{% set x = 1 %}{% macro m() %}{{ x }}{% endmacro %}{% set x = 2 %}{{ m() }}",
    "{% macro m() %}{{ late }}{% endmacro %}{% set late = 3 %}{{ m() }}",
    "{% for x in [1, 2] %}{% set y = (y or 0) + x %}{{ y }}{% endfor %}",
    "{% set messages = messages[1:] %}{% for m in messages %}{{ m.role }}{% endfor %}",
    "{{ messages[0]['content'] | trim }}{{ messages[-1].content | trim }}",
    "{%- for m in messages %}\n    {{- '<' + m['role'] + '>\\n' + m['content'] + '\\n' }}\n{%- endfor %}\n",
    "{% set f = namespace() %}{% for x in [1, 2] recursive %}{% set f.l = loop %}{% endfor %}{{ f.l.index }}",
    "{% set x = numbers|map('string') %}{{ x|list }}{{ x|list }}",
    "{% set c = cycler('a', 'b') %}{{ c.next() }}{{ c.next() }}{{ c.next() }}{% set _ = c.reset() %}{{ c.current }}",
    "{% set j = joiner(', ') %}{% for x in numbers %}{{ j() }}{{ x }}{% endfor %}",
]


class Clock(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return NOW


def render(source):
    try:
        return {"text": chat_template_utils._compile_jinja_template(source).render(**CONTEXT)}
    except Exception as error:
        return {"raises": type(error).__name__}


def cases():
    for part in EXPRESSIONS.split("\n"):
        for expression in part.split(" | "):
            yield "{{ " + expression.replace("\\\\", "\\") + " }}"
    yield from TEMPLATES


def write(path):
    chat_template_utils.datetime = Clock
    versions = {name: importlib.metadata.version(name) for name in ("jinja2", "markupsafe", "transformers")}
    versions["python"] = platform.python_version()
    document = dict(versions=versions, context=CONTEXT, cases=[])
    for source in cases():
        result = render(source)
        # What Python prints with an address is different each time.
        if " at 0x" not in result.get("text", ""):
            document["cases"].append(dict(source=source, **result))
    path.write_text(json.dumps(document, ensure_ascii=False, indent=1) + "\n")


if __name__ == "__main__":
    write(pathlib.Path(__file__).parent / "jinja_rules.json")
