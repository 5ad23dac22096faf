"""What all engines do alike: the count of what is accumulated, the checks of a step, what a checkpoint says of itself."""

import math

import torch

from .checkpoints import CheckpointStore
from .errors import check
from .options import OptimizerOptions
from .schedule import schedule_factor
from .steps import stays_finite


class Engine:
    """`options`: options.Options."""

    # Whether a step may have other options of the optimizer than those at first.
    optimizer_per_step = False

    def __init__(self, options):
        self.name = options.name
        self.companions = options.companions
        self.default_loss = options.loss
        self.optimizer_options = options.optimizer
        self.store = CheckpointStore(options.checkpoint_directory, options.kept_checkpoints)
        self.step = 0
        # No element of the gradients' mean is larger; None where it came from elsewhere.
        self.reached = 0.0
        # In which numbers parameters are kept.
        self.dtype = torch.float32
        self.forget()

    # What an engine adds

    def gradient_norm(self):
        """The norm of the accumulated sums."""
        raise NotImplementedError

    def apply(self, options, rate, scale, is_safe):
        """Steps by the sums times `scale` at the learning rate `rate`, which it returns; or None, and everything as it was, if a
        parameter or a moment would be NaN or infinite. Need not look where it `is_safe`. `options`: those of the optimizer,
        which are others than at first only if `optimizer_per_step`."""
        raise NotImplementedError

    def largest_moment(self):
        """No element of the gradients' mean is larger."""
        raise NotImplementedError

    def drop_gradients(self):
        """Drops the sums."""
        raise NotImplementedError

    def fill(self, folder, weights_only):
        """Writes a checkpoint's files."""
        raise NotImplementedError

    def config(self):
        """An options.Config."""
        raise NotImplementedError

    # What all have

    def optim_step(self, options=None):
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
        check(
            rate is not None, "nonFinite",
            f"step {self.step + 1} at the learning rate {wanted} would leave weights that are NaN or infinite, so it was not taken",
            "a smaller learning rate, weight decay or gradient")
        microbatches = self.microbatches
        self.reached = reached
        self.step += 1
        self.clear_gradients()
        return self.step, rate, microbatches, norm

    def clear_gradients(self):
        self.drop_gradients()
        self.forget()

    def accumulate(self, denominator):
        self.microbatches += 1
        self.denominator += denominator

    def forget(self):
        self.microbatches, self.denominator = 0, 0.0

    def save(self, name, path, weights_only):
        state = dict(
            modelSignature=self.checkpoint_signature(weights_only), step=self.step, optimizer=self.optimizer_options.encoded(),
            accumulatedMicrobatches=self.microbatches, accumulatedDenominator=self.denominator)

        def fill(folder):
            for name, content in self.companions.items():
                (folder / name).write_bytes(content)
            self.fill(folder, weights_only)

        return self.store.save(name, path, weights_only, state, fill)

    def checkpoint_signature(self, weights_only):
        return self.signature

    def take_optimizer(self, manifest, full):
        """Takes over the options of a full checkpoint that says them."""
        if full and manifest.get("optimizer"):
            self.optimizer_options = OptimizerOptions.of_checkpoint(manifest["optimizer"])

    def resume(self, manifest, full):
        """Takes over what a checkpoint says, once its tensors are in place."""
        self.step = manifest["step"] if full else 0
        self.reached = None if full else 0.0
        self.forget()
        if full:
            self.microbatches = manifest["accumulatedMicrobatches"]
            self.denominator = manifest["accumulatedDenominator"]

    def status(self):
        return self.step, self.microbatches


def plain_values(configuration):
    """What of a configuration can be told in a word."""
    return {name: value for name, value in configuration.to_dict().items() if isinstance(value, (bool, int, float, str))}
