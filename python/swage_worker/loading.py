"""Opens a model of transformers for training."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from transformers import AutoModelForCausalLM

from .options import HuggingFaceOptions

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def load_model(options: HuggingFaceOptions) -> PreTrainedModel:
    # A model's folder runs no code here: neither its own modules nor what is pickled in it.
    arguments = dict(
        dtype=getattr(torch, options.dtype), attn_implementation=options.attention,
        trust_remote_code=False, use_safetensors=True)
    model = AutoModelForCausalLM.from_pretrained(options.model, **arguments)
    for module in model.modules():
        # Learns nothing for the token that pads, which in many models is the one that ends a turn, and is in every chat.
        if isinstance(module, torch.nn.Embedding):
            module.padding_idx = None
    return model
