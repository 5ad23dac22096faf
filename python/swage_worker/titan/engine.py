"""TorchTitan on a Monarch mesh, one actor a rank. What happens in what order is decided here; the ranks do as they are told."""

import contextlib
import math
import os
import pathlib
import socket
import sys
import tempfile
import threading
import traceback
from collections.abc import Iterator, Sequence
from typing import Any, NoReturn

from . import log  # before anything of Monarch

# isort: split
import monarch.actor
import torch
from monarch.actor import attach_to_workers, enable_transport, this_host
from monarch.spmd import setup_torch_elastic_env
from safetensors import SafetensorError, safe_open

from ..batch import Batch
from ..checkpoints import signature
from ..engine import Engine, plain_values
from ..errors import Cancelled, IsCancelled, TrainerError, check, sentence
from ..loss import OUTPUTS, Result, outputs_read
from ..memory import require
from ..options import Config, Degrees, OptimizerOptions, Parallelism, TitanOptions
from ..program import Program
from .model import read_configuration
from .rank import TitanRank


class TitanEngine(Engine):
    def __init__(self, options: TitanOptions) -> None:
        super().__init__(options)
        self.degrees = options.parallelism
        self.ranks_here = self.degrees.ranks // max(1, len(options.hosts))
        self.scratch = options.scratch
        self.configuration = read_configuration(options.model)
        self.vocabulary = self.configuration.vocab_size
        _check_degrees(self.degrees, self.configuration)
        self.computed_in, self.attention = options.dtype, options.attention
        check(self.attention in ("sdpa", "flex", "varlen"), "invalidOption", f"the attention is {self.attention}", "sdpa, flex or varlen")
        check(self.attention != "varlen" or torch.cuda.is_available(), "unsupported", "varlen attention needs a GPU", "sdpa or flex")
        monarch.actor.unhandled_fault_hook = _end
        self.ranks = _mesh(self.degrees.ranks, options.hosts, options.mesh_address).spawn("titan", TitanRank, options)
        parts = list(self._on_all("open"))
        log.remove()
        self.shapes = {name: shape for shapes, _ in parts for name, shape in shapes.items()}
        self.device = parts[0][1]
        self.signature = signature(self.shapes)

    # The protocol

    def forward_backward(self, batch: Batch, program: Program | None, is_cancelled: IsCancelled) -> Result:
        batch.check_learnable()
        check(
            self.attention != "flex" or self.device != "cpu", "unsupported", "flex attention has no backward pass on a CPU",
            "sdpa, or a GPU")
        program = program or self.default_loss
        reads = sorted(outputs_read(program, batch, self.vocabulary, self.configuration.hidden_size))
        if is_cancelled():
            raise Cancelled
        try:
            with self._noting(is_cancelled) as cancelled:
                result = self._answer("forward_backward", batch, program, reads, cancelled, self.ranks_here)
            if is_cancelled():
                raise Cancelled
        except (TrainerError, Cancelled):
            self._on_all("drop")
            raise
        self._on_all("keep")
        self.accumulate(result.denominator)
        return result

    def gradient_norm(self) -> float:
        return self._answer("norm")

    def apply(self, options: OptimizerOptions, rate: float, scale: float, is_safe: bool) -> float | None:
        outcomes = self._on_all("step", scale, is_safe)
        if not is_safe:
            is_finite = all(is_finite for _, is_finite in outcomes)
            self._on_all("finish" if is_finite else "undo")
            if not is_finite:
                return None
        return outcomes[0][0]

    def largest_moment(self) -> float:
        return math.sqrt(sum(norm**2 for norm in self._on_all("largest_moment")))

    def drop_gradients(self) -> None:
        self._on_all("clear")

    def forward(self, batch: Batch, outputs: Sequence[str], is_cancelled: IsCancelled) -> dict[str, torch.Tensor]:
        batch.check_answerable(outputs)
        if "logits" in outputs:
            rows, columns = batch.shape
            require(2 * 4 * rows * columns * self.vocabulary, f"the logits of {rows} × {columns} tokens")
        if is_cancelled():
            raise Cancelled
        if set(outputs) <= {"logProbs", "entropy"} and not batch.target_mask.any():
            # No rank has a position to count.
            return {name: torch.zeros(batch.shape) for name in outputs}
        return self._answer("forward", batch, list(outputs))

    def load(self, path: str | None) -> tuple[str, int, bool]:
        place, manifest, full = self.store.open(path, self.signature, self.signature)
        files = set(manifest["fileSizes"]) if full else set()
        self._check_tensors(place, "model*.safetensors")
        if "optimizer.safetensors" in files:
            self._check_tensors(place, "optimizer.safetensors", ("exp_avg.", "exp_avg_sq."))
        if "gradients.safetensors" in files:
            self._check_tensors(place, "gradients.safetensors")
        self._on_all("stage", str(place), files)
        self.take_optimizer(manifest, full)
        self._on_all("take", self.optimizer_options, manifest["step"] if full else 0)
        self.resume(manifest, full)
        return str(place), self.step, not full

    def config(self) -> Config:
        degrees = self.degrees
        parallelism = Parallelism(
            data_parallel=degrees.replicate * degrees.shard, tensor_parallel=degrees.tensor,
            pipeline_parallel=degrees.pipeline, context_parallel=degrees.context, world_size=degrees.ranks,
            device=self.device)
        return Config(
            model_name=self.name, model_configuration=plain_values(self.configuration), parallelism=parallelism,
            outputs=OUTPUTS, generates=False, dtype=self.computed_in)

    # The mesh

    @contextlib.contextmanager
    def _noting(self, is_cancelled: IsCancelled) -> Iterator[str]:
        """The name of a file that is there once a call is cancelled, for ranks on this machine, which are busy."""
        with tempfile.TemporaryDirectory(dir=self.scratch) as folder:
            ended, note = threading.Event(), pathlib.Path(folder) / "cancelled"

            def watch() -> None:
                while not ended.wait(0.25):
                    if is_cancelled():
                        note.touch()
                        return

            watcher = threading.Thread(target=watch, daemon=True)
            watcher.start()
            try:
                yield str(note)
            finally:
                ended.set()
                watcher.join()

    def _on_all(self, method: str, *arguments: Any) -> list[Any]:
        """What each rank answers, in the order of ranks."""
        try:
            return list(getattr(self.ranks, method).call(*arguments).get().values())
        except Exception as error:
            # All of it is for those who look into it.
            traceback.print_exc()
            raise TrainerError(
                "engineFailed", f"a rank failed in {method}: {sentence(str(error))}", "a new trainer, and its last checkpoint") from error

    def _answer(self, method: str, *arguments: Any) -> Any:
        """The answer of the first rank that has one."""
        answer = next(answer for answer in self._on_all(method, *arguments) if answer is not None)
        if isinstance(answer, (TrainerError, Cancelled)):
            raise answer
        return answer

    def fill(self, folder: pathlib.Path, weights_only: bool) -> None:
        self.configuration.save_pretrained(folder)
        # One after another: where one rank fails, no other waits for it in the next file.
        for kind in ["model"] if weights_only else ["model", "optimizer", "gradients"]:
            for failure in filter(None, self._on_all("write", str(folder), kind)):
                raise failure

    def _check_tensors(self, place: pathlib.Path, pattern: str, prefixes: Sequence[str] = ("",)) -> None:
        found: dict[str, list[int]] = {}
        for file in pathlib.Path(place).glob(pattern):
            try:
                with safe_open(file, "pt") as tensors:
                    found |= {name: tensors.get_slice(name).get_shape() for name in tensors.keys()}
            except (OSError, SafetensorError) as error:
                raise TrainerError("corruptFile", f"{file} cannot be read: {error}") from error
        for prefix in prefixes:
            for name, shape in self.shapes.items():
                check(
                    found.get(prefix + name) == shape, "corruptFile" if prefix else "checkpointMismatch",
                    f'{place}/{pattern}: "{prefix}{name}" is missing or has another shape', f"shape {shape}")


