"""Breaks examples/third_party_trainer.py in one place after another, and asks `swage conformance` whether it notices:
break_trainer.py SWAGE MODEL [--only NUMBER ...]. Each of its checks is left out once, and each edit below is made once."""

import argparse
import ast
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

from run_conformance import HOME, RATE, ROOT, process

TRAINER = ROOT / "examples/third_party_trainer.py"
SAVED, KNOWN = "return pb.SaveResponse(path=str(place))", "known, answer = self.answers.get(id, (call, None))"
# What is there, and what takes its place.
EDITS = [
    ("1 / (norm + 1e-6)", "0.5 / (norm + 1e-6)"),
    ("self.denominator + count", "self.denominator + 1"),
    ("sum=loss.item(), denominator=count", "sum=loss.item() / count, denominator=1"),
    ("loss=loss.item() / count", "loss=loss.item()"),
    ('reported={"tokens": pb.Metric(sum=count)}', 'reported={"tokens": pb.Metric(maximum=count)}'),
    ("log_probs * mask * weights", "log_probs * weights"),
    ("log_probs * mask * weights", "log_probs * mask"),
    ("(segments[:, :, None] == segments[:, None, :]) & ", ""),
    ("torch.arange(ids.shape[1]) - seen.float().argmax(-1)", "torch.arange(ids.shape[1])"),
    ("(log_probs * mask).detach()", "log_probs.detach()"),
    ("total += gradient", "total.copy_(gradient)"),
    ("self.microbatches + 1\n", "self.microbatches\n"),
    ("n, self.step = self.microbatches, self.step + 1", "n, self.step = 1, self.step + 1"),
    ("n, self.step = self.microbatches, self.step + 1", "n = self.microbatches"),
    ("learning_rate=self.rate, gradient_norm=norm", "learning_rate=0, gradient_norm=norm"),
    ("gradient_norm=norm", "gradient_norm=min(1, norm)"),
    ("gradient_norm=norm", "gradient_norm=norm * self.denominator"),
    ("weight_decay=0.0", "weight_decay=0.1"),
    ("lr=self.rate", "lr=self.rate / 2"),
    ("self.sums, self.denominator, self.microbatches = [torch.zeros_like(p) for p in self.parameters], 0.0, 0", "self.microbatches = 0"),
    ("self.optimizer.load_state_dict(optimizer)", "pass"),
    ("self.sums, self.denominator, self.microbatches = gradients", "pass"),
    ("self.model.load_state_dict(weights, strict=False)", "pass"),
    ("self.begin(*state)", "state and self.begin(*state)"),
    ("if not request.weights_only:", "if True:"),
    ("step=self.step, weights_only=not state", "step=self.step + 1, weights_only=not state"),
    ("step=self.step, weights_only=not state", "step=self.step"),
    ("key=os.path.getmtime, reverse=True", "key=os.path.getmtime"),
    ("if request.path else newest", "if request.path else newest[-1:]"),
    ("if request.path else newest", "if request.path else []"),
    ("[self.place(context, request.path)] if request.path else newest", "[self.place(context, request.path or \".\"), *newest]"),
    ("'weights-' * request.weights_only", "''"),
    ('request.path or "."', 'request.path or "elsewhere"'),
    ('pathlib.Path(tempfile.mkdtemp(dir=place.parent, prefix="."))', "place; place.mkdir(exist_ok=True)"),
    ("os.rename(partial, place)", 'os.rename(partial, place.with_name(place.name + "-1"))'),
    ("return pb.SaveResponse(path=str(place))", "return pb.SaveResponse(path=request.name)"),
    ("answer = answer or method", "answer = method"),
    ('context.abort(grpc.StatusCode.ABORTED, "this trainer was started anew")', "pass"),
    ("return self.status", "return pb.GetStatusResponse(step=self.step)"),
    ('outputs=["logProbs"]', 'outputs=["logProbs", "entropy"]'),
    ('outputs=["logProbs"]', 'outputs=["logProbs", "thoughts"]'),
    ('losses=["cross_entropy"]', "losses=[]"),
    ("capabilities=able", 'capabilities=pb.Capabilities(outputs=["logProbs"], losses=["cross_entropy"], generates=True)'),
    ("capabilities=able", 'capabilities=pb.Capabilities(outputs=["logProbs"], losses=["cross_entropy"], optimizer_per_step=True)'),
    ('dtype="float32"', 'dtype="32 bits"'),
    ("context.abort(grpc.StatusCode.FAILED_PRECONDITION, message)", 'context.abort(grpc.StatusCode.FAILED_PRECONDITION, "error")'),
    ('(("swage-error-code", code),)', '(("swage-error-code", "engineFailed"),)'),
    ("grpc.StatusCode.FAILED_PRECONDITION, message", "grpc.StatusCode.CANCELLED, message"),
    (SAVED, f"request.weights_only and self.ClearGradients()\n        {SAVED}"),
    (SAVED, f"request.weights_only and self.begin(self.step)\n        {SAVED}"),
    ("check(context, math.isfinite(norm)", "math.isfinite(norm) or self.ClearGradients()\n        check(context, math.isfinite(norm)"),
    ("if request.path else newest", 'if request.path else [p for p in newest if (p / "trainer.pt").exists()]'),
    ("if request.path else newest", 'if request.path else [p for p in newest if "step-" in p.name]'),
    ("{file.name for file in old} <= WRITTEN", "not old or {file.name for file in old} & WRITTEN"),
    (
        "        for file in old:\n            file.unlink()\n        os.rename(partial, place)",
        "        place.mkdir(exist_ok=True)\n        for file in list(partial.iterdir()):\n            file.rename(place / file.name)\n"
        "        partial.rmdir()",
    ),
    ("os.path.realpath(self.directory / path)", 'os.path.realpath(path if "/" in path else self.directory / path)'),
    ("return self.answers.setdefault(id, (call, answer))[1]", "self.answers = {id: (call, answer)}\n            return answer"),
    (
        "return self.answers.setdefault(id, (call, answer))[1]",
        "self.answers = dict([*self.answers.items(), (id, (call, answer))][-16:])\n            return answer",
    ),
    ("self.begin(*state)\n            return", "self.begin(*state), self.answers.clear()\n            return"),
    ("answer = answer or method", 'answer = (answer if call != "Save" else None) or method'),
    ("answer = answer or method", 'answer = (answer if call != "Load" else None) or method'),
    (KNOWN, f'{KNOWN}\n            call == "ForwardBackward" and self.log_probs_and_mask(context, request)'),
    ('getattr(request, "request_id", None) or uuid.uuid4().hex', 'getattr(request, "request_id", uuid.uuid4().hex)'),
    (' and call != "Load"', ""),
    ('check_instance(self, "Forward", context)', "pass"),
    (', options=[("grpc.max_receive_message_length", 1 << 28)]', ""),
    ("check(context, all(runs)", 'check(context, (segments < ids.shape[1]).all(), "invalidBatch", "too many"), check(context, all(runs)'),
    ("message.type == kind and ", ""),
    ("len(found) == 2 and ", ""),
    ('dtype="float32"', 'dtype="bfloat16"'),
    ('dtype="float32"', 'dtype="float32", adapters=True'),
    ('model_name="third party"', 'model_name=f"third party {uuid.uuid4()}"'),
]
# What cannot be seen from outside, by what it begins with, and why.
UNSEEN = {
    "check(context, torch.isfinite(loss)": "the check of the norm refuses what comes of it",
    "check(context, math.isfinite(norm)": "the check of the loss has refused what would lead there",
    'check(context, not request.HasField("optimizer")': "a client asks what a trainer is capable of before it sends one",
    'check(context, "\\0" not in path': "no client sends a path with a byte of 0, or a name that no disk takes",
    "check(context, self.directory in place.parents": "what else a trainer lets its callers write to is its own affair",
    'check(context, fits, "checkpointMismatch"': "the command has no checkpoint of another model in the trainer's own form",
}


