"""Any causal model of transformers, trained in this process."""

from __future__ import annotations

import contextlib
import math
import pathlib
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from types import ModuleType

import torch
from safetensors.torch import save_file
from torch.utils.checkpoint import checkpoint
from transformers import PreTrainedTokenizerFast

from . import between_layers, memory, positions
from .batch import Batch, segment_runs
from .checkpoints import signature
from .engine import Engine, plain_values
from .errors import Cancelled, IsCancelled, TrainerError, check
from .hub_names import to_hub
from .loading import load_model, read_tensors, read_weights, require_computable, require_same_model
from .loss import OUTPUTS, Result, evaluate_batch, gradients_of, outputs_read
from .options import Config, HuggingFaceOptions, OptimizerOptions, Parallelism
from .output_head import OutputHead, layers
from .packing import Packing
from .program import Program
from .sampling import Completion, SamplingOptions, complete, without_dropout
from .steps import Snapshot

CHUNK = 512
MOMENTS = ("exp_avg", "exp_avg_sq")


class HuggingFaceEngine(Engine):
    optimizer_per_step = True

    def __init__(self, options: HuggingFaceOptions) -> None:
        self.sums: dict[str, torch.Tensor] = {}
        super().__init__(options)
        if options.threads:
            torch.set_num_threads(options.threads)
        self.device = options.device or ("cuda" if torch.cuda.is_available() else "cpu")
        # Not in training: microbatches come to what one batch does, and a repeated run to the same, so that nothing is dropped but by
        # adapters that were asked to.
        self.model = load_model(options).to(self.device).eval()
        require_computable(self.model)
        self.weights = self.parameters = dict(self.model.named_parameters())
        # What belongs to the model and is not learned, such as the biases of DeepSeek's router.
        persistent = self.model.state_dict()
        self.kept = {name: buffer for name, buffer in self.model.named_buffers() if name in persistent}
        shapes = {name: torch.empty(p.shape, device="meta") for name, p in self.weights.items()}
        self.weights_signature = self.signature = _signature(to_hub(self.model, shapes))
        self.dtype = self.model.dtype
        self.adapters: ModuleType | None = None
        if options.lora:
            from . import adapters

            self.adapters = adapters
            adapters.add(self.model, options.lora)
            self.weights, self.parameters = adapters.weights(self.model), adapters.adapters(self.model)
            self.signature = f"adapters of {_signature(self.parameters)}, on {self.weights_signature}"
        self.head, self.packing = OutputHead(self.model), Packing(self.model)
        self.vocabulary, self.most_positions = self.head.weight.shape[0], positions.learned(self.model)
        self._begin()

    # The protocol

    def forward_backward(self, batch: Batch, program: Program | None, is_cancelled: IsCancelled) -> Result:
        batch.check_learnable()
        batch = batch.to(self.device)
        program = program or self.default_loss
        hidden = self.model.config.get_text_config().hidden_size
        read = outputs_read(program, batch, self.vocabulary, hidden)
        if self.adapters:
            # What their dropout draws goes by the step, and so goes on as it would have.
            torch.manual_seed(self.step << 20 | self.microbatches)
        with self._failing_as_nothing(), between_layers.ending(self.model, is_cancelled):
            outputs = self._outputs(batch, read, is_cancelled)
            total, denominator, metrics = evaluate_batch(program, batch, outputs, self.vocabulary, hidden, is_cancelled)
            # A weight that the loss does not read has a gradient of 0: its moments and its decay go on.
            gradients = gradients_of(total, list(self.parameters.values()))
            if is_cancelled():
                raise Cancelled
        for name, gradient in zip(self.parameters, gradients, strict=True):
            self.sums[name] = gradient if name not in self.sums else self.sums[name].add_(gradient)
        result = Result.of(total, denominator, metrics)
        self.accumulate(result.denominator)
        return result

    def gradient_norm(self) -> float:
        # The exact sum of these: gradients that were loaded come in another order.
        # They are fetched together: a device waits for each that is asked for alone.
        squares = [g.double().square().sum() for g in self.sums.values()]
        return math.sqrt(math.fsum(torch.stack(squares).tolist())) if squares else 0.0

    @torch.no_grad()
    def apply(self, options: OptimizerOptions, rate: float, scale: float, is_safe: bool) -> float | None:
        snapshot = None if is_safe else Snapshot(self.parameters.values(), [self.optimizer])
        for group in self.optimizer.param_groups:
            group.update(
                lr=rate, betas=(options.beta1, options.beta2), eps=options.epsilon,
                weight_decay=options.weight_decay if group["decays"] else 0.0)
        for name, parameter in self.parameters.items():
            sums = self.sums.get(name)
            parameter.grad = sums if sums is None else sums.mul_(scale) if is_safe else sums * scale
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        if snapshot is None or snapshot.is_finite_now():
            return rate
        snapshot.restore()
        return None

    def largest_moment(self) -> float:
        means = [state["exp_avg"] for state in self.optimizer.state.values()]
        return math.sqrt(sum(mean.double().square().sum().item() for mean in means))

    def drop_gradients(self) -> None:
        self.sums = {}

    @torch.no_grad()
    def forward(self, batch: Batch, outputs: Sequence[str], is_cancelled: IsCancelled) -> dict[str, torch.Tensor]:
        batch.check_answerable(outputs)
        with without_dropout(self.model), between_layers.ending(self.model, is_cancelled):
            computed = self._outputs(batch.to(self.device), set(outputs), is_cancelled)
        # A copy of the output head: weights go on while an answer is read.
        return {name: computed[name].detach().to("cpu", torch.float32, copy=name == "outputHead") for name in outputs}

    def generate(
        self, prompts: list[list[int]], streams: list[int], options: SamplingOptions, is_cancelled: IsCancelled,
    ) -> tuple[list[Completion], int]:
        """Completions by the weights as they are, and the step that they are of."""
        positions.require(max(map(len, prompts), default=0) + options.max_tokens - 1, self.most_positions)
        tokenizer = self._tokenizer() if options.stop_strings else None
        if not self.packing.is_possible:
            # What cannot be told where a sequence ends may not be told where it begins, behind what fills its row.
            options.concurrency = 1
        return complete(self.model, tokenizer, prompts, streams, options, is_cancelled), self.step

    def checkpoint_signature(self, weights_only: bool) -> str:
        return self.weights_signature if weights_only else self.signature

    def load(self, path: str | None) -> tuple[str, int, bool]:
        """Reads everything before anything changes."""
        place, manifest, full = self.store.open(path, self.signature, self.weights_signature)
        files = manifest["fileSizes"] if full else {}
        require_same_model(place, self.model)
        weights = read_weights(place, self.model, self.kept | self.weights)
        trained = read_tensors(place, "adapters.safetensors", self.parameters) if self.adapters and full else {}
        # Adapters have one name everywhere.
        model = self.model if self.adapters is None else None
        moments: dict[str, dict[str, torch.Tensor]] = {}
        sums: dict[str, torch.Tensor] = {}
        if "optimizer.safetensors" in files:
            for kind in MOMENTS:
                moments[kind] = read_tensors(place, "optimizer.safetensors", self.parameters, kind + ".", model)
        if "gradients.safetensors" in files:
            sums = read_tensors(place, "gradients.safetensors", self.parameters, model=model)
        with torch.no_grad():
            for name, tensor in (self.kept | self.weights).items():
                tensor.copy_(weights[name])
            for name, value in trained.items():
                self.parameters[name].copy_(value)
        if self.adapters and not full:
            self.adapters.reset(self.model)
        self.take_optimizer(manifest, full)
        self._begin()
        self.resume(manifest, full)
        self.sums = {name: sums[name].to(self.device) for name in self.parameters if sums}
        if moments:
            self._restore_moments(moments)
        return str(place), self.step, not full

    def config(self) -> Config:
        configuration = plain_values(self.model.config) | dict(vocab_size=self.vocabulary)
        return Config(
            model_name=self.name, model_configuration=configuration, parallelism=Parallelism(device=self.device),
            outputs=OUTPUTS, generates=True, dtype=str(self.dtype).removeprefix("torch."), adapters=self.adapters is not None)

    # The model

    def _tokenizer(self) -> PreTrainedTokenizerFast:
        """That of the files beside the weights; only the text of tokens is asked of it."""
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder) / "tokenizer.json"
            check("tokenizer.json" in self.companions, "unsupported", "the model has no tokenizer.json, which stop strings need")
            file.write_bytes(self.companions["tokenizer.json"])
            return PreTrainedTokenizerFast(tokenizer_file=str(file))

    def _outputs(self, batch: Batch, read: Collection[str], is_cancelled: IsCancelled) -> dict[str, torch.Tensor]:
        if is_cancelled():
            raise Cancelled
        self._require_memory(batch, read)
        runs, places = segment_runs(batch.segment_ids.cpu() if batch.segment_ids is not None else None, batch.shape)
        positions.require(int(places.max()) + 1, self.most_positions)
        told = self.packing.arguments(places) if runs.max() > runs.min() else {}
        hidden = layers(self.model)(input_ids=batch.input_ids.long(), use_cache=False, **told).last_hidden_state
        outputs = {}
        if "hiddenStates" in read:
            outputs["hiddenStates"] = hidden
        if "outputHead" in read:
            outputs["outputHead"] = self.head.weight
        if "logits" in read:
            outputs["logits"] = self.head(hidden)
        wanted = [name for name in ("logProbs", "entropy") if name in read]
        if wanted:
            outputs |= self._per_token(batch, hidden, wanted, is_cancelled)
        return outputs

    def _require_memory(self, batch: Batch, read: Collection[str]) -> None:
        """Refuses what cannot be: less than the least that a pass takes is not there."""
        rows, columns = batch.shape
        configuration, size = self.model.config.get_text_config(), self.model.dtype.itemsize
        kept = configuration.num_hidden_layers * 4 if torch.is_grad_enabled() else 4
        needed = rows * columns * configuration.hidden_size * size * kept
        if "logits" in read:
            needed += rows * columns * self.vocabulary * 4
        if batch.segment_ids is not None:
            needed += rows * columns * columns * (1 + size)
        memory.require(needed, f"a batch of {rows} × {columns} tokens", self.device)

    def _per_token(
        self, batch: Batch, hidden: torch.Tensor, wanted: list[str], is_cancelled: IsCancelled,
    ) -> dict[str, torch.Tensor]:
        """Log-probabilities and entropies of the positions that count, a chunk at a time: no logits are kept."""
        places = (batch.target_mask.flatten() != 0).nonzero()[:, 0]
        rows = hidden.flatten(0, 1)[places]
        targets = batch.target_ids.flatten()[places].long() if batch.target_ids is not None else torch.zeros_like(places)

        def chunk(rows: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, ...]:
            logits = self.head(rows).log_softmax(-1)
            values = dict(logProbs=logits.gather(-1, targets[:, None])[:, 0])
            if "entropy" in wanted:
                values["entropy"] = -(logits.exp() * logits).sum(-1)
            return tuple(values[name] for name in wanted)

        parts = []
        for rows_part, targets_part in zip(rows.split(CHUNK), targets.split(CHUNK), strict=True):
            if is_cancelled():
                raise Cancelled
            parts.append(
                checkpoint(chunk, rows_part, targets_part, use_reentrant=False) if torch.is_grad_enabled()
                else chunk(rows_part, targets_part))
        flat = [torch.cat(values) for values in zip(*parts, strict=True)] if parts else [hidden.new_zeros(0) for _ in wanted]
        empty = torch.zeros(batch.shape[0] * batch.shape[1], dtype=torch.float32, device=self.device)
        return {name: empty.index_put((places,), values).reshape(batch.shape) for name, values in zip(wanted, flat, strict=True)}

    # State

    def _begin(self) -> None:
        decays = [p for p in self.parameters.values() if p.dim() > 1]
        others = [p for p in self.parameters.values() if p.dim() <= 1]
        groups = [dict(params=decays, decays=True), dict(params=others, decays=False)]
        # Each step brings its options.
        self.optimizer = torch.optim.AdamW([group for group in groups if group["params"]], fused=True)

    def _restore_moments(self, moments: dict[str, dict[str, torch.Tensor]]) -> None:
        for name, parameter in self.parameters.items():
            restored = {kind: moments[kind][name].to(self.device) for kind in MOMENTS}
            self.optimizer.state[parameter] = dict(step=torch.tensor(float(self.step), device=parameter.device), **restored)

    def _named_as_files(self, tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """What belongs to parameters, by the names that files have."""
        if self.adapters is None:
            return to_hub(self.model, tensors)
        return {name: tensor.contiguous() for name, tensor in tensors.items()}

    def fill(self, folder: pathlib.Path, weights_only: bool) -> None:
        whole = self.weights
        if self.adapters and weights_only:
            whole = self.adapters.merged(self.model)
        self.model.save_pretrained(folder, state_dict={name: value.detach() for name, value in (self.kept | whole).items()})
        if weights_only:
            return
        if self.adapters:
            save_file({name: value.detach().contiguous() for name, value in self.parameters.items()}, folder / "adapters.safetensors")
        state = self.optimizer.state
        if state:
            moments = {
                f"{kind}.{name}": tensor for kind in MOMENTS for name, tensor in self._named_as_files(
                    {name: state[parameter][kind] for name, parameter in self.parameters.items() if parameter in state}).items()}
            save_file(moments, folder / "optimizer.safetensors")
        if self.microbatches:
            save_file(self._named_as_files(self.sums), folder / "gradients.safetensors")

    @contextlib.contextmanager
    def _failing_as_nothing(self) -> Iterator[None]:
        try:
            yield
        except torch.OutOfMemoryError as error:
            torch.cuda.empty_cache()
            raise TrainerError("tooLarge", "the batch does not fit the device's memory", "smaller microbatches") from error


def _signature(parameters: Mapping[str, torch.Tensor]) -> str:
    return signature({name: list(p.shape) for name, p in parameters.items()})
