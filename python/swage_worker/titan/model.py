"""A model folder in Hugging Face's layout as a model that TorchTitan knows."""

import dataclasses
from dataclasses import dataclass, field
from typing import Any

import torch
from transformers import AutoConfig
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

from ..errors import TrainerError
from . import seams  # before anything of TorchTitan

# isort: split
from torchtitan.distributed.pipeline_parallel import pipeline_llm
from torchtitan.models.common import CosSinRoPE, Embedding, Linear, RMSNorm
from torchtitan.models.common.config_utils import get_attention_config, make_ffn_config, make_gqa_config
from torchtitan.models.common.param_init import skip_param_init
from torchtitan.models.llama3 import Llama3Model, parallelize_llama
from torchtitan.models.llama3.model import Llama3TransformerBlock
from torchtitan.models.qwen3 import Qwen3Model, parallelize_qwen3
from torchtitan.models.qwen3.model import Qwen3TransformerBlock
from torchtitan.models.qwen3.state_dict_adapter import Qwen3StateDictAdapter
from torchtitan.protocols.model_spec import ModelSpec

# By `model_type`: TorchTitan's model, block and parallelization, whether q and k are normalised, whether q, k and v have a bias.
_FAMILIES = {
    "llama": (Llama3Model, Llama3TransformerBlock, parallelize_llama, False, False),
    "mistral": (Llama3Model, Llama3TransformerBlock, parallelize_llama, False, False),
    "qwen2": (Llama3Model, Llama3TransformerBlock, parallelize_llama, False, True),
    "qwen3": (Qwen3Model, Qwen3TransformerBlock, parallelize_qwen3, True, False),
}
# Weights are read, so nothing is initialised.
_UNSET = {"weight": skip_param_init, "bias": skip_param_init}


class HuggingFaceRoPE(CosSinRoPE):
    """Rotary positions with the frequencies that transformers would take, whatever their scaling."""

    @dataclass(kw_only=True, slots=True)
    class Config(CosSinRoPE.Config):
        model: object = field(repr=False)

    def _precompute_cache(self) -> torch.Tensor:
        model, device = self.config.model, self.cache.device if "cache" in self._buffers else None
        kind = model.rope_parameters["rope_type"]
        if kind == "default":
            exponents = torch.arange(0, self.config.dim, 2, dtype=torch.float32, device=device) / self.config.dim
            frequencies, scale = 1.0 / model.rope_parameters["rope_theta"] ** exponents, 1.0
        else:
            frequencies, scale = ROPE_INIT_FUNCTIONS[kind](model, device)
        angles = torch.outer(torch.arange(self.config.max_seq_len, dtype=torch.float32, device=device), frequencies)
        angles = torch.cat([angles, angles], -1)
        return torch.cat([angles.cos(), angles.sin()], -1) * scale


class HuggingFaceNames(Qwen3StateDictAdapter):
    """Qwen 3's names are those of all of these families; its adapter lacks the biases alone."""

    def __init__(self, model_config: Any, hf_assets_path: str | None) -> None:
        super().__init__(model_config, hf_assets_path)
        for letter in "qkv":
            self.from_hf_map[f"model.layers.{{}}.self_attn.{letter}_proj.bias"] = f"layers.{{}}.attention.qkv_linear.w{letter}.bias"


def read_configuration(folder: str) -> Any:
    configuration = AutoConfig.from_pretrained(folder, trust_remote_code=False)
    if configuration.model_type not in _FAMILIES:
        raise TrainerError(
            "unsupported", f'{folder} holds a model of type "{configuration.model_type}", which the engine titan does not know',
            f"any of {sorted(_FAMILIES)}, or the engine huggingface")
    if getattr(configuration, "attention_bias", False) or getattr(configuration, "mlp_bias", False):
        raise TrainerError(
            "unsupported", f"{folder} holds a model with biases, which the engine titan does not know", "the engine huggingface")
    return configuration


def attention_window(configuration: Any) -> int | None:
    """How many tokens a token sees; None for all before it."""
    window = getattr(configuration, "sliding_window", None) if getattr(configuration, "use_sliding_window", True) else None
    kinds = set(getattr(configuration, "layer_types", None) or [])
    if window is not None and len(kinds) > 1:
        raise TrainerError("unsupported", "the model's layers see different windows", "the engine huggingface")
    return window


def model_spec(configuration: Any, attention: str) -> ModelSpec:
    """`attention`: sdpa, flex or varlen."""
    c, (Model, Block, parallelize, normalises, biased) = configuration, _FAMILIES[configuration.model_type]
    width, head = c.hidden_size, getattr(c, "head_dim", None) or c.hidden_size // c.num_attention_heads

    def norm(size: int) -> RMSNorm.Config:
        return RMSNorm.Config(normalized_shape=size, eps=c.rms_norm_eps, param_init=_UNSET)

    gqa = make_gqa_config(
        dim=width, n_heads=c.num_attention_heads, n_kv_heads=c.num_key_value_heads, head_dim=head,
        wqkv_param_init=_UNSET, wo_param_init=_UNSET, fuse_qkv=False, qk_norm=norm(head) if normalises else None,
        inner_attention=seams.MaskedAttention.Config() if attention == "sdpa" else get_attention_config(attention),
        rope=HuggingFaceRoPE.Config(dim=head, max_seq_len=c.max_position_embeddings, model=c))
    if biased:
        qkv = gqa.qkv_linear
        gqa.qkv_linear = dataclasses.replace(
            qkv, wq=dataclasses.replace(qkv.wq, bias=True), wkv=dataclasses.replace(qkv.wkv, bias=True))

    def block() -> Any:
        return Block.Config(
            attention_norm=norm(width), ffn_norm=norm(width),
            attention=dataclasses.replace(gqa, rope=dataclasses.replace(gqa.rope)),
            feed_forward=make_ffn_config(
                dim=width, hidden_dim=c.intermediate_size, w1_param_init=_UNSET, w2w3_param_init=_UNSET))

    model = Model.Config(
        dim=width, vocab_size=c.vocab_size, enable_weight_tying=c.tie_word_embeddings, norm=norm(width),
        tok_embeddings=Embedding.Config(num_embeddings=c.vocab_size, embedding_dim=width, param_init=_UNSET),
        lm_head=Linear.Config(in_features=width, out_features=c.vocab_size, param_init=_UNSET),
        layers=[block() for _ in range(c.num_hidden_layers)])
    return ModelSpec(
        name=c.model_type, flavor="folder", model=model, parallelize_fn=parallelize, pipelining_fn=pipeline_llm,
        post_optimizer_build_fn=None, state_dict_adapter=HuggingFaceNames)
