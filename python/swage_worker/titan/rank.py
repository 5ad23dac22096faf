"""One rank of the mesh: a Monarch actor that holds TorchTitan's trainer."""

import functools
import math
import os
import pathlib
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from . import log, seams  # before anything of Monarch and of TorchTitan

# isort: split
import torch
import torch.distributed.checkpoint as dcp
from monarch.actor import Actor, endpoint
from safetensors import SafetensorError
from torch.distributed.checkpoint import CheckpointException, HuggingFaceStorageReader, HuggingFaceStorageWriter
from torch.distributed.tensor import DTensor
from torchtitan.components.checkpointer import CheckpointManager
from torchtitan.components.optimizer import LRSchedulersContainer, OptimizersContainer, ParamGroupConfig
from torchtitan.config.configs import ParallelismConfig, TrainingConfig
from torchtitan.trainer import Trainer

from ..batch import Batch
from ..errors import Cancelled, TrainerError, sentence
from ..loss import Result
from ..options import OptimizerOptions, Schedule, TitanOptions
from ..program import Program
from ..schedule import schedule_factor
from ..steps import Snapshot
from .loss import PER_TOKEN, OutputWork, ProgramLoss
from .model import attention_window, model_spec, read_configuration
from .pipeline import Pipeline
from .share import Share

# Norms and biases do not decay.
NOT_DECAYED = r"norm|bias"


@dataclass(kw_only=True, slots=True)
class ScheduleConfig(LRSchedulersContainer.Config):
    """The schedule that every engine of Swage follows, in TorchTitan's container."""

    schedule: Schedule

    def build(self, *, optimizers: OptimizersContainer, training_steps: int) -> LRSchedulersContainer:
        return LRSchedulersContainer(optimizers, functools.partial(schedule_factor, self.schedule))


class SharedBatchTrainer(Trainer):
    """TorchTitan's trainer on batches that are divided already."""

    def post_dataloading_process(self, input_dict: dict[str, Any], labels: Any) -> tuple[Any, Any, dict[str, Any]]:
        return input_dict.pop("input"), labels, input_dict


