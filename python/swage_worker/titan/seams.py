"""The seven places where TorchTitan 0.3.0 has to be told that there may be no GPU, and that batches and losses come from
outside. Imported before anything of TorchTitan.

1. It asks torch for the device's type, gets None without a GPU, and takes that for CUDA: `available_device`.
2. Its memory monitor asks the device module what torch.cpu does not say: `_CPU_FACTS`.
3. It wants a data loader: `NoData`.
4. FlexAttention has no backward on a CPU, and its own SDPA takes no mask: `MaskedAttention`.
5. Its model gives logits, unless it is told to stop at the last hidden state: `stop_at_hidden_state`.
6. gloo lacks PREMUL_SUM, with which FSDP scales gradients: `sum_gradients`.
7. It wants a tokenizer's file: `NoTokenizer`.
"""

import logging
import os
import types
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NoReturn

import torch
import torch._utils
import torch.nn.functional as F

# TorchTitan reports on its own run in words that nobody has asked Swage for.
logging.disable(logging.WARNING)
warnings.filterwarnings("ignore")

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


def available_device() -> str:
    return DEVICE


_CPU_FACTS = dict(
    get_device_name=lambda device=None: "CPU",
    get_device_properties=lambda device=None: types.SimpleNamespace(
        total_memory=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")),
    memory_stats=lambda device=None: {},
    reset_peak_memory_stats=lambda device=None: None,
    empty_cache=lambda: None,
)

if DEVICE == "cpu":
    torch._utils._get_available_device_type = available_device
    for name, fact in _CPU_FACTS.items():
        if not hasattr(torch.cpu, name):
            setattr(torch.cpu, name, fact)

# These look for a device at once, and find what stands above.
from torch.distributed.fsdp import FSDPModule
from torchtitan.components.dataloader import BaseDataLoader
from torchtitan.components.tokenizer import BaseTokenizer
from torchtitan.protocols.module import Module


class NoData(BaseDataLoader):
    @dataclass(kw_only=True, slots=True)
    class Config(BaseDataLoader.Config):
        pass

    def __init__(self, config: Config, **_: Any) -> None:
        pass

    def __iter__(self) -> Iterator[Any]:
        return iter(())

    def state_dict(self) -> dict[str, Any]:
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        pass


class NoTokenizer(BaseTokenizer):
    @dataclass(kw_only=True, slots=True)
    class Config(BaseTokenizer.Config):
        pass

    def __init__(self, config: Config, **_: Any) -> None:
        super().__init__()

    def encode(self, *_: Any, **__: Any) -> NoReturn:
        raise NotImplementedError

    def decode(self, *_: Any, **__: Any) -> NoReturn:
        raise NotImplementedError

    def get_vocab_size(self) -> NoReturn:
        raise NotImplementedError


class MaskedAttention(Module):
    """torch's attention, causal, or under a mask [batch, 1, queries, keys] that is False where a key is not seen."""

    @dataclass(kw_only=True, slots=True)
    class Config(Module.Config):
        pass

    def __init__(self, config: Config) -> None:
        super().__init__()

    def forward(
        self, q_BLNH: torch.Tensor, k_BLNH: torch.Tensor, v_BLNH: torch.Tensor, *, attention_masks: torch.Tensor | None = None,
        scale: float | None = None, enable_gqa: bool = False, **_: Any,
    ) -> torch.Tensor:
        q, k, v = (x.transpose(1, 2) for x in (q_BLNH, k_BLNH, v_BLNH))
        if enable_gqa:
            # torch's fast attention on a CPU wants as many keys as queries.
            k, v = (x.repeat_interleave(q.shape[1] // x.shape[1], 1) for x in (k, v))
        out = F.scaled_dot_product_attention(
            q, k, v, attn_mask=attention_masks, is_causal=attention_masks is None, scale=scale)
        return out.transpose(1, 2)


def stop_at_hidden_state(model_part: Any) -> None:
    model_part._skip_lm_head = True


def sum_gradients(model_parts: Iterable[torch.nn.Module]) -> None:
    if DEVICE == "cpu":
        for part in model_parts:
            for module in part.modules():
                if isinstance(module, FSDPModule):
                    module.set_force_sum_reduction_for_comms(True)


def reshard(model_parts: Iterable[torch.nn.Module]) -> None:
    """After a pass without its way back, FSDP leaves some weights whole, and would not notice that they have changed."""
    for part in model_parts:
        for module in part.modules():
            if isinstance(module, FSDPModule):
                module.reshard()
