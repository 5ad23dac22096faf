"""Changes parts of tokenizer.json files and compares ids and decoded text with the tokenizers library: every change is
taken as the library takes it, or refused. usage: fuzz_tokenizers.py FILE_FUZZER COUNT SEED"""

import copy
import json
import pathlib
import random
import subprocess
import sys
import tempfile

from tokenizers import Tokenizer

GOLDEN = pathlib.Path(__file__).parent / "tokenizers"
ALPHABET = list("abcdefgh zest  \n\t\r'.,!0123456789é<|>_") + [
    "\u0301", "\u0338", "e\u0301", "ａ", "漢", "字", "한", "ᄒ", "ᅡ", "\u200d", "\u3000", "\xa0", "😀", "İ", "ſ", "Å", "\u212b", "٣", "½",
    "'s", "'LL", " the", " and", "<|im_end|>", "<|endoftext|>", "<tool>", "<strip>", "<nn>", "  ", "\r\n", "\x00", "\x85", "\u2028",
]


def text(random):
    return "".join(random.choice(ALPHABET) for _ in range(random.randrange(40)))


def change(tokenizer, random):
    """One change somewhere that matters; returns its name."""
    model = tokenizer["model"]
    split = {"type": "Split", "pattern": {"Regex": r"\p{N}{1,3}"}, "behavior": "Isolated", "invert": False}
    level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    added = {"id": 0, "content": "<nn>", "single_word": False, "lstrip": False, "rstrip": False, "normalized": True, "special": False}
    changes = {
        "nothing": lambda: None,
        "prefix": lambda: model.update(continuing_subword_prefix=random.choice(["##", ""])),
        "suffix": lambda: model.update(end_of_word_suffix=random.choice(["</w>", ""])),
        "unknown": lambda: model.update(unk_token="<|endoftext|>"),
        "fuse": lambda: model.update(fuse_unk=True, unk_token="<|endoftext|>"),
        "fallback": lambda: model.update(byte_fallback=True),
        "dropout": lambda: model.update(dropout=random.choice([0.0, 0.5])),
        "ignore": lambda: model.update(ignore_merges=not model.get("ignore_merges")),
        "repeat": lambda: model["merges"].append(random.choice(model["merges"])),
        "lacking": lambda: model["vocab"].pop(random.choice(["a", "Ġ", "Ċ"]), None),
        "normalizer": lambda: tokenizer.update(normalizer=random.choice([
            {"type": "NFC"}, {"type": "NFKC"}, {"type": "Lowercase"}, None, {"type": "Sequence", "normalizers": [{"type": "NFC"}]},
            {"type": "Prepend", "prepend": "x"}, {"type": "Replace", "pattern": {"String": " "}, "content": "_"}])),
        "pre": lambda: tokenizer.update(pre_tokenizer=random.choice([
            None, level, {**level, "use_regex": False}, {**level, "add_prefix_space": True}, {"type": "Whitespace"},
            {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True},
            {"type": "Sequence", "pretokenizers": [split, level]}, {"type": "Sequence", "pretokenizers": [level, split]},
            {"type": "Sequence", "pretokenizers": [{"type": "Digits", "individual_digits": random.random() < 0.5}, level]},
            {"type": "Sequence", "pretokenizers": [{"type": "Punctuation", "behavior": "Isolated"}, level]}])),
        "post": lambda: tokenizer.update(post_processor=random.choice([
            None, {**level, "trim_offsets": False},
            {"type": "BertProcessing", "sep": ["<|endoftext|>", 0], "cls": ["<|endoftext|>", 0]},
            {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "x", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}},
             {"SpecialToken": {"id": "x", "type_id": 0}}],
             "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 0}}],
             "special_tokens": {"x": {"id": "x", "ids": [0, 5], "tokens": ["<|endoftext|>", "y"]}}}])),
        "decoder": lambda: tokenizer.update(decoder=random.choice([
            None, level, {"type": "BPEDecoder", "suffix": "</w>"}, {"type": "Sequence", "decoders": [level, {"type": "Fuse"}]},
            {"type": "Sequence", "decoders": [level]}])),
        "added": lambda: tokenizer["added_tokens"].append({
            **added, "id": random.choice([len(model["vocab"]) + len(tokenizer["added_tokens"]), 3, 900, 702, 701, 700]),
            "content": random.choice(["<nn>", "é ", "éé", "Ġthe", "st", " ", "e\u0301", "\u212b", "the", "<tool>", ""]),
            "normalized": random.random() < 0.5, "lstrip": random.random() < 0.3, "rstrip": random.random() < 0.3,
            "single_word": random.random() < 0.2, "special": random.random() < 0.3}),
        "renumber": lambda: random.choice(tokenizer["added_tokens"]).update(id=random.randrange(800)),
    }
    name = random.choice(list(changes))
    changes[name]()
    return name


def ours(program, path, texts):
    lines = "".join(json.dumps(text) + "\n" for text in texts)
    output = subprocess.run([program, "--encode", path], input=lines, capture_output=True, text=True, timeout=60)
    if output.returncode:
        raise SystemExit(f"the program ended with {output.returncode} on {path}: {output.stderr[-300:]}")
    if output.stdout.startswith("refused"):
        return output.stdout.strip()
    return [json.loads(line) for line in output.stdout.split("\n") if line]


def main():
    program, count, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    names = ["gpt2", "smollm", "llama3", "qwen2", "tiny"]
    counts = {"taken": 0, "refused": 0, "refused by both": 0, "texts": 0}
    wrong = 0
    for number in range(count):
        draw = random.Random(f"{seed} {number}")
        tokenizer = copy.deepcopy(json.loads((GOLDEN / f"{draw.choice(names)}.json").read_text()))
        what = [change(tokenizer, draw) for _ in range(draw.choice([1, 1, 2]))]
        texts = [text(draw) for _ in range(30)]
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump(tokenizer, file)
            file.flush()
            found = ours(program, file.name, texts)
            try:
                theirs = Tokenizer.from_file(file.name)
            except BaseException as error:
                theirs = None
                if isinstance(found, str):
                    counts["refused by both"] += 1
                else:
                    wrong += 1
                    print(f"{number} {what}: taken, but the library says {str(error)[:120]}")
                continue
        if isinstance(found, str):
            counts["refused"] += 1
            if what == ["nothing"]:
                wrong += 1
                print(f"{number}: {found}")
            continue
        counts["taken"] += 1
        for one, (ids, decoded) in zip(texts, found, strict=True):
            counts["texts"] += 1
            right = theirs.encode(one).ids
            if ids != right or decoded != theirs.decode(right, skip_special_tokens=False):
                wrong += 1
                print(f"{number} {what}: {one!r}: {ids} {decoded!r}, not {right} {theirs.decode(right, skip_special_tokens=False)!r}")
                break
    print(f"{count} tokenizers, seed {seed}: {counts}, {wrong} wrong")
    sys.exit(1 if wrong else 0)


main()
