"""Trains small tokenizers of every kind and writes what the libraries make of hard lines: ids, where they come from, decodings.

usage: tokenizer_parts.py; needs tokenizers, sentencepiece and protobuf. tokenizer_folders.py goes on from here.
"""

import json
import pathlib

import sentencepiece
import sentencepiece.sentencepiece_model_pb2 as protocol
import tokenizers
from tokenizers import AddedToken, Regex, Tokenizer
from tokenizers import decoders as D
from tokenizers import models as M
from tokenizers import normalizers as N
from tokenizers import pre_tokenizers as P
from tokenizers import processors as PP
from tokenizers import trainers as T

FOLDER = pathlib.Path(__file__).parent
OUT = FOLDER / "tokenizers" / "parts"
CORPUS = (FOLDER / "corpus.txt").read_text(errors="ignore").split("\n")
PROSE = [line for path in sorted(FOLDER.parent.parent.glob("*.md")) for line in path.read_text().split("\n")]
TRAIN = CORPUS + PROSE
LINES = [
    "",
    " ",
    "a",
    "  two  spaces ",
    "\r\n\tcode()\n",
    "I'm don't WE'LL 'S",
    "café cafe\u0301 q\u0307\u0323",
    "ﬁne ﬀ ß İstanbul Ǆ",
    "½ x² Ⅷ ①",
    "中文测试 ひらがな カタカナ ﾊﾝｶｸ",
    "한국어 \u1100\u1161\u11a8",
    "हिन्दी क्षि क्‍ष",
    "שָׁלוֹם عربي ﷺ",
    "กำ ไทย",
    "👨‍👩‍👧‍👦 🇩🇪🇫🇷 👍🏽 ❤️",
    "1 12 1234567 ٣٤ १२",
    "<s>a</s> <unk> [CLS]  x [SEP]",
    "<sep>foo food foo<sep>",
    "x\u00a0y\u3000z\u200bw\ufeff",
    "\x00\x01\x7f\u0085\u2028\ufffd",
    "▁ ▁▁a a▁b",
    "—“quoted”… !?",
    "http://x.org/a?b=c&d",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "The quick brown fox jumps over the lazy dog.",
]
CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
PATTERNS = {
    "o200k": r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+" + CONTRACTIONS + r"?|"
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*" + CONTRACTIONS + r"?|"
    r"\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    "llama3": CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
}


def train(model, trainer, normalizer=None, pre=None, decoder=None, post=None, added=()):
    tokenizer = Tokenizer(model)
    if normalizer:
        tokenizer.normalizer = normalizer
    if pre:
        tokenizer.pre_tokenizer = pre
    tokenizer.train_from_iterator(TRAIN, trainer)
    if decoder:
        tokenizer.decoder = decoder
    if post:
        tokenizer.post_processor = post
    tokenizer.add_tokens(list(added))
    return tokenizer


def bytes_of(size=500, **options):
    return T.BpeTrainer(
        vocab_size=size, special_tokens=["<unk>", "<s>", "</s>"], show_progress=False, initial_alphabet=P.ByteLevel.alphabet(), **options
    )


def split(pattern):
    return P.Sequence([P.Split(Regex(pattern), "isolated"), P.ByteLevel(False, use_regex=False)])


def around(start="<s>", end="</s>", ids=(1, 2)):
    return PP.TemplateProcessing(single=f"{start} $A {end}", special_tokens=[(start, ids[0]), (end, ids[1])])


