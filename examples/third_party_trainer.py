"""Somebody else's trainer, complete: transformers and AdamW behind Swage's trainer service. It imports nothing of Swage
but the stubs that protoc makes of proto/swage/v1/trainer.proto.

    python -m grpc_tools.protoc -I../proto/swage/v1 --python_out=. --grpc_python_out=. trainer.proto
    python third_party_trainer.py MODEL_FOLDER localhost:50052
    swage conformance --engine remote --address localhost:50052 --learning-rate 1e-3 --schedule constant
"""

import concurrent.futures, functools, math, os, pathlib, shutil, sys, tempfile, threading, uuid

import grpc, numpy, torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

import trainer_pb2 as pb
import trainer_pb2_grpc as rpc


def check(context, holds, status, code, message):
    """Ends the call with a status, and with the code that Swage's TrainerError has for it."""
    if not holds:
        context.set_trailing_metadata((("swage-error-code", code),))
        context.abort(getattr(grpc.StatusCode, status), message)


def call(method):
    """One call at a time, and each request once: a client whose connection broke may ask again."""
    @functools.wraps(method)
    def run(self, request, context):
        with self.lock:
            id = getattr(request, "request_id", "")
            if id not in self.answers:
                answer = method(self, request, context)
                if not id:
                    return answer
                self.answers[id] = answer
            return self.answers[id]
    return run


