"""Opens a model of transformers for training, and reads what was saved of one."""

from __future__ import annotations

import pathlib
from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from transformers import AutoConfig, AutoModelForCausalLM

from .errors import TrainerError, check
from .hub_names import from_hub
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


# What a configuration says beside what is computed.
_BESIDE = {
    "_name_or_path", "architectures", "dtype", "initializer_range", "max_position_embeddings", "output_router_logits", "pretraining_tp",
    "router_aux_loss_coef", "tie_word_embeddings", "torch_dtype", "transformers_version", "use_cache"}


def require_same_model(place: pathlib.Path, model: PreTrainedModel) -> None:
    """Of the same tensors two models may be made: a checkpoint's configuration has to say what this one computes, if it says it."""
    try:
        found = AutoConfig.from_pretrained(place).to_dict()
    except (OSError, ValueError):
        return
    own = model.config.to_dict()
    for key in sorted(own, key=lambda key: key != "model_type"):
        value = own[key]
        same = key in _BESIDE or key.endswith("_token_id") or (key in found and found[key] == value)
        check(
            same, "checkpointMismatch", f"{place} belongs to another model: {key} is {found.get(key)!r:.100} in its config.json",
            f"{value!r:.100}")


def read_weights(place: pathlib.Path, model: PreTrainedModel, wanted: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The weights of a checkpoint, by the names and in the shapes of `wanted`."""
    file = place / "model.safetensors"
    tensors, rest = from_hub(model, _load(file), wanted)
    _require(file, tensors, wanted, "checkpointMismatch")
    check(not rest, "checkpointMismatch", f'{file} holds "{next(iter(rest), "")}", which this model does not have', "weights of this model")
    for name in wanted:
        tensor = tensors[name]
        finite = not tensor.is_floating_point() or bool(torch.isfinite(tensor).all())
        check(finite, "nonFinite", f'{file}: "{name}" holds a number that is NaN or infinite', "finite weights")
    return tensors


def read_tensors(
    place: pathlib.Path, file: str, wanted: Mapping[str, torch.Tensor], prefix: str = "", model: PreTrainedModel | None = None,
) -> dict[str, torch.Tensor]:
    """The tensors of a checkpoint's file, one for each of `wanted`, whose names have `prefix` in front of them. `model`: whose
    parameters those are, if they are a model's."""
    tensors = {name.removeprefix(prefix): value for name, value in _load(place / file).items() if name.startswith(prefix)}
    if model is not None:
        tensors, _ = from_hub(model, tensors, wanted)
    _require(place / file, tensors, wanted, "corruptFile", prefix)
    return tensors


def _load(file: pathlib.Path) -> dict[str, torch.Tensor]:
    try:
        return load_file(file)
    except (OSError, SafetensorError) as error:
        raise TrainerError("corruptFile", f"{file} cannot be read: {error}") from error


def _require(
    file: pathlib.Path, tensors: Mapping[str, torch.Tensor], wanted: Mapping[str, torch.Tensor], code: str, prefix: str = "",
) -> None:
    for name, parameter in wanted.items():
        found = tensors.get(name)
        check(
            found is not None and found.shape == parameter.shape, code,
            f'{file}: "{prefix}{name}" is missing or has another shape', f"shape {list(parameter.shape)}")