class TitanRank(Actor):
    def __init__(self, options: TitanOptions) -> None:
        self.options = options
        if options.threads:
            torch.set_num_threads(options.threads)

    @endpoint
    def open(self) -> tuple[dict[str, list[int]], str]:
        """Builds the model, reads its weights, and returns their shapes by Hugging Face's names, and the device."""
        log.remove()
        options, degrees = self.options, self.options.parallelism
        configuration = read_configuration(options.model)
        # TorchTitan asks for as many columns at most as its ranks can divide.
        columns = degrees.tensor * (2 * degrees.context if degrees.context > 1 else 1)
        self.limit = min(configuration.max_position_embeddings, options.sequence_length) // columns * columns
        self.vocabulary, self.window = configuration.vocab_size, attention_window(configuration)
        config = SharedBatchTrainer.Config(
            model_spec=model_spec(configuration, options.attention), hf_assets_path=options.model,
            dump_folder=tempfile.gettempdir(), tokenizer=seams.NoTokenizer.Config(), dataloader=seams.NoData.Config(),
            loss=ProgramLoss.Config(), checkpoint=CheckpointManager.Config(enable=False), activation_checkpoint=None,
            optimizer=self._optimizer_config(options.optimizer),
            lr_scheduler=ScheduleConfig(schedule=options.optimizer.schedule),
            training=TrainingConfig(
                local_batch_size=1, seq_len=self.limit, disable_cuda_graphs=True, dtype="float32",
                mixed_precision_param=options.dtype),
            parallelism=ParallelismConfig(
                data_parallel_replicate_degree=degrees.replicate, data_parallel_shard_degree=degrees.shard,
                tensor_parallel_degree=degrees.tensor, context_parallel_degree=degrees.context,
                pipeline_parallel_degree=degrees.pipeline, pipeline_parallel_schedule="GPipe"))
        self.trainer = SharedBatchTrainer(config)
        self.parts = self.trainer.model_parts
        seams.sum_gradients(self.parts)
        for part in self.parts:
            seams.stop_at_hidden_state(part)
        self.pipeline: Pipeline | None = None
        if degrees.pipeline > 1:
            dtype = getattr(torch, options.dtype)
            self.pipeline = Pipeline(self.trainer.pp_schedule, configuration.hidden_size, dtype)
        self.adapter = config.model_spec.state_dict_adapter(config.model_spec.model, None)
        self.parameters = {name: p for part in self.parts for name, p in part.named_parameters()}
        self.sums: dict[str, torch.Tensor] = {}
        # What `stage` has read, until `take`.
        self.read: dict[str, dict[str, torch.Tensor]] = {}
        weights = self._read_files(options.model, "model*.safetensors", self._parameters_by_name())
        self._set(self.parameters, weights)
        self._begin(options.optimizer, 0)
        return {name: list(p.shape) for name, p in self._parameters_by_name().items()}, str(self.trainer.device.type)

    @endpoint
    def forward_backward(
        self, batch: Batch, program: Program, reads: list[str], cancelled: str, copies: int,
    ) -> Result | TrainerError | Cancelled | None:
        """The result of the loss, or the TrainerError; on ranks without the last part, None.
        Its gradients are kept apart until `keep` or `drop`. `cancelled`: a file that is there once the call is cancelled.
        `copies`: how many ranks of this machine do the same."""
        if batch.shape[1] > self.limit:
            return self._too_long(batch)
        batch, share = self._divide(batch, everywhere=not set(reads) <= {"logProbs", "entropy"})
        work = self._work(batch, share)
        work.program = dict(loss=program, reads=reads, is_cancelled=lambda: os.path.exists(cancelled), copies=copies)
        self.trainer.loss_fn.work = work
        inputs: Any = self._inputs(share)
        labels: Any = share.input_ids
        if self.pipeline is not None:
            inputs, labels = [inputs], [labels]
        self.trainer.forward_backward_step(input_dict=inputs, labels=labels, global_valid_tokens=torch.tensor(1.0))
        return work.failure or work.value

    @endpoint
    def keep(self) -> None:
        """Adds the gradients of the last pass to those accumulated. That of a weight that the loss does not read is 0."""
        for name, parameter in self.parameters.items():
            gradient = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
            self.sums[name] = gradient if name not in self.sums else self.sums[name].add_(gradient)
            parameter.grad = None

    @endpoint
    def drop(self) -> None:
        """Forgets the gradients of the last pass."""
        self._forget_pass()

    @endpoint
    def clear(self) -> None:
        self.sums = {}

    @endpoint
    def norm(self) -> float:
        """The norm of the sums of gradients, over all ranks."""
        # On the CPU torch adds the squares of a tensor up in float32, one after another: the norm of 28 million
        # elements comes out 0.15 % short. That of each row is good.
        rows = [torch.linalg.vector_norm(gradient, dim=-1).double() for gradient in self.sums.values()]
        total = torch.nn.utils.get_total_norm(rows, foreach=True)
        total = total.full_tensor() if isinstance(total, DTensor) else total
        pipeline = self.trainer.parallel_dims.get_optional_mesh("pp")
        if pipeline is not None:
            total = total.square()
            torch.distributed.all_reduce(total, group=pipeline.get_group())
            total = total.sqrt()
        return total.item()

    @endpoint
    def step(self, scale: float, is_safe: bool) -> tuple[float, bool]:
        """One step with the sums times `scale`; returns the learning rate that was used, and whether what came out is finite.
        If it is not `is_safe`, `finish` or `undo` must follow."""
        self.snapshot: Snapshot | None = None if is_safe else Snapshot(self.parameters.values(), self.trainer.optimizers)
        for name, parameter in self.parameters.items():
            sums = self.sums.get(name)
            parameter.grad = sums if sums is None else sums.mul_(scale) if is_safe else sums * scale
        rate = next(iter(self.trainer.lr_schedulers.get_metrics().values()))
        self.trainer.optimizers.step()
        self.trainer.optimizers.zero_grad(set_to_none=True)
        if is_safe:
            self._finish()
        return rate, self.snapshot is None or self.snapshot.is_finite_now()

    @endpoint
    def finish(self) -> None:
        self._finish()

    def _finish(self) -> None:
        self.sums, self.snapshot = {}, None
        self.trainer.lr_schedulers.step()

    @endpoint
    def undo(self) -> None:
        """Puts back what the last step has changed."""
        assert self.snapshot is not None, "only a step that is not safe can be undone"
        self.snapshot.restore()
        self.snapshot = None

    @endpoint
    def largest_moment(self) -> float:
        """The norm of the gradients' mean, as far as it is this rank's."""
        means = [state["exp_avg"] for _, state in self._states() if "exp_avg" in state]
        means = [mean.to_local() if isinstance(mean, DTensor) else mean for mean in means]
        return math.sqrt(sum(mean.double().square().sum().item() for mean in means))

    @endpoint
    def forward(self, batch: Batch, names: list[str]) -> dict[str, torch.Tensor] | TrainerError | None:
        if batch.shape[1] > self.limit:
            return self._too_long(batch)
        batch, share = self._divide(batch, everywhere=not set(names) <= {"logProbs", "entropy"})
        work, inputs = self._work(batch, share), self._inputs(share)
        with torch.no_grad(), self.trainer.train_context():
            tokens = inputs.pop("input")
            hidden = self.pipeline.forward(tokens, inputs) if self.pipeline is not None else self.parts[0](tokens, **inputs)
            outputs = work.outputs(hidden, names) if hidden is not None else {}
            # Where logits are wanted, all positions have been computed.
            for name in outputs.keys() & set(PER_TOKEN):
                outputs[name] = torch.where(batch.target_mask != 0, outputs[name], 0)
        seams.reshard(self.parts)
        # One rank of those that have the same answers it for all.
        dims = self.trainer.parallel_dims
        speaks = all(dims.get_mesh(name).get_local_rank() == 0 for name in ("loss", "tp") if dims.get_optional_mesh(name))
        if hidden is not None and speaks:
            return {name: value.detach().float().cpu() for name, value in outputs.items()}
        return None

    @endpoint
    def write(self, folder: str, kind: str) -> TrainerError | None:
        """Every rank writes its part of some tensors, and the parts become a file in Hugging Face's layout. Returns the
        TrainerError, the same on all ranks, if that fails."""
        tensors = self._tensors(kind)
        if not tensors:
            return None
        try:
            self._write_file(folder, kind, tensors)
        except (Exception, CheckpointException) as error:
            return _failed_write(folder, error)
        return None

    def _tensors(self, kind: str) -> dict[str, torch.Tensor]:
        """By Hugging Face's names: those of the file `kind`.safetensors."""
        if kind == "model":
            return self.adapter.to_hf(self.parameters)
        if kind == "gradients":
            return self.adapter.to_hf(self.sums)
        moments: dict[str, torch.Tensor] = {}
        for moment in ("exp_avg", "exp_avg_sq"):
            found = {name: state[moment] for name, state in self._states() if moment in state}
            moments |= {f"{moment}.{name}": value for name, value in self.adapter.to_hf(found).items()}
        return moments

    @endpoint
    def stage(self, folder: str, files: set[str]) -> None:
        """Reads a checkpoint beside what is there; `take` puts it in place."""
        def like(tensors: dict[str, torch.Tensor], prefix: str = "") -> dict[str, torch.Tensor]:
            return {prefix + name: torch.empty_like(p) for name, p in tensors.items()}

        named = self._parameters_by_name()
        self.read = dict(model=self._read_files(folder, "model*.safetensors", like(named)))
        if "optimizer.safetensors" in files:
            self.read["optimizer"] = self._read_files(
                folder, "optimizer.safetensors", like(named, "exp_avg.") | like(named, "exp_avg_sq."))
        if "gradients.safetensors" in files:
            self.read["gradients"] = self._read_files(folder, "gradients.safetensors", like(named))

    @endpoint
    def take(self, optimizer: OptimizerOptions, step: int) -> None:
        read, self.read = self.read, {}
        self._set(self.parameters, read["model"])
        self._begin(optimizer, step)
        if "optimizer" in read:
            self._restore_moments(read["optimizer"], step)
        if "gradients" in read:
            self.sums = self.adapter.from_hf(read["gradients"])
            self.sums = {name: value for name, value in self.sums.items() if name in self.parameters}

    # A pass

    def _divide(self, batch: Batch, everywhere: bool) -> tuple[Batch, Share]:
        dims = self.trainer.parallel_dims

        def place(name: str) -> tuple[int, int]:
            mesh = dims.get_optional_mesh(name)
            return (mesh.get_local_rank(), mesh.size()) if mesh is not None else (0, 1)

        # Divided before it is moved: that is done in small steps, each of which would wait for the device.
        share = Share(batch, everywhere, place("batch"), place("cp"), dims.tp * dims.cp, self.window)
        return batch.to(self.trainer.device), share.to(self.trainer.device)

    def _work(self, batch: Batch, share: Share) -> OutputWork:
        dims = self.trainer.parallel_dims
        tensor = dims.get_optional_mesh("tp")
        return OutputWork(
            self.parts[-1], batch, share, self.vocabulary, dims.get_optional_mesh("loss"), tensor.get_group() if tensor else None)

    def _inputs(self, share: Share) -> dict[str, Any]:
        if self.pipeline is not None:
            self.pipeline.expect(share.input_ids, share.input_ids.shape[1] // self.trainer.parallel_dims.tp)
        inputs = dict(input=share.input_ids, positions=share.positions)
        if self.options.attention in ("flex", "varlen"):
            inputs["attention_masks"] = self.parts[0].get_attention_masks(positions=share.positions)
        else:
            inputs["attention_masks"] = share.mask
        return inputs

    def _forget_pass(self) -> None:
        for parameter in self.parameters.values():
            parameter.grad = None

    def _too_long(self, batch: Batch) -> TrainerError:
        return TrainerError(
            "tooLarge", f"inputIDs has shape {batch.shape}", f"at most {self.limit} columns, the model's and --max-sequence-length")

    # State

    def _optimizer_config(self, options: OptimizerOptions) -> OptimizersContainer.Config:
        def group(pattern: str, decay: float) -> ParamGroupConfig:
            return ParamGroupConfig(pattern=pattern, optimizer_name="AdamW", optimizer_kwargs=dict(
                lr=options.learning_rate, betas=(options.beta1, options.beta2), eps=options.epsilon, weight_decay=decay))

        return OptimizersContainer.Config(param_groups=[group(NOT_DECAYED, 0.0), group(".*", options.weight_decay)])

    def _begin(self, options: OptimizerOptions, step: int) -> None:
        trainer = self.trainer
        seams.reshard(self.parts)
        trainer.optimizers = self._optimizer_config(options).build(model_parts=self.parts)
        trainer.lr_schedulers = ScheduleConfig(schedule=options.schedule).build(
            optimizers=trainer.optimizers, training_steps=0)
        trainer.lr_schedulers.load_state_dict(dict(last_epoch=step))
        for optimizer, scheduler in zip(trainer.optimizers, trainer.lr_schedulers, strict=True):
            for group, rate in zip(optimizer.param_groups, scheduler.get_last_lr(), strict=True):
                group["lr"] = rate
        self.sums = {}
        self._forget_pass()

    def _states(self) -> Iterator[tuple[str, dict[str, torch.Tensor]]]:
        names = {parameter: name for name, parameter in self.parameters.items()}
        for optimizer in self.trainer.optimizers:
            for parameter, state in optimizer.state.items():
                yield names[parameter], state

    def _restore_moments(self, moments: dict[str, torch.Tensor], step: int) -> None:
        found = {kind: self.adapter.from_hf({
            name.removeprefix(kind + "."): value for name, value in moments.items() if name.startswith(kind + ".")})
            for kind in ("exp_avg", "exp_avg_sq")}
        names = {parameter: name for name, parameter in self.parameters.items()}
        for optimizer in self.trainer.optimizers:
            for group in optimizer.param_groups:
                for parameter in group["params"]:
                    name = names[parameter]
                    optimizer.state[parameter] = dict(
                        step=torch.tensor(float(step), device=parameter.device), exp_avg=found["exp_avg"][name],
                        exp_avg_sq=found["exp_avg_sq"][name])

    def _parameters_by_name(self) -> dict[str, torch.Tensor]:
        """By Hugging Face's names."""
        return self.adapter.to_hf({name: p.detach() for name, p in self.parameters.items()})

    @torch.no_grad()
    def _set(self, parameters: dict[str, torch.Tensor], named: dict[str, torch.Tensor]) -> None:
        for name, value in self.adapter.from_hf(named).items():
            if name in parameters and parameters[name] is not value:
                parameters[name].copy_(value)

    def _write_file(self, folder: str, name: str, tensors: dict[str, torch.Tensor]) -> None:
        pieces = pathlib.Path(folder) / f"{name}-pieces"
        dcp.save(tensors, storage_writer=HuggingFaceStorageWriter(
            path=str(pieces), save_distributed=True, enable_consolidation=True), no_dist=False)
        if torch.distributed.get_rank() == 0:
            whole, = pieces.glob("*.safetensors")
            os.replace(whole, pathlib.Path(folder) / f"{name}.safetensors")
            shutil.rmtree(pieces)

    def _read_files(self, folder: str, pattern: str, tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Reads this rank's parts of `tensors` in place, from the files of that pattern alone."""
        with tempfile.TemporaryDirectory() as alone:
            for file in pathlib.Path(folder).glob(pattern):
                os.symlink(file.resolve(), pathlib.Path(alone) / file.name)
            dcp.load(tensors, storage_reader=HuggingFaceStorageReader(path=alone))
        return tensors


def _failed_write(folder: str, error: BaseException) -> TrainerError:
    """What a write has failed of: the disk, if that is what all ranks say that failed; a fault of ours otherwise."""
    # torch keeps the cause of each rank.
    causes = [cause for cause, _ in getattr(error, "failures", {}).values()] or [error]
    odd = next((cause for cause in causes if not isinstance(cause, (OSError, SafetensorError))), None)
    if odd is None:
        return TrainerError("inputOutput", f"{folder} cannot be written: {sentence(str(causes[0]))}")
    words = f"{type(odd).__name__}: {sentence(str(odd))}"
    return TrainerError("engineFailed", f"writing {folder} failed: {words}", "a new trainer, and its last checkpoint")
