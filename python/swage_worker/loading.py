"""Opens a model of transformers for training, and reads what was saved of one."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

from .errors import TrainerError, check
from .options import HuggingFaceOptions

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def load_model(options: HuggingFaceOptions) -> PreTrainedModel:
    # A model's folder runs no code here: neither its own modules nor what is pickled in it.
    arguments = dict(
        dtype=getattr(torch, options.dtype), attn_implementation=options.attention,
        trust_remote_code=False, use_safetensors=True)
    try:
        model, found = AutoModelForCausalLM.from_pretrained(options.model, output_loading_info=True, **arguments)
    except (ValueError, ImportError) as error:
        # What it knows of neither, nor of the two together.
        asked = f"attention {options.attention}" if options.attention else "the attention of transformers' choice"
        raise TrainerError("unsupported", f"transformers cannot open {options.model} with {asked}: {error}") from error
    missing = sorted(found["missing_keys"])
    check(not missing, "corruptFile", f'{options.model}: the weights hold no "{next(iter(missing), "")}"', "every tensor of the model")
    for module in model.modules():
        # Learns nothing for the token that pads, which in many models is the one that ends a turn, and is in every chat.
        if isinstance(module, torch.nn.Embedding):
            module.padding_idx = None
    return model


@torch.no_grad()
def require_computable(model: PreTrainedModel) -> None:
    """Raises TrainerError where transformers has opened what it cannot compute: it reads settings that not each model knows."""
    try:
        model(input_ids=torch.zeros(1, 2, dtype=torch.long, device=model.device), use_cache=False)
    except Exception as error:
        raise TrainerError("unsupported", f"transformers cannot compute the model in {model.name_or_path}: {error}") from error


def read_weights(place: pathlib.Path, wanted: Mapping[str, torch.Tensor], options: HuggingFaceOptions) -> dict[str, torch.Tensor]:
    """The weights of a checkpoint, by the names and in the shapes of `wanted`."""
    file = "model.safetensors"
    tensors = read_tensors(place, file)
    if not wanted.keys() <= tensors.keys():
        # transformers holds experts joined that it writes apart, by the names of the hub: it knows the way back.
        tensors = load_model(dataclasses.replace(options, model=str(place))).state_dict()
    _require(place / file, tensors, wanted, "checkpointMismatch")
    return tensors


def read_tensors(
    place: pathlib.Path, file: str, wanted: Mapping[str, torch.Tensor] | None = None, prefixes: Sequence[str] = ("",),
) -> dict[str, torch.Tensor]:
    """The tensors of a checkpoint's file. `wanted`: those that have to be there, after each of `prefixes`."""
    try:
        tensors = load_file(place / file)
    except (OSError, SafetensorError) as error:
        raise TrainerError("corruptFile", f"{place / file} cannot be read: {error}") from error
    for prefix in prefixes:
        wanted_here = {prefix + name: value for name, value in (wanted or {}).items()}
        _require(place / file, tensors, wanted_here, "corruptFile" if prefix else "checkpointMismatch")
    return tensors


def _require(file: pathlib.Path, tensors: Mapping[str, torch.Tensor], wanted: Mapping[str, torch.Tensor], code: str) -> None:
    for name, parameter in wanted.items():
        found = tensors.get(name)
        check(
            found is not None and found.shape == parameter.shape, code, f'{file}: "{name}" is missing or has another shape',
            f"shape {list(parameter.shape)}")
