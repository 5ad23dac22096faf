"""Changes and swaps parts of small tokenizer.json files of every kind, and compares ids, places, decoded text and decoded
streams with the tokenizers library: every change is taken as the library takes it, or refused.

usage: fuzz_tokenizers.py FILE_FUZZER COUNT SEED
"""

import copy
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile

os.environ.setdefault("RUST_BACKTRACE", "0")
from tokenizers import Tokenizer
from tokenizers.decoders import DecodeStream

FOLDER = pathlib.Path(__file__).parent / "tokenizers"
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


def places(text):
    found = [0]
    for character in text:
        found.append(found[-1] + len(character.encode()))
    return found


def stream(tokenizer, ids):
    decoding, parts = DecodeStream(skip_special_tokens=False), []
    for number in ids:
        try:
            parts.append(decoding.step(tokenizer, number))
        except Exception:
            return parts + [False]
    return parts


def expected(theirs, plain, text):
    """What the library makes of a text; None if it fails."""
    try:
        encoding, full, at = plain.encode(text), theirs.encode(text).ids, places(text)
        return {
            "ids": encoding.ids,
            "spans": [[at[a], at[b]] for a, b in encoding.offsets],
            "full": full,
            "decoded": theirs.decode(full),
            "stream": stream(theirs, full),
        }
    except BaseException:
        return None


def library(path, content, texts):
    """What the library makes of the texts, or why it takes no such tokenizer; None where it ends its process, as some panics do."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            theirs, plain = Tokenizer.from_file(str(path)), Tokenizer.from_str(json.dumps({**content, "post_processor": None}))
            answer = {"texts": [expected(theirs, plain, text) for text in texts]}
        except BaseException as error:
            answer = {"refused": str(error)[:150]}
        with os.fdopen(writing, "w") as file:
            json.dump(answer, file)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as file:
        answer = file.read()
    os.waitpid(child, 0)
    return json.loads(answer) if answer else None


def main(program, count, seed):
    random.seed(seed)
    found = {path.name: json.loads(path.read_text()) for path in sorted([*FOLDER.glob("*.json"), *FOLDER.glob("parts/*.json")])}
    originals = {name: content for name, content in found.items() if "model" in content}
    outcomes = ["taken", "refused", "refused by both", "taken otherwise", "that the library refuses"]
    outcomes += ["at which the library ends", "texts at which it fails"]
    counts = dict.fromkeys(outcomes, 0)
    running = subprocess.Popen([program, "--tokenizers"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "tokenizer.json"
        for number in range(count):
            name = random.choice(list(originals))
            content = copy.deepcopy(originals[name])
            for _ in range(random.choice([1, 1, 2, 3])):
                change(content)
            texts = ["", " ", "a", "\u0301"] + ["".join(random.choice(ALPHABET) for _ in range(random.randrange(40))) for _ in range(16)]
            path.write_text(json.dumps(content))
            running.stdin.write(json.dumps({"path": str(path), "texts": texts}) + "\n")
            running.stdin.flush()
            line = running.stdout.readline()
            if not line:
                sys.exit(f"the program ended on tokenizer {number} of seed {seed}, which is {name}: {json.dumps(content)[:2000]}")
            answer = json.loads(line)
            theirs = library(path, content, texts)
            if theirs is None:
                counts["at which the library ends"] += 1
                continue
            if "refused" in answer:
                counts["refused by both" if "refused" in theirs else "refused"] += 1
                continue
            counts["taken"] += 1
            if "refused" in theirs:
                counts["that the library refuses"] += 1
                print(f"{number}: {name} is taken, and the library says: {theirs['refused']}")
                continue
            for text, got, right in zip(texts, answer["texts"], theirs["texts"], strict=True):
                if right is None:
                    counts["texts at which it fails"] += "failed" not in got
                elif got != right:
                    counts["taken otherwise"] += 1
                    parts = {key: content[key] for key in ("normalizer", "pre_tokenizer", "decoder")}
                    print(f"{number}: {name}, {text!r}, {parts}, {content['added_tokens'][-2:]}")
                    print("   ", [(key, right[key], got.get(key, got.get("failed"))) for key in right if right[key] != got.get(key)][:2])
                    break
    running.stdin.close()
    print(f"{count} changed, seed {seed}: {counts}")
    sys.exit(1 if counts["taken otherwise"] + counts["that the library refuses"] else 0)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
