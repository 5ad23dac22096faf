"""What a worker is told first, a JSON object by the names that Swift gives, and what it says of itself.

Swift's types (HuggingFaceTrainer.Options, TitanTrainer.Options, …) send every value that they have, so that their defaults
are those that count. The defaults here stand for what Swift leaves out because it is nil, and are otherwise for those who
start a worker without Swift."""

from __future__ import annotations

import base64
import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from .errors import check
from .program import Program, checked
from .values import Values

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    from .generated.swage.v1 import trainer_pb2 as pb

Kind = TypeVar("Kind", bound="DataclassInstance")


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """How the learning rate changes with the step: Swift's LearningRateSchedule."""

    # constant, linear or cosine.
    shape: str
    warmup_steps: int
    total_steps: int

    @classmethod
    def of(cls, given: Any) -> Schedule:
        return _read(cls, given, "the schedule")


@dataclass(frozen=True, kw_only=True)
class OptimizerOptions:
    """Those of AdamW, of clipping, and of the learning rate."""

    learning_rate: float
    beta1: float
    beta2: float
    epsilon: float
    weight_decay: float
    # None: no clipping.
    max_gradient_norm: float | None = None
    schedule: Schedule

    @classmethod
    def of(cls, given: Any) -> OptimizerOptions:
        return _read(cls, given, "the optimizer", schedule=Schedule.of)

    @classmethod
    def of_checkpoint(cls, found: dict[str, Any]) -> OptimizerOptions:
        """Those in a manifest that has been validated. What another version has added to them is left out."""
        return cls.of(_known(cls, found) | dict(schedule=_known(Schedule, found["schedule"])))

    @classmethod
    def of_message(cls, sent: pb.OptimizerOptions) -> OptimizerOptions:
        """Those of one step, from the service's message."""
        numbers = ("learning_rate", "beta1", "beta2", "epsilon", "weight_decay")
        options: dict[str, Any] = {_key(name): getattr(sent, name) for name in numbers}
        if sent.HasField("max_gradient_norm"):
            options["maxGradientNorm"] = sent.max_gradient_norm
        options["schedule"] = dict(shape=sent.schedule, warmupSteps=sent.warmup_steps, totalSteps=sent.total_steps)
        Values("invalidOption", "the optimizer of one step").need_optimizer(options)
        return cls.of(options)

    def encoded(self) -> dict[str, Any]:
        """The JSON object that they are read from."""
        return _encoded(self)


@dataclass(frozen=True, kw_only=True)
class LoRAOptions:
    """Low-rank adapters beside frozen weights."""

    rank: int
    alpha: float
    dropout: float
    # Names of modules, or all-linear alone.
    target_modules: list[str]

    @classmethod
    def of(cls, given: Any) -> LoRAOptions:
        return _read(cls, given, "lora")


@dataclass(frozen=True, kw_only=True)
class Degrees:
    """How many ways each dimension of the work is divided."""

    # Ranks that each hold all weights, and divide the batch.
    replicate: int
    # Ranks that divide the weights and the batch.
    shard: int
    tensor: int
    context: int
    pipeline: int

    @classmethod
    def of(cls, given: Any) -> Degrees:
        return _read(cls, given, "parallelism")

    @property
    def ranks(self) -> int:
        return self.replicate * self.shard * self.tensor * self.context * self.pipeline


@dataclass(frozen=True, kw_only=True)
class Options:
    """Those of every engine."""

    # A folder in Hugging Face's layout.
    model: str
    name: str
    optimizer: OptimizerOptions
    # The program that is learned from where a call brings none.
    loss: Program
    checkpoint_directory: str
    # How many full checkpoints stay; None: all.
    kept_checkpoints: int | None = None
    # What to write beside exported weights, by file name.
    companions: dict[str, bytes] = field(default_factory=dict)
    # Where to serve.
    address: str
    # A folder of the worker's own, removed with it.
    scratch: str
    # torch's name of a type. huggingface: that of the weights. titan: that of what is computed.
    dtype: str = "float32"
    # Of this process, or of each rank. None: torch's choice.
    threads: int | None = None