def every_kind():
    mark = N.Sequence([N.Prepend("▁"), N.Replace(" ", "▁")])
    llama = D.Sequence([D.Replace("▁", " "), D.ByteFallback(), D.Fuse(), D.Strip(" ", 1, 0)])
    bert = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    yield (
        "roberta",
        train(M.BPE(), bytes_of(), pre=P.ByteLevel(True), decoder=D.ByteLevel(), post=PP.RobertaProcessing(("</s>", 2), ("<s>", 1))),
    )
    yield "o200k", train(M.BPE(), bytes_of(), pre=split(PATTERNS["o200k"]), decoder=D.ByteLevel())
    yield "whole_words", train(M.BPE(ignore_merges=True), bytes_of(), pre=split(PATTERNS["llama3"]), decoder=D.ByteLevel(), post=around())
    yield (
        "composed",
        train(M.BPE(), bytes_of(), N.Sequence([N.NFKC(), N.ByteLevel()]), P.Split(Regex(r"Ġ?[^Ġ]+"), "isolated"), D.ByteLevel()),
    )
    fallback = train(
        M.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True),
        T.BpeTrainer(
            vocab_size=700,
            limit_alphabet=100,
            show_progress=False,
            special_tokens=["<unk>", "<s>", "</s>"] + [f"<0x{b:02X}>" for b in range(256)],
        ),
        mark,
        P.Metaspace(),
        llama,
        PP.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)]),
    )
    content = json.loads(fallback.to_str())
    content["added_tokens"], content["pre_tokenizer"] = content["added_tokens"][:3], None
    yield "fallback", Tokenizer.from_str(json.dumps(content))
    content["normalizer"], content["pre_tokenizer"] = (
        None,
        {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first", "split": False},
    )
    yield "fallback_first", Tokenizer.from_str(json.dumps(content))
    yield (
        "clip",
        train(
            M.BPE(unk_token="<unk>", end_of_word_suffix="</w>"),
            bytes_of(end_of_word_suffix="</w>"),
            N.Sequence([N.NFC(), N.Replace(Regex(r"\s+"), " "), N.Lowercase()]),
            P.Sequence([P.Split(Regex(r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"), "removed", True), P.ByteLevel(False)]),
            D.Sequence([D.ByteLevel(), D.BPEDecoder("</w>")]),
        ),
    )
    yield (
        "prefixed",
        train(
            M.BPE(unk_token="<unk>", continuing_subword_prefix="##"),
            T.BpeTrainer(vocab_size=700, special_tokens=["<unk>"], continuing_subword_prefix="##", limit_alphabet=80, show_progress=False),
            pre=P.BertPreTokenizer(),
            decoder=D.WordPiece(),
        ),
    )
    pieces = T.WordPieceTrainer(vocab_size=600, limit_alphabet=80, special_tokens=bert, show_progress=False)
    yield (
        "bert",
        train(
            M.WordPiece(unk_token="[UNK]"),
            pieces,
            N.BertNormalizer(),
            P.BertPreTokenizer(),
            D.WordPiece(),
            around("[CLS]", "[SEP]", (2, 3)),
        ),
    )
    yield (
        "bert_cased",
        train(
            M.WordPiece(unk_token="[UNK]", max_input_chars_per_word=9),
            pieces,
            N.BertNormalizer(lowercase=False),
            P.BertPreTokenizer(),
            D.WordPiece(cleanup=False),
            PP.BertProcessing(("[SEP]", 3), ("[CLS]", 2)),
        ),
    )
    words = T.WordLevelTrainer(vocab_size=300, special_tokens=["<unk>"], show_progress=False)
    for name, normalizer, pre, decoder in [
        ("words", N.Nmt(), P.Whitespace(), D.CTC()),
        (
            "digits",
            N.Sequence([N.NFKD(), N.StripAccents(), N.Strip()]),
            P.Sequence([P.WhitespaceSplit(), P.Digits(False), P.Punctuation("merged_with_previous")]),
            None,
        ),
        (
            "scripts",
            N.NFKC(),
            P.Sequence([P.UnicodeScripts(), P.Punctuation("merged_with_next"), P.Split(" ", "merged_with_next")]),
            D.Fuse(),
        ),
        (
            "fixed",
            N.Replace("a", "AA"),
            P.Sequence([P.CharDelimiterSplit(" "), P.FixedLength(3)]),
            D.Sequence([D.Fuse(), D.Replace(Regex("[x-z]+"), "Q")]),
        ),
        (
            "merged",
            N.NFD(),
            P.Sequence([P.Split(Regex("[aeiou]"), "contiguous"), P.Split(Regex("[b-k]+"), "merged_with_previous", True)]),
            None,
        ),
    ]:
        yield name, train(M.WordLevel(unk_token="<unk>"), words, normalizer, pre, decoder)
    added = [
        AddedToken("foo", single_word=True, normalized=False),
        AddedToken("the", lstrip=True, rstrip=True),
        AddedToken("ﬁne", normalized=True),
        AddedToken("<sep>", lstrip=True, normalized=False),
        AddedToken("<sep", rstrip=True, normalized=False),
        AddedToken("é", normalized=True),
    ]
    yield (
        "added",
        train(
            M.BPE(unk_token="<unk>"),
            T.BpeTrainer(vocab_size=500, special_tokens=["<unk>"], limit_alphabet=100, show_progress=False),
            N.NFKC(),
            P.Metaspace(),
            D.Metaspace(),
            added=added,
        ),
    )


def sentence_pieces():
    source = OUT / "train.txt"
    source.write_text("\n".join(line for line in TRAIN if line.strip()))
    for name, options in {
        "unigram": dict(model_type="unigram", vocab_size=500),
        "pairs": dict(model_type="bpe", vocab_size=500),
        "unigram_bytes": dict(
            model_type="unigram",
            vocab_size=800,
            byte_fallback=True,
            user_defined_symbols=["<sep>", "foo"],
            normalization_rule_name="nfkc_cf",
        ),
        "pairs_bytes": dict(
            model_type="bpe",
            vocab_size=800,
            byte_fallback=True,
            user_defined_symbols=["<sep>", "▁▁"],
            control_symbols=["<ctl>"],
            normalization_rule_name="identity",
            remove_extra_whitespaces=False,
            allow_whitespace_only_pieces=True,
        ),
    }.items():
        sentencepiece.SentencePieceTrainer.train(
            input=str(source), model_prefix=str(OUT / name), character_coverage=0.98, minloglevel=2, num_threads=1, **options
        )
        (OUT / f"{name}.vocab").unlink()
    source.unlink()


def unigram(name, fallback):
    model = protocol.ModelProto()
    model.ParseFromString((OUT / f"{name}.model").read_bytes())
    tokenizer = Tokenizer(M.Unigram([(p.piece, p.score) for p in model.pieces], 0, fallback))
    tokenizer.normalizer = N.Precompiled(model.normalizer_spec.precompiled_charsmap)
    tokenizer.pre_tokenizer = P.Metaspace(prepend_scheme="first" if fallback else "always")
    tokenizer.decoder = D.Sequence([D.ByteFallback(), D.Metaspace()])
    tokenizer.add_special_tokens(["<unk>", "<s>", "</s>"])
    tokenizer.post_processor = PP.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 2)])
    return tokenizer


def places(text):
    found = [0]
    for character in text:
        found.append(found[-1] + len(character.encode()))
    return found


def golden(tokenizer):
    content = json.loads(tokenizer.to_str())
    content["post_processor"] = None
    plain, result = Tokenizer.from_str(json.dumps(content)), []
    for line in LINES:
        encoding, bytes_at, full = plain.encode(line), places(line), tokenizer.encode(line).ids
        result.append(
            {
                "ids": encoding.ids,
                "spans": [[bytes_at[a], bytes_at[b]] for a, b in encoding.offsets],
                "full": full,
                "decoded": tokenizer.decode(full, skip_special_tokens=False),
                "skipped": tokenizer.decode(full),
            }
        )
    return result


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    expected = {}
    made = list(every_kind())
    sentence_pieces()
    made += [("hf_unigram", unigram("unigram", False)), ("hf_unigram_bytes", unigram("unigram_bytes", True))]
    for name, tokenizer in made:
        (OUT / f"{name}.json").write_text(tokenizer.to_str(pretty=False))
        expected[f"{name}.json"] = golden(tokenizer)
    versions = {"tokenizers": tokenizers.__version__, "sentencepiece": sentencepiece.__version__}
    (OUT / "golden.json").write_text(
        json.dumps({"versions": versions, "lines": LINES, "expected": expected}, ensure_ascii=True, separators=(",", ":"))
    )


if __name__ == "__main__":
    main()
