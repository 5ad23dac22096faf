"""The trainer service over an engine: one call at a time, each request carried out once."""

import threading
import traceback
import uuid

import grpc

from .batch import Batch
from .errors import Cancelled, TrainerError, check
from .generated.swage.v1 import trainer_pb2 as pb
from .generated.swage.v1 import trainer_pb2_grpc as rpc
from .program import read as read_program
from .sampling import SamplingOptions

VERSION, PIECE, REMEMBERED = 1, 1 << 20, 256


class TrainerService(rpc.TrainerServiceServicer):
    def __init__(self, engine):
        self.engine, self.instance = engine, uuid.uuid4().hex
        self.turn, self.answers, self.cancelled = threading.Lock(), {}, set()
        # What the last call that has finished left, for those who ask while another is under way.
        self.status = engine.status()

    def Connect(self, request, context):
        if VERSION not in request.versions:
            TrainerError("unsupported", f"the caller speaks versions {list(request.versions)} of the trainer service", f"version {VERSION}").abort(context)
        return pb.ConnectResponse(version=VERSION, instance=self.instance)

    def ForwardBackward(self, request, context):
        def body():
            program = read_program(request.loss) if request.loss else None
            loss, metrics = self.engine.forward_backward(self._batch(request), program, self._is_cancelled(request, context))
            return pb.ForwardBackwardResponse(loss=loss, metrics=metrics)

        return self._answer(request, context, body)

    def OptimStep(self, request, context):
        def body():
            step, rate, microbatches, norm = self.engine.optim_step()
            return pb.OptimStepResponse(step=step, learning_rate=rate, accumulated_microbatches=microbatches, gradient_norm=norm)

        return self._answer(request, context, body)

    def ClearGradients(self, request, context):
        return self._answer(request, context, lambda: (self.engine.clear_gradients(), pb.ClearGradientsResponse())[1])

    def Forward(self, request, context):
        def body():
            return self.engine.forward(self._batch(request), list(request.outputs), self._is_cancelled(request, context))

        for name, tensor in self._answer(request, context, body, remembers=False).items():
            data = memoryview(tensor.contiguous().numpy()).cast("B")
            for begin in range(0, max(1, len(data)), PIECE):
                yield pb.TensorPiece(
                    name=name, type=pb.DATA_TYPE_FLOAT32, shape=list(tensor.shape), data=bytes(data[begin : begin + PIECE]))

    def Save(self, request, context):
        def body():
            name = request.name if request.HasField("name") else None
            path = request.path if request.HasField("path") else None
            return pb.SaveResponse(path=self.engine.save(name, path, request.weights_only))

        return self._answer(request, context, body)

    def Load(self, request, context):
        def body():
            path, step, weights_only = self.engine.load(request.path if request.HasField("path") else None)
            return pb.LoadResponse(path=path, step=step, weights_only=weights_only)

        return self._answer(request, context, body, of_any_instance=True)

    def GetConfig(self, request, context):
        name, configuration, parallelism, outputs, generates = self.engine.config()
        return pb.GetConfigResponse(
            model_name=name, model_configuration={key: _value(value) for key, value in configuration.items()},
            parallelism=pb.Parallelism(**parallelism), capabilities=pb.Capabilities(outputs=outputs, generates=generates))

    def GetStatus(self, request, context):
        self._check_instance(context)
        step, microbatches = self.status
        return pb.GetStatusResponse(step=step, accumulated_microbatches=microbatches)

    def Generate(self, request, context):
        def body():
            check(hasattr(self.engine, "generate"), "unsupported", "this engine does not write")
            prompts = [list(prompt.tokens) for prompt in request.prompts]
            self._check_prompts(prompts)
            options = SamplingOptions.of(request)
            streams = [prompt.stream for prompt in request.prompts]
            return self.engine.generate(prompts, streams, options, self._is_cancelled(request, context))

        completions, version = self._answer(request, context, body, remembers=False)
        for index, completion in enumerate(completions):
            yield pb.GenerateEvent(completion=pb.GenerateEvent.Completion(
                prompt=index, tokens=completion.tokens, log_probs=completion.log_probs,
                finish_reason=completion.finish_reason, weights_version=version))

    def _check_prompts(self, prompts):
        for index, tokens in enumerate(prompts):
            check(tokens, "invalidBatch", f"prompt {index} is empty", "at least one token")
            for position, token in enumerate(tokens):
                check(
                    0 <= token < self.engine.vocabulary, "tokenOutOfRange", f"prompts[{index}][{position}] is {token}",
                    f"a token id in 0..<{self.engine.vocabulary}")

    def Cancel(self, request, context):
        self.cancelled.add(request.request_id)
        return pb.CancelResponse()

    def _batch(self, request):
        return Batch.of(request, self.engine.vocabulary)

    def _check_instance(self, context):
        meant = dict(context.invocation_metadata()).get("swage-instance", self.instance)
        if meant != self.instance:
            context.abort(grpc.StatusCode.ABORTED, "it was started anew")

    def _is_cancelled(self, request, context):
        return lambda: request.request_id in self.cancelled or not context.is_active()

    def _answer(self, request, context, body, remembers=True, of_any_instance=False):
        """Runs `body` when its turn has come, unless the request has been carried out before."""
        id = getattr(request, "request_id", "")
        if not of_any_instance:
            self._check_instance(context)
        try:
            with self.turn:
                if id in self.answers:
                    return self.answers[id]
                if id in self.cancelled or not context.is_active():
                    raise Cancelled
                answer = body()
                self.status = self.engine.status()
                if id and remembers:
                    self.answers[id] = answer
                    while len(self.answers) > REMEMBERED:
                        self.answers.pop(next(iter(self.answers)))
                return answer
        except Cancelled:
            context.abort(grpc.StatusCode.CANCELLED, "the call was cancelled and has changed nothing")
        except TrainerError as error:
            error.abort(context)
        except Exception as error:
            traceback.print_exc()
            TrainerError("engineFailed", f"the engine failed: {type(error).__name__}: {error}").abort(context)
        finally:
            self.cancelled.discard(id)


def _value(value):
    kind = {bool: "flag", int: "integer", float: "number", str: "text"}[type(value)]
    return pb.ConfigurationValue(**{kind: value})
