"""Steps that leave finite weights, or none."""

import math
from collections.abc import Iterable

import torch

from .options import OptimizerOptions


def stays_finite(
    options: OptimizerOptions, rate: float, step: int, scale: float, largest: float, dtype: torch.dtype,
) -> bool:
    """Whether parameters and moments that are finite surely stay so; False where only a look at each can tell. As Swift's
    AdamWUpdate has it. `step`: how many are finished. `largest`: no element of a gradient or of the gradients' mean is."""
    limits = torch.finfo(dtype)
    # Less than half the distance between the largest numbers: adding it to the largest rounds back to that.
    distance = limits.max * limits.eps / 8
    correction = 1 - options.beta1 ** (step + 1)
    epsilon = float(torch.tensor(options.epsilon, dtype=torch.float32))
    numbers = (scale, rate, rate / correction)
    return (
        all(math.isfinite(number) and abs(number) < 3e38 for number in numbers)
        and 0 <= rate * options.weight_decay <= 2 and largest < math.sqrt(limits.max) / 32
        and epsilon > 0 and rate / correction * largest / epsilon < distance)


class Snapshot:
    """What a step of optimizers changes, kept to be put back."""

    def __init__(self, parameters: Iterable[torch.Tensor], optimizers: Iterable[torch.optim.Optimizer]) -> None:
        self.parameters, self.optimizers = list(parameters), list(optimizers)
        self.values = [parameter.detach().clone() for parameter in self.parameters]
        self.states = [
            {parameter: {key: value.clone() for key, value in state.items()} for parameter, state in optimizer.state.items()}
            for optimizer in self.optimizers]

    def is_finite_now(self) -> bool:
        """Whether what the step has left is."""
        moments = [value for optimizer in self.optimizers for state in optimizer.state.values() for value in state.values()]
        return all(bool(torch.isfinite(_own(value)).all()) for value in [*self.parameters, *moments])

    @torch.no_grad()
    def restore(self) -> None:
        for parameter, value in zip(self.parameters, self.values, strict=True):
            parameter.copy_(value)
        for optimizer, states in zip(self.optimizers, self.states, strict=True):
            optimizer.state.clear()
            optimizer.state.update(states)


def _own(value: torch.Tensor) -> torch.Tensor:
    """This rank's part of a tensor that is divided among ranks."""
    value = value.detach()
    return value.to_local() if hasattr(value, "to_local") else value
