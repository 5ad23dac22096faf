"""How a model of transformers is told where the sequences of a row end.

Most make the masks of their layers from positions, which begin again with each sequence; some know masks alone. Which of them a
model is, it says itself: it reads two rows of two sequences each, and the second ones alone. One that carries a state from token
to token, as Mamba does, cannot be told, and is refused rather than taught from sequences that see their neighbors."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from transformers import masking_utils

from .errors import TrainerError
from .output_head import layers
from .sampling import without_dropout

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_LENGTH = 4


class Packing:
    """Of one model, which is asked when the first row of several sequences comes."""

    def __init__(self, model: PreTrainedModel) -> None:
        self.model = model
        self.way: Callable[[PreTrainedModel, torch.Tensor], dict[str, Any]] | None = None

    def arguments(self, places: torch.Tensor) -> dict[str, Any]:
        """Of a pass, for rows of several sequences. `places` `[batch, sequence]`: where in its own sequence each token stands."""
        if self.is_possible and self.way:
            return self.way(self.model, places.to(self.model.device))
        configuration = self.model.config
        raise TrainerError(
            "unsupported",
            f"in a row of several sequences, this model ({configuration.model_type}, attention {configuration._attn_implementation}) "
            "lets one see another", "one sequence in each row (sft: --no-packing), or another attention")

    @functools.cached_property
    def is_possible(self) -> bool:
        """Whether there is a way."""
        self.way = next((way for way in (_by_positions, _by_masks) if self._separates(way)), None)
        return self.way is not None

    @torch.no_grad()
    def _separates(self, way: Callable[[PreTrainedModel, torch.Tensor], dict[str, Any]]) -> bool:
        vocabulary, device = self.model.get_input_embeddings().weight.shape[0], self.model.device
        rows = torch.arange(4 * _LENGTH, device=device).reshape(2, 2 * _LENGTH) * 7 % vocabulary
        places = torch.arange(_LENGTH, device=device).repeat(2, 2)
        with without_dropout(self.model):
            alone = layers(self.model)(input_ids=rows[:, _LENGTH:], use_cache=False).last_hidden_state
            try:
                together = layers(self.model)(input_ids=rows, use_cache=False, **way(self.model, places)).last_hidden_state
            except Exception:
                # A model that knows no such argument, or knows it otherwise.
                return False
        bound = 5e-5 if alone.dtype == torch.float32 else 5e-2
        return bool((together[:, _LENGTH:] - alone).abs().max() <= bound * alone.abs().max())


def _by_positions(model: PreTrainedModel, places: torch.Tensor) -> dict[str, Any]:
    return dict(position_ids=places)


def _by_masks(model: PreTrainedModel, places: torch.Tensor) -> dict[str, Any]:
    of_this_size = torch.empty(*places.shape, 1, dtype=model.dtype, device=model.device)
    masks = masking_utils.create_masks_for_generate(model.config, of_this_size, None, None, position_ids=places)
    return dict(position_ids=places, attention_mask=masks)