def _mesh(world: int, hosts: Sequence[str] = (), own: str | None = None) -> Any:
    """Processes for `world` ranks: on this machine, or divided evenly over hosts where Monarch's workers listen, which find
    this one at the address `own`."""
    if hosts:
        check(world % len(hosts) == 0, "invalidOption", f"{world} ranks on {len(hosts)} hosts", "as many on each")
        is_one_machine = all("127.0.0.1" in host for host in hosts)
        enable_transport(own or (f"tcp://127.0.0.1:{_free_port()}" if is_one_machine else "tcp"))
        machines = attach_to_workers(ca="trust_all_connections", workers=list(hosts))
        processes = machines.spawn_procs(per_host={"gpus": world // len(hosts)})
    else:
        processes = this_host().spawn_procs(per_host={"gpus": world})
    setup_torch_elastic_env(processes)
    return processes


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _end(failure: object) -> NoReturn:
    """A rank has died, and what it held with it: so does this process, and says why."""
    # The first line is for those who look into it, the second for those who are told of it.
    print(f"{failure}\nswage: a rank has died, and what it held with it", file=sys.stderr, flush=True)
    os._exit(1)


def _check_degrees(degrees: Degrees, configuration: Any) -> None:
    tensor, pipeline = degrees.tensor, degrees.pipeline
    for name in ("num_attention_heads", "num_key_value_heads", "vocab_size"):
        count = getattr(configuration, name)
        check(
            count % tensor == 0, "invalidOption", f"tensor parallelism is {tensor} for a model whose {name} is {count}",
            "a degree that divides it")
    check(
        pipeline == 1 or not configuration.tie_word_embeddings, "invalidOption",
        f"pipeline parallelism is {pipeline} for a model whose output head is its embedding", "1: what shares weights stays together")
    layers = configuration.num_hidden_layers
    check(pipeline <= layers, "invalidOption", f"pipeline parallelism is {pipeline} for {layers} layers", "at most as many")
