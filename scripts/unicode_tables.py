"""Writes the Unicode tables of the tokenizers: what each library that they follow takes a character for.

The parts of `tokenizers` follow different versions of Unicode, so the libraries themselves are asked, code point by code
point. Run with `tokenizers`, `tiktoken`, and `regex` installed: python scripts/unicode_tables.py
"""

import unicodedata
from pathlib import Path

import regex
import tiktoken
import tokenizers
from tokenizers import Regex, normalizers, pre_tokenizers

FOLDER = Path(__file__).parent.parent / "Sources/SwageText/Tokenizers/Unicode"
DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
ALL = [chr(c) for c in range(0x110000) if not 0xD800 <= c < 0xE000]
TEXT = "".join(ALL)
CATEGORIES = "Lu Ll Lt Lm Lo Mn Mc Me Nd Nl No Pc Pd Ps Pe Pi Pf Po Sm Sc Sk So Zs Zl Zp Cc Cf Co Cn".split()


def number(value):
    text = ""
    while value >= 32:
        text += DIGITS[32 | value & 31]
        value >>= 5
    return text + DIGITS[value]


def ranges(codes):
    found = []
    for code in sorted(codes):
        if found and found[-1][1] == code:
            found[-1][1] = code + 1
        else:
            found.append([code, code + 1])
    return found


def encoded_set(characters):
    """Pairs of numbers: how many code points lie before a range, and how many in it."""
    text, last = "", 0
    for start, end in ranges(map(ord, characters)):
        text += number(start - last) + number(end - start)
        last = end
    return text


def encoded_values(values):
    """Triples: how many code points lie before a range, how many in it, and its value."""
    text, last, items = "", 0, []
    for code in sorted(values):
        if items and items[-1][1] == code and items[-1][2] == values[code]:
            items[-1][1] = code + 1
        else:
            items.append([code, code + 1, values[code]])
    for start, end, value in items:
        text += number(start - last) + number(end - start) + number(value)
        last = end
    return text


def encoded_mapping(mapping):
    """For each key: its distance from the last, the count of its scalars, and them."""
    text, last = "", 0
    for key in sorted(mapping):
        text += number(key - last) + number(len(mapping[key])) + "".join(number(ord(c)) for c in mapping[key])
        last = key
    return text


def oniguruma(pattern):
    rest = set(normalizers.Replace(Regex(pattern), "").normalize_str(TEXT))
    return {c for c in ALL if c not in rest}


def rust(pattern):
    ranks = {bytes([b]): b for b in range(256)}
    encoding = tiktoken.Encoding("probe", pat_str=pattern, mergeable_ranks=ranks, special_tokens={})
    found = set()
    for start in range(0, len(TEXT), 1 << 16):
        found |= set(bytes(encoding.encode_ordinary(TEXT[start : start + (1 << 16)])).decode())
    return found


def kept(normalizer):
    """What a normalizer makes of each character."""
    return {c: normalizer.normalize_str("a" + c + "b")[1:-1] for c in ALL}


def pieces(pre_tokenizer, text):
    return [p for p, _ in pre_tokenizer.pre_tokenize_str(text)]


def swift(name, comment, tables):
    lines = [f"/// {comment}", "///", "/// Made by scripts/unicode_tables.py; see there.", f"enum {name} {{"]
    for label, note, text in tables:
        lines += [f"    /// {note}", f'    static let {label}: StaticString = """']
        for start in range(0, len(text), 120):
            lines.append("        " + text[start : start + 120] + ("\\" if start + 120 < len(text) else ""))
        lines += ['        """', ""]
    lines[-1] = "}"
    (FOLDER / f"{name}.swift").write_text("\n".join(lines) + "\n")


def categories():
    table, rust_table = {}, {}
    for index, name in enumerate(CATEGORIES):
        for c in oniguruma(rf"\p{{{name}}}"):
            table[ord(c)] = index
        for c in rust(rf"\p{{{name}}}"):
            rust_table[ord(c)] = index
    other = {code: value for code, value in rust_table.items() if table.get(code) != value}
    print("categories: Oniguruma and Rust's regex differ at", len(other), "code points")
    return table, other


