"""Somebody else's trainer, complete: transformers and AdamW behind Swage's trainer service. It imports nothing of Swage but the
stubs of proto/swage/v1/trainer.proto, and takes a model's folder, the address where to serve it, and a folder of checkpoints."""

import concurrent.futures, itertools, math, os, pathlib, re, sys, tempfile, threading, uuid
import grpc, numpy, torch
from safetensors.torch import load_file
from swage.v1 import trainer_pb2 as pb, trainer_pb2_grpc as rpc
from transformers import AutoModelForCausalLM

WRITTEN = {"config.json", "generation_config.json", "model.safetensors", "trainer.pt"}


def check(context, holds, code, message):
    """Ends the call with an error of the kind that Swage's TrainerError has under that code."""
    if not holds:
        context.set_trailing_metadata((("swage-error-code", code),))
        context.abort(grpc.StatusCode.FAILED_PRECONDITION, message)


def check_instance(trainer, call, context):
    """A client that knows the state of an earlier start has to load first."""
    known = dict(context.invocation_metadata()).get("swage-instance", trainer.instance) if context else trainer.instance
    if known != trainer.instance and call != "Load":
        context.abort(grpc.StatusCode.ABORTED, "this trainer was started anew")


def once(method):
    """One call at a time; and one that comes again is answered as before, for a client whose connection broke may ask twice."""
    def run(self, request=None, context=None):
        id, call = getattr(request, "request_id", None) or uuid.uuid4().hex, method.__name__
        with self.turn:
            check_instance(self, call, context)
            known, answer = self.answers.get(id, (call, None))
            check(context, known == call and len(id.encode()) <= 256, "invalidOption", "the request_id is another call's, or too long")
            answer = answer or method(self, request, context)
            self.status = pb.GetStatusResponse(step=self.step, accumulated_microbatches=self.microbatches)
            return self.answers.setdefault(id, (call, answer))[1]
    return run