def mutants(source):
    """Names and texts of the program with one thing broken."""
    for call in [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]:
        if isinstance(call.func, ast.Name) and call.func.id == "check":
            text, condition = ast.get_source_segment(source, call), ast.get_source_segment(source, call.args[1])
            if not any(text.startswith(unseen) for unseen in UNSEEN) and condition != "False":
                yield f"without {text}", source.replace(text, text.replace(condition, "True", 1))
    for old, new in EDITS:
        if source.count(old) != 1:
            raise SystemExit(f"{TRAINER.name} has {source.count(old)} places that read {old}")
        yield f"{old}  ->  {new}", source.replace(old, new)


def notices(swage, model, text):
    """The lines of the report about what was noticed."""
    with tempfile.TemporaryDirectory(prefix="swage-") as folder:
        program, socket = pathlib.Path(folder, "trainer.py"), f"{folder}/s"
        program.write_text(text)
        environment = os.environ | {"PYTHONPATH": str(ROOT / "python/swage_worker/generated"), "OMP_NUM_THREADS": "1"}
        arguments = [HOME / "huggingface/bin/python", "-B", program, model, f"unix:{socket}"]
        command = [swage, "conformance", *RATE, "--reference", model, "--time-limit", "120"]
        with process(arguments, command, socket, folder, env=environment) as full:
            result = subprocess.run(full, cwd=folder, capture_output=True, text=True)
        failed = re.findall(r"^FAILED .*", result.stdout, re.MULTILINE)
        return failed or (result.stderr.strip().splitlines()[-1:] if result.returncode and not result.stdout.strip() else [])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("swage", type=os.path.abspath)
    parser.add_argument("model", type=os.path.abspath)
    parser.add_argument("--only", nargs="+", type=int)
    options = parser.parse_args()
    source = TRAINER.read_text()
    chosen = [(n, *mutant) for n, mutant in enumerate(mutants(source), 1) if not options.only or n in options.only]
    start, unnoticed = time.time(), []
    if found := notices(options.swage, options.model, source):
        raise SystemExit(f"{TRAINER.name} as it is: {found}")
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for (number, name, _), found in zip(chosen, pool.map(lambda m: notices(options.swage, options.model, m[2]), chosen), strict=True):
            print(f"{number:3} {'noticed  ' if found else 'UNNOTICED'} {name}\n              {(found or [''])[0][:180]}", flush=True)
            unnoticed += [] if found else [name]
    print(f"\n{len(chosen) - len(unnoticed)} noticed, {len(unnoticed)} unnoticed, {time.time() - start:.0f} s")
    sys.exit(bool(unnoticed))


if __name__ == "__main__":
    main()