def scripts(table):
    names, values = [], {}
    for name in SCRIPTS:
        try:
            found = oniguruma(rf"\p{{{name}}}")
        except Exception:
            continue
        if not found or name == "Unknown":
            continue
        for c in found:
            values[ord(c)] = len(names)
        names.append(name)
    return names, values


def first_sets():
    space = set(TEXT) - set("".join(pieces(pre_tokenizers.WhitespaceSplit(), TEXT)))
    numeric = {p for p in pieces(pre_tokenizers.Digits(True), "".join("a" + c for c in ALL)) if len(p) == 1} - {"a"}
    punctuation = {p for p in pieces(pre_tokenizers.Punctuation(), "".join("a" + c for c in ALL)) if len(p) == 1} - {"a"}
    word = {p[1] for p in pieces(pre_tokenizers.Whitespace(), " ".join("a" + c for c in ALL)) if len(p) == 2 and p[0] == "a"}
    clean = kept(normalizers.BertNormalizer(True, False, False, False))
    nfd = kept(normalizers.NFD())
    accents = kept(normalizers.BertNormalizer(False, False, True, False))
    return {
        "whitespace": (space, "Rust's `char::is_whitespace`."),
        "numeric": (numeric, "Rust's `char::is_numeric`."),
        "punctuation": (punctuation, "Punctuation, as the crate unicode_categories has it, with ASCII's."),
        "word": (word, "`\\w` of Rust's regex."),
        "other": (
            {c for c in ALL if clean[c] == "" and c != "\ufffd"},
            "Control and other characters, as the crate unicode_categories has them.",
        ),
        "nonspacingMark": (
            {c for c in ALL if nfd[c] == c and accents[c] == ""},
            "Nonspacing marks, as the crate unicode_categories has them.",
        ),
        "combiningMark": (
            {c for c, t in kept(normalizers.StripAccents()).items() if t == ""},
            "Combining marks, as the crate unicode-normalization-alignments has them.",
        ),
        "onigWord": (oniguruma(r"\w"), "`\\w` of Oniguruma."),
        "onigSpace": (oniguruma(r"\s"), "`\\s` of Oniguruma."),
        "onigGraph": (oniguruma(r"[[:graph:]]"), "`[:graph:]` of Oniguruma."),
        "onigPrint": (oniguruma(r"[[:print:]]"), "`[:print:]` of Oniguruma."),
        "onigPunct": (oniguruma(r"[[:punct:]]"), "`[:punct:]` of Oniguruma."),
        "onigAlphabetic": (oniguruma(r"\p{Alphabetic}"), "`Alphabetic` of Oniguruma."),
        "onigUppercase": (oniguruma(r"\p{Uppercase}"), "`Uppercase` of Oniguruma."),
        "onigLowercase": (oniguruma(r"\p{Lowercase}"), "`Lowercase` of Oniguruma."),
        "onigEmoji": (oniguruma(r"\p{Emoji}"), "`Emoji` of Oniguruma."),
        "onigExtendedPictographic": (oniguruma(r"\p{Extended_Pictographic}"), "`Extended_Pictographic` of Oniguruma."),
        "onigIdeographic": (oniguruma(r"\p{Ideographic}"), "`Ideographic` of Oniguruma."),
    }


def combining_classes():
    """The classes of those marks that the library sorts, for it knows no others."""
    sort, classes = normalizers.NFD().normalize_str, {}
    for c in ALL:
        value = unicodedata.combining(c)
        if value and len(sort(c)) == 1:
            other = "\u0334" if value > 1 else "\u0327"
            pair = c + other if value > 1 else other + c
            if sort("a" + pair) == "a" + pair[::-1]:
                classes[ord(c)] = value
    return classes


def compositions():
    compose, found = normalizers.NFC().normalize_str, []
    for c in ALL:
        parts = unicodedata.decomposition(c).split()
        if len(parts) == 2 and not parts[0].startswith("<"):
            pair = "".join(chr(int(p, 16)) for p in parts)
            if compose(pair) == c:
                found.append((ord(pair[0]), ord(pair[1]), ord(c)))
    return found


