"""Writes what transformers makes of folders without tokenizer.json, and llama.cpp of GGUF vocabularies: ids of hard lines.

usage: tokenizer_folders.py; needs what tokenizer_parts.py needs, transformers, gguf, requests and xllamacpp, and no mistral-common
where transformers is asked, for it would read tekken.json itself.
"""

import base64
import json
import os
import pathlib
import shutil
import tempfile

import gguf
import numpy
import requests
import sentencepiece.sentencepiece_model_pb2 as protocol
import xllamacpp

os.environ["HF_HUB_OFFLINE"] = "1"
from transformers import AutoTokenizer

HERE = pathlib.Path(__file__).parent / "tokenizers"
PARTS = HERE / "parts"
LINES = json.loads((PARTS / "golden.json").read_text())["lines"] + ["Hello <s>world</s> <pad>!", "a<pad>", " [INST] x [/INST]", "▁Hello▁▁"]
LLAMA = {"model_type": "llama"}
FLAGS = {"lstrip": False, "normalized": False, "rstrip": False, "single_word": False}


def listed(*tokens):
    return {str(index): {"content": token, "special": True, **FLAGS} for index, token in enumerate(tokens)}


def named(configuration):
    return {"tokenizer_class": "LlamaTokenizer", "bos_token": "<s>", "eos_token": "</s>", **configuration}


def folders():
    """Name, files that are copied from the parts, and those that are written."""
    yield "bare", {"tokenizer.model": "pairs_bytes.model"}, {}
    yield "llama", {"tokenizer.model": "pairs_bytes.model"}, {
        "config.json": LLAMA,
        "tokenizer_config.json": named({"add_bos_token": True, "added_tokens_decoder": listed("<unk>", "<s>", "</s>")}),
    }
    yield "llama_legacy", {"tokenizer.model": "pairs_bytes.model"}, {
        "config.json": LLAMA,
        "tokenizer_config.json": named({"add_bos_token": True, "add_eos_token": True, "legacy": True}),
        "special_tokens_map.json": {"pad_token": "<pad>"},
        "added_tokens.json": {"<pad>": 800, "the": 801},
    }
    yield "llama_bare_space", {"tokenizer.model": "pairs.model"}, {
        "config.json": LLAMA,
        "tokenizer_config.json": named({"add_prefix_space": False, "pad_token": "<pad>"}),
    }
    yield "mistral", {"tokenizer.model": "pairs_bytes.model"}, {
        "config.json": {"model_type": "mistral"},
        "tokenizer_config.json": named({"add_bos_token": True, "legacy": False}),
    }
    yield "unigram", {"tokenizer.model": "unigram_bytes.model"}, {"config.json": LLAMA}
    yield "gemma", {"tokenizer.model": "pairs_bytes.model"}, {"config.json": {"model_type": "gemma2"}}
    yield "gpt2", {}, {"config.json": {"model_type": "gpt2"}, **byte_pairs()}
    yield "qwen2", {}, {
        "config.json": {"model_type": "qwen2"},
        "tokenizer_config.json": {"eos_token": "<|im_end|>", "extra_special_tokens": ["<|im_start|>"]},
        **byte_pairs(),
    }
    yield "bert", {}, {"config.json": {"model_type": "bert"}, "vocab.txt": word_pieces()}
    yield "tekken", {}, {"config.json": LLAMA, "tekken.json": tekken()}


def byte_pairs():
    model = json.loads((PARTS / "roberta.json").read_text())["model"]
    merges = [merge if isinstance(merge, str) else " ".join(merge) for merge in model["merges"]]
    return {"vocab.json": model["vocab"], "merges.txt": "#version: 0.2\n" + "\n".join(merges) + "\n"}


def word_pieces():
    vocabulary = json.loads((PARTS / "bert.json").read_text())["model"]["vocab"]
    return "".join(token + "\n" for token in sorted(vocabulary, key=vocabulary.get))


def tekken():
    """The first tokens of the byte pairs, as tekken.json lists them."""
    alphabet = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    spelled = {chr(byte): byte for byte in alphabet}
    spelled |= {chr(256 + index): byte for index, byte in enumerate(byte for byte in range(256) if byte not in alphabet)}
    vocabulary = json.loads((PARTS / "o200k.json").read_text())["model"]["vocab"]
    tokens = [bytes([byte]) for byte in range(256)]
    for token in sorted(vocabulary, key=vocabulary.get):
        if len(token) > 1 and all(character in spelled for character in token) and not token.startswith("<"):
            tokens.append(bytes(spelled[character] for character in token))
    special = ["<unk>", "<s>", "</s>", "[INST]", "[/INST]", "<pad>"]
    pattern = json.loads((PARTS / "o200k.json").read_text())["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"]
    return {
        "config": {
            "pattern": pattern,
            "num_vocab_tokens": len(tokens),
            "default_vocab_size": len(tokens) + 8,
            "default_num_special_tokens": 8,
            "version": "v3",
        },
        "vocab": [{"rank": rank, "token_bytes": base64.b64encode(token).decode(), "token_str": None} for rank, token in enumerate(tokens)],
        "special_tokens": [{"rank": rank, "token_str": token, "is_control": True} for rank, token in enumerate(special)],
    }


def write_folder(folder, copied, written):
    for name, source in copied.items():
        shutil.copy(PARTS / source, folder / name)
    for name, content in written.items():
        (folder / name).write_text(content if isinstance(content, str) else json.dumps(content, ensure_ascii=False))


