"""The way of a model of transformers from hidden states to logits."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch
from transformers import PreTrainedModel
from transformers.modeling_outputs import BaseModelOutputWithPast

from .errors import TrainerError


def layers(model: PreTrainedModel) -> torch.nn.Module:
    """What a model comes to hidden states by."""
    # Some models call them otherwise than they say.
    for found in (model.base_model, model.get_decoder(), getattr(model, "model", None)):
        if isinstance(found, torch.nn.Module) and found is not model:
            return found
    raise TrainerError("unsupported", f"in a {type(model).__name__} it is not known what gives hidden states")


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
        given = _Outputs(last_hidden_state=hidden.reshape(1, -1, hidden.shape[-1]))
        own = layers(self.model)
        # Some call what stands within.
        inner = getattr(own, "decoder", None)
        with _giving(given, [own, inner] if isinstance(inner, torch.nn.Module) else [own]):
            logits = self.model(input_ids=None, use_cache=False).logits
        return logits.float().reshape(*hidden.shape[:-1], logits.shape[-1])


@contextlib.contextmanager
def _giving(outputs: _Outputs, modules: list[torch.nn.Module]) -> Iterator[None]:
    """Has modules give what is there already."""
    for module in modules:
        module.forward = lambda *_, **__: outputs
    try:
        yield
    finally:
        for module in modules:
            # That of its class comes to light again; they may be one and the same.
            module.__dict__.pop("forward", None)


class _Outputs(BaseModelOutputWithPast):
    """What a model's layers give, of which nothing but the hidden states is there."""

    def __getattr__(self, name: str) -> None:
        if name.startswith("_"):
            raise AttributeError(name)