def script_table():
    """The scripts of the pre-tokenizer UnicodeScripts: where a letter after one of another script begins a piece."""
    representatives, values, apart = [], {}, pre_tokenizers.UnicodeScripts()

    def same(a, b):
        return len(apart.pre_tokenize_str(a + b)) == 1

    def anything(c):
        return same("a", c) and same(c, "京") and same("京", c)

    previous = None
    for c in ALL:
        if anything(c) and not (same("a", c) and not same("京", c)):
            continue
        if previous is not None and same(representatives[previous], c) and not anything(c):
            values[ord(c)] = previous
            continue
        index = next((place for place, other in enumerate(representatives) if same(other, c)), len(representatives))
        if index == len(representatives):
            representatives.append(c)
        values[ord(c)] = previous = index
    return values


def grapheme_breaks():
    names = ["CR", "LF", "Control", "Extend", "ZWJ", "Regional_Indicator", "Prepend", "SpacingMark", "L", "V", "T", "LV", "LVT"]
    values = {}
    for index, name in enumerate(names):
        for c in regex.findall(rf"\p{{GCB={name}}}", TEXT):
            values[ord(c)] = index + 1
    # The crate unicode-segmentation is older: whether a character joins the one before it shows in what is left of both, as the
    # normalizer of SentencePiece replaces a short cluster by what becomes of its beginning.
    tokenizer = Path(__file__).parent.parent / "Tests/Golden/tokenizers/parts/hf_unigram_bytes.json"
    normalize, extend = tokenizers.Tokenizer.from_file(str(tokenizer)).normalizer.normalize_str, names.index("Extend") + 1
    for c in ALL:
        joins = values.get(ord(c)) in (extend, names.index("ZWJ") + 1, names.index("SpacingMark") + 1)
        if ord(c) > 0x7F and normalize(c):
            is_joined = normalize("A" + c) == "a"
            if joins and not is_joined:
                del values[ord(c)]
            elif is_joined and not joins:
                values[ord(c)] = extend
    return values


SCRIPTS = """
    Adlam Ahom Anatolian_Hieroglyphs Arabic Armenian Avestan Balinese Bamum Bassa_Vah Batak Bengali Bhaiksuki
    Bopomofo Brahmi Braille Buginese Buhid Canadian_Aboriginal Carian Caucasian_Albanian Chakma Cham Cherokee
    Chorasmian Common Coptic Cuneiform Cypriot Cypro_Minoan Cyrillic Deseret Devanagari Dives_Akuru Dogra Duployan
    Egyptian_Hieroglyphs Elbasan Elymaic Ethiopic Garay Georgian Glagolitic Gothic Grantha Greek Gujarati
    Gunjala_Gondi Gurmukhi Gurung_Khema Han Hangul Hanifi_Rohingya Hanunoo Hatran Hebrew Hiragana Imperial_Aramaic
    Inherited Inscriptional_Pahlavi Inscriptional_Parthian Javanese Kaithi Kannada Katakana Kawi Kayah_Li
    Kharoshthi Khitan_Small_Script Khmer Khojki Khudawadi Kirat_Rai Lao Latin Lepcha Limbu Linear_A Linear_B Lisu
    Lycian Lydian Mahajani Makasar Malayalam Mandaic Manichaean Marchen Masaram_Gondi Medefaidrin Meetei_Mayek
    Mende_Kikakui Meroitic_Cursive Meroitic_Hieroglyphs Miao Modi Mongolian Mro Multani Myanmar Nabataean
    Nag_Mundari Nandinagari New_Tai_Lue Newa Nko Nushu Nyiakeng_Puachue_Hmong Ogham Ol_Chiki Ol_Onal Old_Hungarian
    Old_Italic Old_North_Arabian Old_Permic Old_Persian Old_Sogdian Old_South_Arabian Old_Turkic Old_Uyghur Oriya
    Osage Osmanya Pahawh_Hmong Palmyrene Pau_Cin_Hau Phags_Pa Phoenician Psalter_Pahlavi Rejang Runic Samaritan
    Saurashtra Sharada Shavian Siddham SignWriting Sinhala Sogdian Sora_Sompeng Soyombo Sundanese Sunuwar
    Syloti_Nagri Syriac Tagalog Tagbanwa Tai_Le Tai_Tham Tai_Viet Takri Tamil Tangsa Tangut Telugu Thaana Thai
    Tibetan Tifinagh Tirhuta Todhri Toto Tulu_Tigalari Ugaritic Unknown Vai Vithkuqi Wancho Warang_Citi Yezidi Yi
    Zanabazar_Square
""".split()