def of_transformers():
    for name, copied, written in folders():
        with tempfile.TemporaryDirectory() as folder:
            write_folder(pathlib.Path(folder), copied, written)
            tokenizer = AutoTokenizer.from_pretrained(folder)
            # transformers leaves it to mistral-common to begin texts, which does.
            begin = [1] if name == "tekken" else []
            ids = [begin + tokenizer.encode(line) for line in LINES]
            yield {
                "name": name,
                "copied": copied,
                "written": {key: value if isinstance(value, str) else json.dumps(value) for key, value in written.items()},
                "ids": ids,
                "decoded": [tokenizer.decode(each) for each in ids],
                "skipped": [tokenizer.decode(each, skip_special_tokens=True) for each in ids],
            }


def write_model(path, vocabulary_size, add):
    """A tiny llama with a vocabulary."""
    random = numpy.random.default_rng(1)
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_context_length(512)
    writer.add_block_count(1)
    writer.add_embedding_length(16)
    writer.add_feed_forward_length(16)
    writer.add_head_count(2)
    writer.add_head_count_kv(2)
    writer.add_layer_norm_rms_eps(1e-5)
    add(writer)

    def tensor(name, *shape):
        writer.add_tensor(name, (random.standard_normal(shape) / 4).astype(numpy.float16 if len(shape) > 1 else numpy.float32))

    tensor("token_embd.weight", vocabulary_size, 16)
    tensor("output_norm.weight", 16)
    for part in ["attn_norm", "ffn_norm"]:
        tensor(f"blk.0.{part}.weight", 16)
    for part in ["attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down"]:
        tensor(f"blk.0.{part}.weight", 16, 16)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def pieces(source, model, **flags):
    content = protocol.ModelProto()
    content.ParseFromString((PARTS / source).read_bytes())

    def add(writer):
        writer.add_tokenizer_model(model)
        writer.add_token_list([piece.piece.encode() for piece in content.pieces])
        writer.add_token_scores([piece.score for piece in content.pieces])
        writer.add_token_types([piece.type for piece in content.pieces])
        writer.add_unk_token_id(0)
        writer.add_bos_token_id(1)
        writer.add_eos_token_id(2)
        writer.add_add_space_prefix(flags.get("space", True))
        if model == "t5":
            writer.add_remove_extra_whitespaces(content.normalizer_spec.remove_extra_whitespaces)
        if "begin" in flags:
            writer.add_add_bos_token(flags["begin"])
            writer.add_add_eos_token(not flags["begin"])

    return len(content.pieces), add


def words(pre, source):
    document = json.loads((PARTS / source).read_text())
    vocabulary = document["model"]["vocab"]
    added = {token["content"] for token in document["added_tokens"]}
    tokens = sorted(vocabulary, key=vocabulary.get)

    def add(writer):
        writer.add_tokenizer_model("gpt2")
        writer.add_tokenizer_pre(pre)
        writer.add_token_list(tokens)
        writer.add_token_types([3 if token in added else 1 for token in tokens])
        writer.add_token_merges([merge if isinstance(merge, str) else " ".join(merge) for merge in document["model"]["merges"]])
        writer.add_bos_token_id(1)
        writer.add_eos_token_id(2)

    return len(tokens), add


def word_marks():
    vocabulary = json.loads((PARTS / "bert.json").read_text())["model"]["vocab"]
    tokens = sorted(vocabulary, key=vocabulary.get)
    special = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"}

    def add(writer):
        writer.add_tokenizer_model("bert")
        writer.add_token_list([t if t in special else t[2:] if t.startswith("##") else "\u2581" + t for t in tokens])
        writer.add_token_types([3 if token in special else 1 for token in tokens])
        writer.add_unk_token_id(vocabulary["[UNK]"])
        writer.add_bos_token_id(vocabulary["[CLS]"])
        writer.add_sep_token_id(vocabulary["[SEP]"])

    return len(tokens), add


def models():
    yield "llama", *pieces("pairs_bytes.model", "llama")
    yield "llama_bare", *pieces("pairs_bytes.model", "llama", space=False, begin=False)
    yield "t5", *pieces("unigram.model", "t5")
    yield "bert", *word_marks()
    yield "gpt4o", *words("gpt-4o", "o200k.json")
    yield "llama3", *words("llama-bpe", "whole_words.json")
    yield "default", *words("default", "roberta.json")


def of_llama():
    folder = HERE / "gguf"
    folder.mkdir(exist_ok=True)
    for name, size, add in models():
        path = folder / f"{name}.gguf"
        write_model(path, size, add)
        parameters = xllamacpp.CommonParams()
        parameters.model.path = str(path)
        parameters.n_ctx, parameters.warmup, parameters.verbosity = 64, False, 0
        server = xllamacpp.Server(parameters)
        ids = []
        for line in LINES:
            asked = {"content": line, "add_special": True, "parse_special": True}
            ids.append(requests.post(f"{server.listening_address}/tokenize", json=asked, timeout=60).json()["tokens"])
        yield {"name": name, "ids": ids}


def main():
    golden = {"lines": LINES, "folders": list(of_transformers()), "models": list(of_llama())}
    (HERE / "folders.json").write_text(json.dumps(golden, ensure_ascii=True, separators=(",", ":")))


if __name__ == "__main__":
    main()
