"""How long a sequence may be where a model has learned a vector for each position, as GPT-2 has."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from .errors import check

if TYPE_CHECKING:
    from transformers import PreTrainedModel

# What families of transformers call the embedding of positions.
_NAMES = ("wpe", "embed_positions", "position_embeddings")


def learned(model: PreTrainedModel) -> int | None:
    """The number of positions that the model has learned; None where it computes them, and takes any number."""
    known = getattr(model.config.get_text_config(), "max_position_embeddings", None)
    for name, module in model.base_model.named_modules():
        if isinstance(module, torch.nn.Embedding) and name.rsplit(".", 1)[-1] in _NAMES:
            # Some keep a few vectors more than positions.
            return min(module.num_embeddings, known or module.num_embeddings)
    return None


def require(count: int, most: int | None) -> None:
    """Raises TrainerError with code tooLarge for a sequence of more tokens than the model has positions."""
    check(
        most is None or count <= most, "tooLarge", f"a sequence has {count} tokens, and the model has learned {most} positions",
        f"{most} tokens at most, the completion included")
