"""Changes and swaps parts of small tokenizer.json files of every kind, and compares ids, places, decoded text and decoded
streams with the tokenizers library: every change is taken as the library takes it, or refused.

usage: fuzz_tokenizer_parts.py TOKENIZE_CHECK COUNT SEED; the program takes `fuzz LIST TEXTS OUT` (see its source).
"""

import copy
import json
import pathlib
import random
import struct
import subprocess
import sys
import tempfile

from tokenizers import Tokenizer
from tokenizers.decoders import DecodeStream

PARTS = pathlib.Path(__file__).parent / "tokenizers" / "parts"
ALPHABET = list("abcdefgh zest  \n\t\r'.,!0123456789é<|>_▁") + [
    "\u0301",
    "\u0338",
    "e\u0301",
    "ａ",
    "漢",
    "字",
    "한",
    "ᄒ",
    "ᅡ",
    "\u200d",
    "\u3000",
    "\xa0",
    "😀",
    "İ",
    "ſ",
    "Å",
    "\u212b",
    "٣",
    "½",
    "ﬁ",
    "क्षि",
    "'s",
    "'LL",
    " the",
    " and",
    "<s>",
    "</s>",
    "<unk>",
    "<sep>",
    "foo",
    "[CLS]",
    "  ",
    "\r\n",
    "\x00",
    "\x85",
    "\u2028",
    "\ufffd",
    "Ġ",
    "<0x41>",
    "##",
]
BEHAVIORS = ["Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"]
EXPRESSIONS = [
    r"\s+",
    r"\p{N}{1,3}",
    r"[aeiou]",
    r" ?\p{L}+",
    r"(?i:the)|\p{P}",
    r"\b",
    r"(?<=a)b?",
    r"x*",
    r"[^\W\d_]+",
    r".+?$",
    r"\p{Han}|[[:punct:]]",
]


def pick(options):
    return random.choice(options)()


def pattern():
    return random.choice([{"Regex": random.choice(EXPRESSIONS)}, {"String": random.choice([" ", "a", "▁", "the", ".", "##"])}])


def flag():
    return random.random() < 0.5


def metaspace():
    return {
        "type": "Metaspace",
        "replacement": random.choice(["▁", "_"]),
        "prepend_scheme": random.choice(["first", "never", "always"]),
        "split": flag(),
    }


def level():
    return {"type": "ByteLevel", "add_prefix_space": flag(), "trim_offsets": flag(), "use_regex": flag()}


def normalizer(depth=0):
    return pick(
        [
            lambda: {"type": random.choice(["NFC", "NFD", "NFKC", "NFKD", "Lowercase", "StripAccents", "Nmt", "ByteLevel"])},
            lambda: {"type": "Strip", "strip_left": flag(), "strip_right": flag()},
            lambda: {"type": "Prepend", "prepend": random.choice(["▁", "x ", "é", ""])},
            lambda: {"type": "Replace", "pattern": pattern(), "content": random.choice(["", "▁", "é", "xy"])},
            lambda: {
                "type": "BertNormalizer",
                "clean_text": flag(),
                "handle_chinese_chars": flag(),
                "strip_accents": random.choice([None, True, False]),
                "lowercase": flag(),
            },
            lambda: (
                {"type": "Sequence", "normalizers": [normalizer(depth + 1) for _ in range(random.randrange(3))]}
                if depth < 2
                else {"type": "NFC"}
            ),
            lambda: None if depth == 0 else {"type": "NFD"},
        ]
    )


def splitter(depth=0):
    return pick(
        [
            level,
            metaspace,
            lambda: {"type": random.choice(["Whitespace", "WhitespaceSplit", "BertPreTokenizer", "UnicodeScripts"])},
            lambda: {"type": "CharDelimiterSplit", "delimiter": random.choice([" ", "a", "é"])},
            lambda: {"type": "Punctuation", "behavior": random.choice(BEHAVIORS)},
            lambda: {"type": "Split", "pattern": pattern(), "behavior": random.choice(BEHAVIORS), "invert": flag()},
            lambda: {"type": "Digits", "individual_digits": flag()},
            lambda: {"type": "FixedLength", "length": random.randrange(1, 7)},
            lambda: (
                {"type": "Sequence", "pretokenizers": [splitter(depth + 1) for _ in range(random.randrange(4))]} if depth < 2 else level()
            ),
            lambda: None if depth == 0 else level(),
        ]
    )


def decoder(depth=0):
    return pick(
        [
            level,
            metaspace,
            lambda: {"type": "WordPiece", "prefix": random.choice(["##", "▁"]), "cleanup": flag()},
            lambda: {"type": "BPEDecoder", "suffix": "</w>"},
            lambda: {"type": random.choice(["ByteFallback", "Fuse"])},
            lambda: {"type": "Strip", "content": random.choice([" ", "a"]), "start": random.randrange(3), "stop": 0},
            lambda: {"type": "Replace", "pattern": pattern(), "content": random.choice(["", " ", "q"])},
            lambda: {"type": "CTC", "pad_token": "a", "word_delimiter_token": "|", "cleanup": flag()},
            lambda: {"type": "Sequence", "decoders": [decoder(depth + 1) for _ in range(random.randrange(4))]} if depth < 2 else level(),
            lambda: None if depth == 0 else level(),
        ]
    )


