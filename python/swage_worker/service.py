"""The trainer service over an engine: one call at a time, each request carried out once."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import grpc
import torch

from .batch import Batch
from .engine import Engine, Writer
from .errors import Cancelled, IsCancelled, TrainerError, check, failing_in_words
from .generated.swage.v1 import trainer_pb2 as pb
from .generated.swage.v1 import trainer_pb2_grpc as rpc
from .loss import Metric
from .options import OptimizerOptions
from .program import read as read_program
from .request_log import RequestLog
from .sampling import SamplingOptions, require_in_vocabulary

# Before version 2, metrics of loss programs had no kinds.
VERSIONS, PIECE = (1, 2), 1 << 20

Answer = TypeVar("Answer")


def _bytes_kept(answer: Any) -> int:
    """About what it takes to keep a message."""
    return answer.ByteSize() + 256


class TrainerService(rpc.TrainerServiceServicer):
    def __init__(self, engine: Engine) -> None:
        self.engine, self.instance = engine, uuid.uuid4().hex
        self.log = RequestLog()
        # What the last call that has finished left, for those who ask while another is under way.
        self.status = engine.status()

    def Connect(self, request: pb.ConnectRequest, context: grpc.ServicerContext) -> pb.ConnectResponse:
        self._check_instance(context)
        common = set(VERSIONS) & set(request.versions)
        if not common:
            TrainerError(
                "unsupported", f"the caller speaks versions {list(request.versions)} of the trainer service",
                f"one of {list(VERSIONS)}",
            ).abort(context)
        return pb.ConnectResponse(version=max(common), instance=self.instance)

    def ForwardBackward(self, request: pb.ForwardBackwardRequest, context: grpc.ServicerContext) -> pb.ForwardBackwardResponse:
        def body(is_cancelled: IsCancelled) -> pb.ForwardBackwardResponse:
            result = self.engine.forward_backward(self._batch(request), read_program(request.loss) if request.loss else None, is_cancelled)
            return pb.ForwardBackwardResponse(
                loss=result.sum / result.denominator, sum=result.sum, denominator=result.denominator,
                metrics={name: metric.value for name, metric in result.metrics.items()},
                reported={name: _message(metric) for name, metric in result.metrics.items()})

        return self._answer("ForwardBackward", request, context, body)

    def OptimStep(self, request: pb.OptimStepRequest, context: grpc.ServicerContext) -> pb.OptimStepResponse:
        def body(is_cancelled: IsCancelled) -> pb.OptimStepResponse:
            options = OptimizerOptions.of_message(request.optimizer) if request.HasField("optimizer") else None
            step, rate, microbatches, norm = self.engine.optim_step(options)
            return pb.OptimStepResponse(step=step, learning_rate=rate, accumulated_microbatches=microbatches, gradient_norm=norm)

        return self._answer("OptimStep", request, context, body)

    def ClearGradients(self, request: pb.ClearGradientsRequest, context: grpc.ServicerContext) -> pb.ClearGradientsResponse:
        def body(is_cancelled: IsCancelled) -> pb.ClearGradientsResponse:
            self.engine.clear_gradients()
            return pb.ClearGradientsResponse()

        return self._answer("ClearGradients", request, context, body)

    def Forward(self, request: pb.ForwardRequest, context: grpc.ServicerContext) -> Iterator[pb.TensorPiece]:
        def body(is_cancelled: IsCancelled) -> dict[str, torch.Tensor]:
            return self.engine.forward(self._batch(request), list(dict.fromkeys(request.outputs)), is_cancelled)

        for name, tensor in self._answer("Forward", request, context, body, bytes=lambda _: None).items():
            data = memoryview(tensor.contiguous().numpy()).cast("B")
            for begin in range(0, max(1, len(data)), PIECE):
                yield pb.TensorPiece(
                    name=name, type=pb.DATA_TYPE_FLOAT32, shape=list(tensor.shape), data=bytes(data[begin : begin + PIECE]))

    def Save(self, request: pb.SaveRequest, context: grpc.ServicerContext) -> pb.SaveResponse:
        def body(is_cancelled: IsCancelled) -> pb.SaveResponse:
            name = request.name if request.HasField("name") else None
            path = request.path if request.HasField("path") else None
            return pb.SaveResponse(path=self.engine.save(name, path, request.weights_only))

        return self._answer("Save", request, context, body)

    def Load(self, request: pb.LoadRequest, context: grpc.ServicerContext) -> pb.LoadResponse:
        def body(is_cancelled: IsCancelled) -> pb.LoadResponse:
            path, step, weights_only = self.engine.load(request.path if request.HasField("path") else None)
            return pb.LoadResponse(path=path, step=step, weights_only=weights_only)

        return self._answer("Load", request, context, body, of_any_instance=True)

    def GetConfig(self, request: pb.GetConfigRequest, context: grpc.ServicerContext) -> pb.GetConfigResponse:
        self._check_instance(context)
        config = self.engine.config()
        return pb.GetConfigResponse(
            model_name=config.model_name,
            model_configuration={key: _value(value) for key, value in config.model_configuration.items()},
            parallelism=pb.Parallelism(**dataclasses.asdict(config.parallelism)),
            capabilities=pb.Capabilities(
                outputs=config.outputs, generates=config.generates, dtype=config.dtype, adapters=config.adapters,
                optimizer_per_step=self.engine.optimizer_per_step))

    def GetStatus(self, request: pb.GetStatusRequest, context: grpc.ServicerContext) -> pb.GetStatusResponse:
        self._check_instance(context)
        step, microbatches = self.status
        return pb.GetStatusResponse(step=step, accumulated_microbatches=microbatches)

    def Generate(self, request: pb.GenerateRequest, context: grpc.ServicerContext) -> Iterator[pb.GenerateEvent]:
        def body(is_cancelled: IsCancelled) -> list[pb.GenerateEvent]:
            if not isinstance(self.engine, Writer):
                raise TrainerError("unsupported", "this engine does not write")
            prompts = [list(prompt.tokens) for prompt in request.prompts]
            self._check_prompts(prompts)
            options = SamplingOptions.of(request, self.engine.vocabulary)
            streams = [prompt.stream for prompt in request.prompts]
            completions, version = self.engine.generate(prompts, streams, options, is_cancelled)
            return [
                pb.GenerateEvent(completion=pb.GenerateEvent.Completion(
                    prompt=index, tokens=completion.tokens, log_probs=completion.log_probs,
                    finish_reason=completion.finish_reason, weights_version=version))
                for index, completion in enumerate(completions)]

        yield from self._answer(
            "Generate", request, context, body, bytes=lambda events: sum(event.ByteSize() + 64 for event in events))

    def _check_prompts(self, prompts: list[list[int]]) -> None:
        for index, tokens in enumerate(prompts):
            check(tokens, "invalidBatch", f"prompt {index} is empty", "at least one token")
            require_in_vocabulary(tokens, self.engine.vocabulary, f"prompts[{index}]")

    def Cancel(self, request: pb.CancelRequest, context: grpc.ServicerContext) -> pb.CancelResponse:
        self._check_instance(context)
        try:
            self.log.cancel(request.request_id)
        except TrainerError as error:
            error.abort(context)
        return pb.CancelResponse()

    def _batch(self, request: pb.ForwardBackwardRequest | pb.ForwardRequest) -> Batch:
        return Batch.of(request, self.engine.vocabulary)

    def _check_instance(self, context: grpc.ServicerContext) -> None:
        meant = dict(context.invocation_metadata()).get("swage-instance", self.instance)
        if meant != self.instance:
            context.abort(grpc.StatusCode.ABORTED, "it was started anew")

    def _answer(
        self, call: str, request: Any, context: grpc.ServicerContext, body: Callable[[IsCancelled], Answer],
        bytes: Callable[[Answer], int | None] = _bytes_kept, of_any_instance: bool = False,
    ) -> Answer:
        """Runs `body` when its turn has come, unless the request has been carried out before."""
        if not of_any_instance:
            self._check_instance(context)

        def run(is_cancelled: IsCancelled) -> Answer:
            answer = body(is_cancelled)
            self.status = self.engine.status()
            return answer

        try:
            with failing_in_words():
                return self.log.once(getattr(request, "request_id", ""), call, context, run, bytes)
        except Cancelled:
            context.abort(grpc.StatusCode.CANCELLED, "the call was cancelled and has changed nothing")
        except TrainerError as error:
            error.abort(context)


def _value(value: bool | int | float | str) -> pb.ConfigurationValue:
    kind = {bool: "flag", int: "integer", float: "number", str: "text"}[type(value)]
    return pb.ConfigurationValue(**{kind: value})


def _message(metric: Metric) -> pb.Metric:
    if metric.kind in ("mean", "exponentialMean"):
        mean = pb.Metric.Mean(sum=metric.numbers[0], over=metric.numbers[1])
        return pb.Metric(mean=mean) if metric.kind == "mean" else pb.Metric(exponential_mean=mean)
    return pb.Metric(**{metric.kind: metric.numbers[0]})
