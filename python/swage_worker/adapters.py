"""Low-rank adapters beside frozen weights (Hu et al., LoRA, 2021), by peft."""

import torch
from peft import LoraConfig, inject_adapter_in_model
from peft.tuners.tuners_utils import BaseTunerLayer

from .options import LoRAOptions

BASE = ".base_layer"


def add(model: torch.nn.Module, options: LoRAOptions) -> None:
    """Freezes the model's weights, and gives its modules adapters that change nothing yet."""
    modules = options.target_modules
    torch.manual_seed(0)
    inject_adapter_in_model(
        LoraConfig(
            r=options.rank, lora_alpha=options.alpha, lora_dropout=options.dropout,
            target_modules=modules[0] if modules == ["all-linear"] else modules, task_type="CAUSAL_LM"), model)
    for module in model.modules():
        if isinstance(module, BaseTunerLayer):
            # What the model's own configuration would drop stays.
            module.lora_dropout.train()


def weights(model: torch.nn.Module) -> dict[str, torch.nn.Parameter]:
    """The model's own weights, by the names that they have without adapters."""
    return {name.replace(BASE, ""): p for name, p in model.named_parameters() if not _is_adapter(name)}


def adapters(model: torch.nn.Module) -> dict[str, torch.nn.Parameter]:
    return {name: p for name, p in model.named_parameters() if _is_adapter(name)}


def merged(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    """The weights of the model without adapters that computes the same."""
    result = {name: p.detach() for name, p in weights(model).items()}
    for name, module in model.named_modules():
        if isinstance(module, BaseTunerLayer):
            for adapter in module.active_adapters:
                # Experts stand together in a parameter of their own name, and have a wrapper for each around the others.
                weight = f"{name.replace(BASE, '')}.{getattr(module, 'parameter_name', 'weight')}"
                result[weight] = result[weight] + module.get_delta_weight(adapter).to(result[weight].dtype)
    return result


@torch.no_grad()
def reset(model: torch.nn.Module) -> None:
    """Adapters that change nothing, as at the beginning."""
    torch.manual_seed(0)
    for module in model.modules():
        if isinstance(module, BaseTunerLayer):
            for adapter in module.active_adapters:
                module.reset_lora_parameters(adapter, True)


def _is_adapter(name: str) -> bool:
    return ".lora_" in name
