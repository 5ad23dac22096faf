"""Safetensors of numbers that are not 32, 16 or 16 bits long, and tiny models whose weights have 8 bits and scales.

`numbers` holds every pattern of 8 bits; what torch makes of them, and of numbers of 64 bits, is beside it. The models are read back by
transformers.
"""

import json
import shutil

import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

# One scale for each block, whose sizes divide all matrices as transformers wants it, and one for each tensor.
MODELS = {"blocks": ([4, 2], torch.float8_e4m3fn), "tensors": (None, torch.float8_e4m3fn), "wide": ([4, 4], torch.float8_e5m2)}
SOURCE = "qwen3"


def numbers(folder):
    patterns = torch.arange(256, dtype=torch.uint8)
    generator = torch.Generator().manual_seed(5)
    doubles = torch.randn(61, generator=generator, dtype=torch.float64)
    edges = torch.tensor([1 / 3, 1e300, -1e-300, 2.0**-149, float("inf"), float("nan"), 1 + 2.0**-24 + 2.0**-40], dtype=torch.float64)
    tensors = {
        "F8_E4M3": patterns.clone().view(torch.float8_e4m3fn),
        "F8_E5M2": patterns.clone().view(torch.float8_e5m2),
        "F8_E8M0": patterns.clone().view(torch.float8_e8m0fnu),
        "F64": torch.cat([doubles, edges]),
    }
    save_file(tensors, folder / "numbers.safetensors")
    save_file({name: tensor.float() for name, tensor in tensors.items()}, folder / "expected.safetensors")


def shortened(weight, block, kind):
    """A matrix in 8 bits, and the scales that bring it back."""
    rows, columns = block or weight.shape
    blocks = weight.reshape(weight.shape[0] // rows, rows, weight.shape[1] // columns, columns)
    scales = blocks.abs().amax((1, 3)) / torch.finfo(kind).max
    short = (blocks / scales[:, None, :, None]).reshape(weight.shape).to(kind)
    return short, scales if block else scales.reshape(()).bfloat16()


def model(folder, source, block, kind):
    folder.mkdir(exist_ok=True)
    config = json.loads((source / "config.json").read_text())
    scheme = "dynamic" if block else "static"
    kept = ["lm_head"]
    config["quantization_config"] = dict(quant_method="fp8", activation_scheme=scheme, weight_block_size=block, modules_to_not_convert=kept)
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    tensors = {}
    for name, tensor in load_file(source / "model.safetensors").items():
        if not name.endswith("proj.weight"):
            tensors[name] = tensor
            continue
        tensors[name], tensors[f"{name}_scale_inv"] = shortened(tensor, block, kind)
        if not block:
            tensors[name.replace("weight", "activation_scale")] = torch.tensor(0.5, dtype=torch.bfloat16)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    opened = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    ids = torch.arange(22).reshape(2, 11) * 7 % 290
    golden = {"ids": ids.float(), "logits": opened(ids).logits}
    golden |= {name: tensor.float() for name, tensor in opened.state_dict().items() if name != "lm_head.weight"}
    save_file({name: tensor.contiguous() for name, tensor in golden.items()}, folder / "golden.safetensors")
    shutil.copy(source / "tokenizer.json", folder / "tokenizer.json")


def write(folder, decoders):
    folder.mkdir(exist_ok=True)
    numbers(folder)
    for name, (block, kind) in MODELS.items():
        model(folder / name, decoders / SOURCE, block, kind)
