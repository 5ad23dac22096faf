"""Ends a pass through a model between two of its layers, forward and backward."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import torch

from .errors import Cancelled, IsCancelled

if TYPE_CHECKING:
    from transformers import PreTrainedModel


@contextlib.contextmanager
def ending(model: PreTrainedModel, is_cancelled: IsCancelled) -> Iterator[None]:
    """Looks at each layer whether what is computed in here is still wanted, and raises Cancelled if it is not. Gradients of a
    pass are kept apart until it is over: nothing has changed then."""

    def look(*_: Any) -> None:
        if is_cancelled():
            raise Cancelled

    def look_on_the_way_back(layer: torch.nn.Module, inputs: Any, output: Any) -> None:
        first = output[0] if isinstance(output, tuple) else output
        if isinstance(first, torch.Tensor) and first.requires_grad:
            first.register_hook(look)

    lists = [module for module in model.base_model.modules() if isinstance(module, torch.nn.ModuleList)]
    hooks: list[Any] = []
    for layer in max(lists, key=len, default=[]):
        hooks += [layer.register_forward_pre_hook(look), layer.register_forward_hook(look_on_the_way_back)]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
