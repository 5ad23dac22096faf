"""Writes the golden files that the tests compare with: `make golden`.

Everything is computed by PyTorch, transformers and tokenizers; versions.json says by which versions.
"""

import json
import pathlib
import sys

import numpy
import safetensors
import tokenizers
import torch
import transformers
import trl

import chat_templates
import decoders
import gguf_decoders
import gguf_tensors
import losses
import preferences
import real_model
import short_numbers
import tokenization

HERE = pathlib.Path(__file__).parent


def main():
    gguf_path = pathlib.Path(sys.argv[1])
    modules = [torch, transformers, trl, tokenizers, safetensors, numpy]
    versions = {module.__name__: module.__version__ for module in modules}
    versions["gguf"] = __import__("importlib.metadata").metadata.version("gguf")
    versions["python"] = sys.version.split()[0]

    tokenization.write(HERE / "tokenizers", gguf_path)
    chat_templates.write(HERE / "chat_templates.json")
    decoders.write(HERE / "decoders", HERE / "tokenizers" / "tiny.json")
    gguf_decoders.write(HERE / "decoders")
    losses.write(HERE / "losses", HERE / "decoders" / "llama")
    preferences.write(HERE / "losses" / "preferences.safetensors", HERE / "decoders" / "llama", HERE / "tokenizers" / "tiny.json")
    gguf_tensors.write(HERE / "gguf")
    short_numbers.write(HERE / "short_numbers", HERE / "decoders")
    real_model.write(HERE / "smollm2.json", gguf_path)
    (HERE / "versions.json").write_text(json.dumps(versions, indent=2, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