class ThirdPartyTrainer(rpc.TrainerServiceServicer):
    def __init__(self, folder, directory="checkpoints", learning_rate=1e-3):
        self.model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager")
        self.parameters, self.directory = list(self.model.parameters()), pathlib.Path(directory).resolve()
        self.instance, self.answers, self.rate, self.turn = uuid.uuid4().hex, {}, learning_rate, threading.RLock()
        self.begin()

    def begin(self, step=0, optimizer=None, *gradients):
        self.optimizer, self.step = torch.optim.AdamW(self.parameters, lr=self.rate, weight_decay=0.0), step
        self.ClearGradients()
        if optimizer:
            self.optimizer.load_state_dict(optimizer)
            self.sums, self.denominator, self.microbatches = gradients

    def tensor(self, context, request, name, kind, shape=None, otherwise=None):
        if otherwise is not None and not request.HasField(name):
            return otherwise
        check(context, request.HasField(name), "invalidBatch", f"there is no {name}")
        message, found = getattr(request, name), list(getattr(request, name).shape)
        is_whole = len(found) == 2 and min(found) > 0 and math.prod(found) * 4 == len(message.data)
        fits = is_whole and message.type == kind and found == list(shape or found)
        check(context, fits, "invalidShape", f"{name} of type {message.type} and shape {found} is not of type {kind} and shape {shape}")
        data = numpy.frombuffer(message.data, "<i4" if kind == pb.DATA_TYPE_INT32 else "<f4")
        check(context, numpy.isfinite(data).all(), "invalidBatch", f"{name} is not finite")
        return torch.tensor(data.reshape(found))

    def log_probs_and_mask(self, context, request):
        ids = self.tensor(context, request, "input_ids", pb.DATA_TYPE_INT32).long()
        mask = self.tensor(context, request, "target_mask", pb.DATA_TYPE_FLOAT32, ids.shape, torch.ones(ids.shape))
        segments = self.tensor(context, request, "segment_ids", pb.DATA_TYPE_INT32, ids.shape, torch.zeros(ids.shape))
        check(context, ((mask == 0) | (mask == 1)).all(), "invalidBatch", "the mask is not 0 or 1")
        targets = self.tensor(context, request, "target_ids", pb.DATA_TYPE_INT32, ids.shape).long() * (mask != 0)
        inside = all(((t >= 0) & (t < self.model.vocab_size)).all() for t in (ids, targets))
        check(context, inside, "tokenOutOfRange", f"an id is not in 0..<{self.model.vocab_size}")
        runs = (1 + sum(a != b for a, b in itertools.pairwise(row)) == len(set(row)) for row in segments.tolist())
        check(context, all(runs), "invalidBatch", "a segment comes in two runs")
        seen = (segments[:, :, None] == segments[:, None, :]) & torch.ones(ids.shape[1], ids.shape[1]).tril().bool()
        positions = torch.arange(ids.shape[1]) - seen.float().argmax(-1)
        logits = self.model(ids, attention_mask=torch.where(seen[:, None], 0.0, -1e38), position_ids=positions).logits
        return logits.log_softmax(-1).gather(-1, targets[..., None])[..., 0], mask

    def Connect(self, request, context):
        check_instance(self, "Connect", context)
        check(context, 2 in request.versions, "unsupported", "this trainer speaks version 2")
        return pb.ConnectResponse(version=2, instance=self.instance)

    @once
    def ForwardBackward(self, request, context):
        check(context, not request.loss, "invalidLoss", "only cross entropy is known")
        check(context, not request.loss_inputs, "invalidBatch", "cross entropy takes no loss inputs")
        log_probs, mask = self.log_probs_and_mask(context, request)
        weights = self.tensor(context, request, "target_weights", pb.DATA_TYPE_FLOAT32, mask.shape, torch.ones(mask.shape))
        loss, count = -(log_probs * mask * weights).sum(), mask.sum().item()
        check(context, count, "invalidBatch", "there is nothing to learn from")
        check(context, torch.isfinite(loss), "nonFinite", "the loss is not finite")
        for total, gradient in zip(self.sums, torch.autograd.grad(loss, self.parameters), strict=True):
            total += gradient
        self.denominator, self.microbatches = self.denominator + count, self.microbatches + 1
        return pb.ForwardBackwardResponse(
            loss=loss.item() / count, sum=loss.item(), denominator=count, reported={"tokens": pb.Metric(sum=count)})

    @once
    def OptimStep(self, request, context):
        check(context, not request.HasField("optimizer"), "unsupported", "there is no optimizer of one step")
        check(context, self.microbatches, "nothingAccumulated", "there are no gradients")
        norm = math.sqrt(sum(g.double().square().sum() for g in self.sums)) / self.denominator
        check(context, math.isfinite(norm), "nonFinite", f"the gradient norm is {norm}")
        for parameter, gradient in zip(self.parameters, self.sums, strict=True):
            parameter.grad = gradient / self.denominator * min(1, 1 / (norm + 1e-6))
        self.optimizer.step()
        n, self.step = self.microbatches, self.step + 1
        self.ClearGradients()
        return pb.OptimStepResponse(step=self.step, learning_rate=self.rate, gradient_norm=norm, accumulated_microbatches=n)

    @once
    def ClearGradients(self, request, context):
        self.sums, self.denominator, self.microbatches = [torch.zeros_like(p) for p in self.parameters], 0.0, 0
        return pb.ClearGradientsResponse()

    def Forward(self, request, context):
        check_instance(self, "Forward", context)
        check(context, set(request.outputs) == {"logProbs"}, "invalidBatch", "only logProbs are known")
        with self.turn:
            log_probs, mask = self.log_probs_and_mask(context, request)
        data = (log_probs * mask).detach().numpy().tobytes()
        yield pb.TensorPiece(name="logProbs", type=pb.DATA_TYPE_FLOAT32, shape=mask.shape, data=data)

    def place(self, context, path):
        """Where a caller's path really leads, through links and all, if that is below the folder of checkpoints."""
        check(context, "\0" not in path and max(map(len, path.encode().split(b"/"))) < 256, "notAllowed", "a path is none")
        place = pathlib.Path(os.path.realpath(self.directory / path))
        check(context, self.directory in place.parents, "notAllowed", f"{path} is not below {self.directory}")
        return place

    @once
    def Save(self, request, context):
        plain = re.fullmatch(r"[^./\0-\x1f\x7f][^/\0-\x1f\x7f]*", request.name) and len(request.name.encode()) <= 255
        check(context, plain or not request.HasField("name"), "invalidOption", f"{request.name!r} is no name")
        numbered = "" if request.path else f"{'weights-' * request.weights_only}step-{self.step}"
        place = self.place(context, str(pathlib.Path(request.path or ".") / (request.name or numbered)))
        old = list(place.iterdir()) if place.is_dir() else [place] if place.exists() else []
        check(context, {file.name for file in old} <= WRITTEN, "notAllowed", f"{place} is not this trainer's to replace")
        place.parent.mkdir(parents=True, exist_ok=True)
        partial = pathlib.Path(tempfile.mkdtemp(dir=place.parent, prefix="."))
        self.model.save_pretrained(partial)
        if not request.weights_only:
            torch.save((self.step, self.optimizer.state_dict(), self.sums, self.denominator, self.microbatches), partial / "trainer.pt")
        for file in old:
            file.unlink()
        os.rename(partial, place)
        return pb.SaveResponse(path=str(place))

    @once
    def Load(self, request, context):
        newest = sorted((p for p in self.directory.glob("[!.]*") if not p.is_symlink()), key=os.path.getmtime, reverse=True)
        places = [self.place(context, request.path)] if request.path else newest
        for place in places:
            try:
                weights, full = load_file(place / "model.safetensors"), place / "trainer.pt"
                state = torch.load(full, weights_only=True) if full.exists() else ()
            except Exception:
                continue
            fits = {n: w.shape for n, w in weights.items()} == {n: p.shape for n, p in self.model.named_parameters()}
            check(context, fits, "checkpointMismatch", f"{place} holds another model")
            self.model.load_state_dict(weights, strict=False)
            self.begin(*state)
            return pb.LoadResponse(path=str(place), step=self.step, weights_only=not state)
        code = "corruptFile" if request.path and (places[0] / "model.safetensors").exists() else "checkpointNotFound"
        check(context, False, code, f"{request.path or self.directory} holds no checkpoint that can be read")

    def GetConfig(self, request, context):
        check_instance(self, "GetConfig", context)
        size = pb.ConfigurationValue(integer=self.model.vocab_size)
        able = pb.Capabilities(outputs=["logProbs"], losses=["cross_entropy"], dtype="float32")
        return pb.GetConfigResponse(model_name="third party", model_configuration={"vocab_size": size}, capabilities=able)

    def GetStatus(self, request, context):  # as the last call has left it: those who ask do not wait for their turn
        check_instance(self, "GetStatus", context)
        return self.status


if __name__ == "__main__":  # a thread for each call that waits for its turn
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(64), options=[("grpc.max_receive_message_length", 1 << 28)])
    rpc.add_TrainerServiceServicer_to_server(ThirdPartyTrainer(sys.argv[1], *sys.argv[3:]), server)
    server.add_insecure_port(sys.argv[2]), server.start(), server.wait_for_termination()