class ThirdPartyTrainer(rpc.TrainerServiceServicer):
    def __init__(self, folder, directory="checkpoints", learning_rate=1e-3):
        self.model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager")
        self.parameters, self.directory = list(self.model.parameters()), pathlib.Path(directory)
        self.options = dict(lr=learning_rate, weight_decay=0.0)
        self.instance, self.lock, self.answers = uuid.uuid4().hex, threading.Lock(), {}
        self.begin(0)

    def begin(self, step):
        self.optimizer, self.step = torch.optim.AdamW(self.parameters, **self.options), step
        self.clear()

    def clear(self):
        self.sums, self.denominator, self.microbatches = [torch.zeros_like(p) for p in self.parameters], 0.0, 0

    def tensor(self, context, request, name, shape=None):
        message, kind = getattr(request, name), {pb.DATA_TYPE_FLOAT32: "<f4", pb.DATA_TYPE_INT32: "<i4"}
        found, data = list(message.shape), numpy.frombuffer(message.data, kind.get(message.type, "<f4"))
        fits = found == list(shape or found) and len(found) == 2 and 0 < math.prod(found) == data.size
        check(context, fits, "INVALID_ARGUMENT", "invalidShape", f"{name} has shape {found}, not {shape}")
        check(context, numpy.isfinite(data).all(), "INVALID_ARGUMENT", "invalidBatch", f"{name} is not finite")
        return torch.tensor(data.reshape(found))

    def log_probs(self, context, request):
        """The log-probability of each target, and the mask of the targets, both [batch, sequence]."""
        ids = self.tensor(context, request, "input_ids").long()
        rows, columns = ids.shape

        def given(name, otherwise):
            return self.tensor(context, request, name, ids.shape) if request.HasField(name) else otherwise

        check(context, request.HasField("target_ids"), "INVALID_ARGUMENT", "invalidBatch", "there are no targets")
        mask, segments = given("target_mask", torch.ones(rows, columns)), given("segment_ids", torch.zeros(rows, columns))
        check(context, ((mask == 0) | (mask == 1)).all(), "INVALID_ARGUMENT", "invalidBatch", "the mask is not 0 or 1")
        targets = given("target_ids", None).long() * (mask != 0)
        inside = all(((t >= 0) & (t < self.model.config.vocab_size)).all() for t in (ids, targets))
        check(context, inside, "OUT_OF_RANGE", "tokenOutOfRange", "an id is outside the vocabulary")
        runs = all(1 + sum(a != b for a, b in zip(row, row[1:])) == len(set(row)) for row in segments.tolist())
        check(context, runs, "INVALID_ARGUMENT", "invalidBatch", "a segment comes in two runs")
        seen = (segments[:, :, None] == segments[:, None, :]) & torch.ones(columns, columns).tril().bool()
        positions = torch.arange(columns) - seen.float().argmax(-1)
        bias = torch.where(seen[:, None], 0.0, torch.finfo(torch.float32).min)
        logits = self.model(ids, attention_mask=bias, position_ids=positions).logits
        return logits.log_softmax(-1).gather(-1, targets[..., None])[..., 0], mask

    def Connect(self, request, context):
        check(context, 1 in request.versions, "FAILED_PRECONDITION", "unsupported", "this trainer speaks version 1")
        return pb.ConnectResponse(version=1, instance=self.instance)

    @call
    def ForwardBackward(self, request, context):
        odd = request.loss or any(not numpy.isfinite(numpy.frombuffer(t.data, "<f4")).all() for t in request.loss_inputs.values())
        check(context, not odd, "INVALID_ARGUMENT", "invalidLoss" if request.loss else "invalidBatch", "only cross entropy is known")
        log_probs, mask = self.log_probs(context, request)
        weights = self.tensor(context, request, "target_weights", mask.shape) if request.HasField("target_weights") else 1.0
        loss, count = -(log_probs * mask * weights).sum(), mask.sum().item()
        check(context, count > 0, "INVALID_ARGUMENT", "invalidBatch", "there is nothing to learn from")
        check(context, torch.isfinite(loss), "FAILED_PRECONDITION", "nonFinite", "the loss is not finite")
        for total, gradient in zip(self.sums, torch.autograd.grad(loss, self.parameters)):
            total += gradient
        self.denominator, self.microbatches = self.denominator + count, self.microbatches + 1
        return pb.ForwardBackwardResponse(loss=loss.item() / count, metrics={"tokens": count})

    @call
    def OptimStep(self, request, context):
        check(context, self.microbatches, "FAILED_PRECONDITION", "nothingAccumulated", "there are no gradients")
        norm = math.sqrt(sum(g.double().square().sum() for g in self.sums)) / self.denominator
        check(context, math.isfinite(norm), "FAILED_PRECONDITION", "nonFinite", f"the gradient norm is {norm}")
        for parameter, gradient in zip(self.parameters, self.sums):
            parameter.grad = gradient / self.denominator * min(1, 1 / (norm + 1e-6))
        self.optimizer.step()
        microbatches, self.step = self.microbatches, self.step + 1
        self.clear()
        return pb.OptimStepResponse(step=self.step, learning_rate=self.options["lr"], gradient_norm=norm,
                                    accumulated_microbatches=microbatches)

    @call
    def ClearGradients(self, request, context):
        self.clear()
        return pb.ClearGradientsResponse()

    @torch.no_grad()
    def Forward(self, request, context):
        check(context, list(request.outputs) == ["logProbs"], "INVALID_ARGUMENT", "invalidBatch", "only logProbs are known")
        with self.lock:
            log_probs, mask = self.log_probs(context, request)
        data = (log_probs * mask).numpy().astype("<f4").tobytes()
        yield pb.TensorPiece(name="logProbs", type=pb.DATA_TYPE_FLOAT32, shape=mask.shape, data=data)

    @call
    def Save(self, request, context):
        plain = "/" not in request.name and not request.name.startswith(".")
        check(context, plain, "INVALID_ARGUMENT", "invalidOption", f"{request.name} is no name")
        numbered = f"{'weights-' * request.weights_only}step-{self.step}"
        place = pathlib.Path(request.path or self.directory) / (request.name or ("" if request.path else numbered))
        place.parent.mkdir(parents=True, exist_ok=True)
        partial = pathlib.Path(tempfile.mkdtemp(dir=place.parent, prefix="."))
        self.model.save_pretrained(partial)
        if not request.weights_only:
            state = (self.step, self.optimizer.state_dict(), self.sums, self.denominator, self.microbatches)
            torch.save(state, partial / "trainer.pt")
        shutil.rmtree(place, ignore_errors=True)
        os.rename(partial, place)
        return pb.SaveResponse(path=str(place))

    @call
    def Load(self, request, context):
        own = sorted(self.directory.glob("[!.]*"), key=lambda path: path.stat().st_mtime, reverse=True)
        for place in [pathlib.Path(request.path)] if request.path else own:
            try:
                weights, full = load_file(place / "model.safetensors"), place / "trainer.pt"
                state = torch.load(full, weights_only=False) if full.exists() else None
            except Exception:
                continue
            self.model.load_state_dict(weights, strict=False)
            self.begin(state[0] if state else 0)
            if state:
                self.optimizer.load_state_dict(state[1])
                self.sums, self.denominator, self.microbatches = state[2:]
            return pb.LoadResponse(path=str(place), step=self.step, weights_only=state is None)
        check(context, False, "NOT_FOUND", "checkpointNotFound", "there is no checkpoint that can be read")

    def GetConfig(self, request, context):
        vocabulary = pb.ConfigurationValue(integer=self.model.config.vocab_size)
        return pb.GetConfigResponse(model_name="third party", model_configuration={"vocab_size": vocabulary},
                                    parallelism=pb.Parallelism(device="cpu"), capabilities=pb.Capabilities(outputs=["logProbs"]))

    def GetStatus(self, request, context):
        return pb.GetStatusResponse(step=self.step, accumulated_microbatches=self.microbatches)


if __name__ == "__main__":
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(8), options=[("grpc.max_receive_message_length", 1 << 28)])
    rpc.add_TrainerServiceServicer_to_server(ThirdPartyTrainer(sys.argv[1]), server)
    server.add_insecure_port(sys.argv[2])
    server.start()
    server.wait_for_termination()
