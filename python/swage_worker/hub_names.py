"""Tensors by the names of the hub, which files have, and by those of transformers' modules, which hold experts joined that stand
apart in files."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

import torch
from transformers.core_model_loading import revert_weight_conversion

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def to_hub(model: PreTrainedModel, tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Those of a model's modules, one for each parameter, by the names of the hub."""
    return {name: tensor.contiguous() for name, tensor in revert_weight_conversion(model, dict(tensors)).items()}


def from_hub(
    model: PreTrainedModel, tensors: Mapping[str, torch.Tensor], wanted: Collection[str],
) -> tuple[dict[str, torch.Tensor], list[str]]:
    """Those of files by the names of the modules, if they have others, and the names of what no module takes."""
    dtype = next(iter(tensors.values())).dtype if tensors else None
    if set(wanted) <= tensors.keys():
        known = model.state_dict().keys() | set(wanted)
        ignored = getattr(model, "_keys_to_ignore_on_load_unexpected", None) or []
        rest = [name for name in tensors if name not in known and not any(re.search(each, name) for each in ignored)]
        return dict(tensors), rest
    read, found = type(model).from_pretrained(
        None, config=model.config, state_dict=dict(tensors), dtype=dtype, output_loading_info=True)
    there = read.state_dict()
    return {name: there[name] for name in there if name not in found["missing_keys"]}, sorted(found["unexpected_keys"])
