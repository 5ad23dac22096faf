"""The way of a model of transformers from hidden states to logits."""

from __future__ import annotations

from typing import Any

import torch
from transformers import PreTrainedModel
from transformers.modeling_outputs import BaseModelOutputWithPast


class OutputHead:
    """The product with the output head, and all that the model does to it: a cap, a scale, a multiplier. A model does so in the
    same method as all that comes before, so it is that method that is called, on hidden states that are there already."""

    def __init__(self, model: PreTrainedModel) -> None:
        self.model = model

    @property
    def weight(self) -> torch.Tensor:
        """`[vocabulary, hidden]`."""
        return self.model.get_output_embeddings().weight

    def __call__(self, hidden: torch.Tensor) -> torch.Tensor:
        """Logits `[…, vocabulary]` in float32, of hidden states `[…, hidden]`."""
        name, base = self.model.base_model_prefix, self.model.base_model
        setattr(self.model, name, _Given(hidden.reshape(1, -1, hidden.shape[-1])))
        try:
            logits = self.model(input_ids=None, use_cache=False).logits
        finally:
            setattr(self.model, name, base)
        return logits.float().reshape(*hidden.shape[:-1], logits.shape[-1])


class _Given(torch.nn.Module):
    """In the place of a model's layers: hidden states that they have come to before."""

    def __init__(self, hidden: torch.Tensor) -> None:
        super().__init__()
        self.hidden = hidden

    def forward(self, *_: Any, **__: Any) -> BaseModelOutputWithPast:
        return _Outputs(last_hidden_state=self.hidden)


class _Outputs(BaseModelOutputWithPast):
    """What a model's layers give, of which nothing but the hidden states is there."""

    def __getattr__(self, name: str) -> None:
        if name.startswith("_"):
            raise AttributeError(name)