if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    versions = f"tokenizers {tokenizers.__version__}, tiktoken {tiktoken.__version__}, regex {regex.__version__}"
    table, other = categories()
    names, script_values = scripts(table)
    swift(
        "UnicodeCategoryTable",
        f"General categories, as of Unicode 16 ({versions}).",
        [
            ("names", "The categories' names, in the order of their numbers.", " ".join(CATEGORIES)),
            ("oniguruma", "Ranges with the number of their category, as Oniguruma has them.", encoded_values(table)),
            ("rust", "Where Rust's regex has another one.", encoded_values(other)),
        ],
    )
    swift(
        "UnicodeScriptTable",
        f"Scripts ({versions}).",
        [
            ("names", "The scripts' names, in the order of their numbers.", " ".join(names)),
            ("oniguruma", "Ranges with the number of their script, as Oniguruma has them.", encoded_values(script_values)),
            (
                "preTokenizer",
                "Ranges with a number for each script that the pre-tokenizer UnicodeScripts knows.",
                encoded_values(script_table()),
            ),
        ],
    )
    swift(
        "UnicodeSetTable",
        f"Sets of characters ({versions}).",
        [(name, note, encoded_set(found)) for name, (found, note) in first_sets().items()],
    )
    lower = {ord(c): t for c, t in kept(normalizers.Lowercase()).items() if t != c}
    nfd = {ord(c): t for c, t in kept(normalizers.NFD()).items() if t != c and not 0xAC00 <= ord(c) <= 0xD7A3}
    nfkd = {ord(c): t for c, t in kept(normalizers.NFKD()).items() if t != c and t != nfd.get(ord(c), c) and not 0xAC00 <= ord(c) <= 0xD7A3}
    pairs, last = "", 0
    for first, second, result in sorted(compositions(), key=lambda p: p[2]):
        pairs += number(result - last) + number(first) + number(second)
        last = result
    swift(
        "UnicodeMappingTable",
        f"What characters become ({versions}).",
        [
            ("lowercase", "Rust's `char::to_lowercase`.", encoded_mapping(lower)),
            (
                "canonical",
                "Full canonical decompositions but for Hangul, as the crate unicode-normalization-alignments has them.",
                encoded_mapping(nfd),
            ),
            ("compatibility", "Full compatibility decompositions that differ from the canonical ones.", encoded_mapping(nfkd)),
            ("compositions", "Triples: the composed character's distance from the last, and the two characters.", pairs),
            ("combiningClasses", "Ranges with their canonical combining class.", encoded_values(combining_classes())),
        ],
    )
    swift(
        "GraphemeTable",
        f"What decides where grapheme clusters end ({versions}).",
        [
            ("breaks", "Ranges with the number of their Grapheme_Cluster_Break.", encoded_values(grapheme_breaks())),
            ("pictographic", "Extended_Pictographic.", encoded_set(regex.findall(r"\p{Extended_Pictographic}", TEXT))),
            ("conjunctConsonants", "Indic_Conjunct_Break=Consonant.", encoded_set(regex.findall(r"\p{InCB=Consonant}", TEXT))),
            ("conjunctLinkers", "Indic_Conjunct_Break=Linker.", encoded_set(regex.findall(r"\p{InCB=Linker}", TEXT))),
            ("conjunctExtenders", "Indic_Conjunct_Break=Extend.", encoded_set(regex.findall(r"\p{InCB=Extend}", TEXT))),
        ],
    )