def change(tokenizer):
    model = tokenizer["model"]
    kind = random.randrange(9)
    if kind <= 1:
        tokenizer["normalizer"] = normalizer()
    elif kind <= 3:
        tokenizer["pre_tokenizer"] = splitter()
    elif kind == 4:
        tokenizer["decoder"] = decoder()
    elif kind == 5 and model["type"] == "BPE":
        key = random.choice(["fuse_unk", "byte_fallback", "ignore_merges", "unk_token", "end_of_word_suffix", "continuing_subword_prefix"])
        model[key] = {
            "unk_token": random.choice([None, "<unk>", "nope"]),
            "end_of_word_suffix": random.choice([None, "</w>", "a"]),
            "continuing_subword_prefix": random.choice([None, "##", "b"]),
        }.get(key, flag())
    elif kind == 6 and isinstance(model["vocab"], dict) and "merges" not in model:
        model["vocab"].pop(random.choice(list(model["vocab"])))
    elif kind == 7:
        number = max([t["id"] for t in tokenizer["added_tokens"]] + [len(model["vocab"]) - 1]) + 1
        content = random.choice(["foo", "a", " ", "the", "é", "<nn>", "e\u0301", "\n", "A", "<s", "[CLS]"])
        known = model["vocab"].get(content, number) if isinstance(model["vocab"], dict) else number
        tokenizer["added_tokens"].append(
            {
                "id": known,
                "content": content,
                "single_word": flag(),
                "lstrip": flag(),
                "rstrip": flag(),
                "normalized": flag(),
                "special": flag(),
            }
        )
    elif kind == 8 and tokenizer["added_tokens"]:
        token = random.choice(tokenizer["added_tokens"])
        key = random.choice(["single_word", "lstrip", "rstrip", "normalized", "special"])
        token[key] = not token[key]


class Answers:
    def __init__(self, data):
        self.data, self.place = data, 0

    def number(self):
        self.place += 4
        return struct.unpack_from("<I", self.data, self.place - 4)[0]

    def text(self):
        count = self.number()
        self.place += count
        return self.data[self.place - count : self.place].decode()


def places(text):
    found = [0]
    for character in text:
        found.append(found[-1] + len(character.encode()))
    return found


def stream(tokenizer, ids):
    decoding, parts = DecodeStream(skip_special_tokens=False), []
    for number in ids:
        try:
            part = decoding.step(tokenizer, number)
        except Exception:
            return parts + ["!"]
        parts.append("\x01" if part is None else part)
    return parts


def main(program, count, seed):
    random.seed(seed)
    originals = {path.name: json.loads(path.read_text()) for path in sorted(PARTS.glob("*.json")) if path.name != "golden.json"}
    texts = ["", " ", "a", "\u0301"] + ["".join(random.choice(ALPHABET) for _ in range(random.randrange(40))) for _ in range(26)]
    refused = taken = wrong = broken = failed = 0
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        packed = [text.encode() for text in texts]
        (folder / "texts").write_bytes(struct.pack("<I", len(packed)) + b"".join(struct.pack("<I", len(t)) + t for t in packed))
        for start in range(0, count, 200):
            made = []
            for index in range(min(200, count - start)):
                name = random.choice(list(originals))
                tokenizer = copy.deepcopy(originals[name])
                for _ in range(random.choice([1, 1, 2, 3])):
                    change(tokenizer)
                path = folder / f"{index}.json"
                path.write_text(json.dumps(tokenizer))
                made.append((name, path, tokenizer))
            (folder / "list").write_text("\n".join(str(path) for _, path, _ in made))
            subprocess.run([program, "fuzz", folder / "list", folder / "texts", folder / "out"], check=True)
            answers = Answers((folder / "out").read_bytes())
            for name, path, content in made:
                if answers.number() == 1:
                    answers.text()
                    refused += 1
                    continue
                try:
                    theirs = Tokenizer.from_file(str(path))
                    plain = Tokenizer.from_str(json.dumps({**content, "post_processor": None}))
                except BaseException as error:
                    theirs = None
                    broken += 1
                    print("TAKEN, though the library refuses it:", name, str(error)[:150])
                taken += 1
                found = False
                for text in texts:
                    amount = answers.number()
                    if amount == 0xFFFFFF:
                        got = answers.text()
                    else:
                        numbers = [[answers.number() for _ in range(3)] for _ in range(amount)]
                        ids = [answers.number() for _ in range(answers.number())]
                        got = ([n[0] for n in numbers], [(n[1], n[2]) for n in numbers], ids, answers.text(), answers.text().split("\x02"))
                    if theirs is None:
                        continue
                    try:
                        encoding, full, at = plain.encode(text), theirs.encode(text).ids, places(text)
                        expected = (
                            encoding.ids,
                            [(at[a], at[b]) for a, b in encoding.offsets],
                            full,
                            theirs.decode(full),
                            stream(theirs, full) or [""],
                        )
                    except BaseException:
                        failed += not isinstance(got, str)
                        continue
                    if got != expected and not found:
                        found = True
                        wrong += 1
                        if wrong < 12:
                            print(
                                "DIFFERENT",
                                name,
                                repr(text),
                                {k: content[k] for k in ("normalizer", "pre_tokenizer", "decoder")},
                                content["added_tokens"][-2:],
                            )
                            if isinstance(got, str):
                                print("  ", got[:200])
                            else:
                                print("  ", [(str(e)[:200], str(g)[:200]) for e, g in zip(expected, got, strict=False) if e != g][:2])
    print(
        f"{count} changed: {taken} taken, {refused} refused, {wrong} taken otherwise, {broken} that the library refuses, "
        f"{failed} texts at which it fails"
    )


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
