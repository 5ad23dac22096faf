"""Small tokenizers of each known kind, trained on the corpus, and the ids that `tokenizers` gives its texts."""

import json
import pathlib

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

HERE = pathlib.Path(__file__).parent
CORPUS = HERE / "corpus.txt"
CHATML = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
LLAMA3 = ["<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"]
MODERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|%s| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def split(digits):
    return pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(MODERN % digits), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )


def byte_level():
    return pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)


KINDS = {
    "gpt2": dict(pre=byte_level(), special=["<|endoftext|>"], size=700),
    "smollm": dict(pre=pre_tokenizers.Sequence([pre_tokenizers.Digits(True), byte_level()]), special=CHATML, size=700),
    "llama3": dict(pre=split(r"\p{N}{1,3}"), special=LLAMA3, size=700, ignore_merges=True),
    "qwen2": dict(pre=split(r"\p{N}"), special=CHATML, size=700, normalizer=normalizers.NFC()),
    # For the tiny models: every byte, the special tokens, and few merges.
    "tiny": dict(pre=byte_level(), special=CHATML, size=290),
}


def texts():
    """The corpus, cut at lines of "%%"; bytes that are not UTF-8 become U+FFFD, as Swift's decoder makes them."""
    return CORPUS.read_bytes().decode("utf-8", errors="replace").split("\n%%\n")


def build(pre, special, size, ignore_merges=False, normalizer=None):
    tokenizer = Tokenizer(models.BPE(ignore_merges=ignore_merges))
    tokenizer.pre_tokenizer = pre
    tokenizer.decoder = decoders.ByteLevel()
    if normalizer:
        tokenizer.normalizer = normalizer
    trainer = trainers.BpeTrainer(
        vocab_size=size, special_tokens=special, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    tokenizer.train_from_iterator(texts(), trainer)
    tokenizer.add_tokens([AddedToken("<tool>", normalized=False), AddedToken("<strip>", lstrip=True, rstrip=True)])
    if "<|begin_of_text|>" in special:
        begin = "<|begin_of_text|>"
        tokenizer.post_processor = processors.TemplateProcessing(
            single=f"{begin} $A", pair=f"{begin} $A {begin} $B", special_tokens=[(begin, tokenizer.token_to_id(begin))]
        )
    return tokenizer


def encoded(tokenizer):
    result = []
    for text in texts():
        ids = tokenizer.encode(text, add_special_tokens=False).ids
        result.append(
            dict(
                ids=ids,
                withSpecial=tokenizer.encode(text).ids,
                decoded=tokenizer.decode(ids, skip_special_tokens=False),
            )
        )
    return result


def smollm2(gguf_path):
    """The real SmolLM2 tokenizer, as transformers makes it from the GGUF file."""
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(gguf_path.parent, gguf_file=gguf_path.name).backend_tokenizer


def write(folder, gguf_path):
    folder.mkdir(exist_ok=True)
    for name, kind in KINDS.items():
        tokenizer = build(**kind)
        (folder / f"{name}.json").write_text(tokenizer.to_str())
        golden = json.dumps(encoded(tokenizer), ensure_ascii=False)
        (folder / f"{name}.golden.json").write_text(golden + "\n")
    # Digits are cut one by one in SmolLM2's own tokenizer.json; the conversion from GGUF leaves that out.
    real = smollm2(gguf_path)
    real.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Digits(True), byte_level()])
    (folder / "smollm2.golden.json").write_text(json.dumps(encoded(real), ensure_ascii=False) + "\n")
