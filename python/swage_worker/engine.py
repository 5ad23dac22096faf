"""What all engines do alike: the count of what is accumulated, the checks of a step, what a checkpoint says of itself."""

from __future__ import annotations

import math
import pathlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import torch

from .checkpoints import CheckpointStore
from .errors import IsCancelled, TrainerError, check
from .manifest import Manifest
from .options import Config, OptimizerOptions, Options
from .schedule import schedule_factor
from .steps import stays_finite

if TYPE_CHECKING:
    from .batch import Batch
    from .loss import Result
    from .program import Program
    from .sampling import Completion, SamplingOptions


class Engine:
    """What the service does its work with."""

    # Whether a step may have other options of the optimizer than those at first.
    optimizer_per_step = False
    # How many tokens the model knows, and which model it is: each engine says so once it has read it.
    vocabulary: int
    signature: str

    def __init__(self, options: Options) -> None:
        self.name = options.name
        self.companions = options.companions
        self.default_loss = options.loss
        self.optimizer_options = options.optimizer
        self.store = CheckpointStore(options.checkpoint_directory, options.kept_checkpoints)
        self.step = 0
        # No element of the gradients' mean is larger; None where it came from elsewhere.
        self.reached: float | None = 0.0
        # In which numbers parameters are kept.
        self.dtype: torch.dtype = torch.float32
        self.forget()

    # What an engine adds

    def forward_backward(self, batch: Batch, program: Program | None, is_cancelled: IsCancelled) -> Result:
        """Adds the gradients of the program's sum to those accumulated; None: the loss of the options."""
        raise NotImplementedError

    def forward(self, batch: Batch, outputs: Sequence[str], is_cancelled: IsCancelled) -> dict[str, torch.Tensor]:
        """Those outputs of the model, in float32 on the CPU."""
        raise NotImplementedError

    def load(self, path: str | None) -> tuple[str, int, bool]:
        """Takes over a checkpoint (None: the newest): where it is, the step that it leaves, and whether it held weights alone."""
        raise NotImplementedError

    def gradient_norm(self) -> float:
        """The norm of the accumulated sums."""
        raise NotImplementedError

    def apply(self, options: OptimizerOptions, rate: float, scale: float, is_safe: bool) -> float | None:
        """Steps by the sums times `scale` at the learning rate `rate`, which it returns; or None, and everything as it was, if a
        parameter or a moment would be NaN or infinite. Need not look where it `is_safe`. `options`: those of the optimizer,
        which are others than at first only if `optimizer_per_step`."""
        raise NotImplementedError

    def largest_moment(self) -> float:
        """No element of the gradients' mean is larger."""
        raise NotImplementedError

    def drop_gradients(self) -> None:
        """Drops the sums."""
        raise NotImplementedError

    def fill(self, folder: pathlib.Path, weights_only: bool) -> None:
        """Writes a checkpoint's files."""
        raise NotImplementedError

    def config(self) -> Config:
        raise NotImplementedError

    # What all have

    def optim_step(self, options: OptimizerOptions | None = None) -> tuple[int, float, int, float]:
        """The steps finished, the learning rate, how many microbatches were accumulated, and the norm of their gradients' mean."""
        check(
            options is None or self.optimizer_per_step, "unsupported", "this engine takes no optimizer of one step",
            "the options it was started with")
        options = options or self.optimizer_options
        check(
            self.microbatches > 0, "nothingAccumulated", f"optimStep was called at step {self.step} with no gradients accumulated",
            "forwardBackward before it")
        norm = self.gradient_norm() / self.denominator
        check(
            math.isfinite(norm), "nonFinite", f"the gradient norm at step {self.step} is {norm}, so the step was not taken",
            "a finite norm")
        limit = options.max_gradient_norm
        clip = min(1.0, limit / (norm + 1e-6)) if limit else 1.0
        reached = max(self.reached if self.reached is not None else self.largest_moment(), norm * clip)
        scale, wanted = clip / self.denominator, options.learning_rate * schedule_factor(options.schedule, self.step)
        rate = self.apply(options, wanted, scale, stays_finite(options, wanted, self.step, scale, reached, self.dtype))
        if rate is None:
            raise TrainerError(
                "nonFinite",
                f"step {self.step + 1} at the learning rate {wanted} would leave weights that are NaN or infinite, so it was not taken",
                "a smaller learning rate, weight decay or gradient")
        microbatches = self.microbatches
        self.reached = reached
        self.step += 1
        self.clear_gradients()
        return self.step, rate, microbatches, norm

    def clear_gradients(self) -> None:
        self.drop_gradients()
        self.forget()

    def accumulate(self, denominator: float) -> None:
        self.microbatches += 1
        self.denominator += denominator

    def forget(self) -> None:
        self.microbatches, self.denominator = 0, 0.0

    def save(self, name: str | None, path: str | None, weights_only: bool) -> str:
        state = dict(
            modelSignature=self.checkpoint_signature(weights_only), step=self.step, optimizer=self.optimizer_options.encoded(),
            accumulatedMicrobatches=self.microbatches, accumulatedDenominator=self.denominator)

        def fill(folder: pathlib.Path) -> None:
            for name, content in self.companions.items():
                (folder / name).write_bytes(content)
            self.fill(folder, weights_only)

        return self.store.save(name, path, weights_only, state, fill)

    def checkpoint_signature(self, weights_only: bool) -> str:
        return self.signature

    def take_optimizer(self, manifest: Manifest, full: bool) -> None:
        """Takes over the options of a full checkpoint that says them."""
        if full and manifest.get("optimizer"):
            self.optimizer_options = OptimizerOptions.of_checkpoint(manifest["optimizer"])

    def resume(self, manifest: Manifest, full: bool) -> None:
        """Takes over what a checkpoint says, once its tensors are in place."""
        self.step = manifest["step"] if full else 0
        self.reached = None if full else 0.0
        self.forget()
        if full:
            self.microbatches = manifest["accumulatedMicrobatches"]
            self.denominator = manifest["accumulatedDenominator"]

    def status(self) -> tuple[int, int]:
        """The steps finished, and the microbatches accumulated since."""
        return self.step, self.microbatches


@runtime_checkable
class Writer(Protocol):
    """An engine that can go on with texts, as well."""

    def generate(
        self, prompts: list[list[int]], streams: list[int], options: SamplingOptions, is_cancelled: IsCancelled,
    ) -> tuple[list[Completion], int]:
        """A completion for each prompt, and the step of the weights."""


def plain_values(configuration: Any) -> dict[str, bool | int | float | str]:
    """What of a configuration can be told in a word."""
    return {name: value for name, value in configuration.to_dict().items() if isinstance(value, (bool, int, float, str))}