@dataclass(frozen=True, kw_only=True)
class HuggingFaceOptions(Options):
    # None: a GPU where there is one.
    device: str | None = None
    # transformers' name of an implementation. None: its choice for the model.
    attention: str | None = None
    # None: the weights themselves are trained.
    lora: LoRAOptions | None = None

    @classmethod
    def of(cls, given: Any) -> HuggingFaceOptions:
        return _read(cls, given, "the options", optimizer=OptimizerOptions.of, loss=checked, companions=_contents, lora=LoRAOptions.of)


@dataclass(frozen=True, kw_only=True)
class TitanOptions(Options):
    parallelism: Degrees
    # sdpa, flex or varlen.
    attention: str = "sdpa"
    # The addresses of Monarch's workers; none: this machine.
    hosts: list[str] = field(default_factory=list)
    # Where those find this machine; None: by its host name.
    mesh_address: str | None = None
    # The most tokens of a sequence.
    sequence_length: int

    @classmethod
    def of(cls, given: Any) -> TitanOptions:
        return _read(
            cls, given, "the options", optimizer=OptimizerOptions.of, loss=checked, companions=_contents, parallelism=Degrees.of)


@dataclass(frozen=True, kw_only=True)
class Parallelism:
    """How the work of an engine is divided, and on what it runs."""

    data_parallel: int = 1
    tensor_parallel: int = 1
    pipeline_parallel: int = 1
    context_parallel: int = 1
    # The number of processes altogether.
    world_size: int = 1
    device: str


@dataclass(frozen=True, kw_only=True)
class Config:
    """What does not change while an engine lives: Swift's TrainerConfig."""

    model_name: str
    # What of the model's configuration can be told in a word, by Hugging Face's names.
    model_configuration: dict[str, bool | int | float | str]
    parallelism: Parallelism
    # The outputs that losses and `forward` may read.
    outputs: tuple[str, ...]
    # Whether there is a `generate`.
    generates: bool
    # torch's name of the type that is computed in.
    dtype: str
    # Whether what is learned are adapters.
    adapters: bool = False


def _read(kind: type[Kind], given: Any, what: str, **readers: Callable[[Any], Any]) -> Kind:
    """A JSON object as one of the dataclass `kind`. `readers`: of the fields that are no plain values. A null is as if it
    were not there."""
    check(isinstance(given, dict), "invalidOption", f"{what} is {given!r:.100}", "a JSON object")
    known = {_key(each.name): each for each in dataclasses.fields(kind)}
    values = {}
    for key, value in given.items():
        check(key in known, "invalidOption", f'{what}: there is no option "{key}"', f"one of {', '.join(known)}")
        name = known[key].name
        if value is not None:
            values[name] = readers[name](value) if name in readers else value
    for key, each in known.items():
        check(each.name in values or _has_default(each), "invalidOption", f'{what}: the option "{key}" is missing')
    return kind(**values)


def _has_default(each: dataclasses.Field[Any]) -> bool:
    return each.default is not dataclasses.MISSING or each.default_factory is not dataclasses.MISSING


def _known(kind: type[DataclassInstance], given: dict[str, Any]) -> dict[str, Any]:
    keys = [_key(each.name) for each in dataclasses.fields(kind)]
    return {key: given[key] for key in keys if key in given}


def _encoded(options: Any) -> dict[str, Any]:
    values = {_key(each.name): getattr(options, each.name) for each in dataclasses.fields(options)}
    return {
        key: _encoded(value) if dataclasses.is_dataclass(value) else value
        for key, value in values.items() if value is not None}


def _key(name: str) -> str:
    """Swift's name of a field."""
    first, *others = name.split("_")
    return first + "".join(word.capitalize() for word in others)


def _contents(texts: dict[str, str]) -> dict[str, bytes]:
    """The bytes of files, which stand in JSON as base64."""
    return {name: base64.b64decode(text) for name, text in texts.items()}
