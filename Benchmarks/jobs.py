"""The jobs of a benchmark. Each runs ours and the peer in turn, round by round, and says what came of it.

A result has `ours` and `peer` in `unit`, and `ratio`, which is better above 1, whichever way the unit counts;
`limitRatio` is our time over the time that the machine's limit allows.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time

import inputs
import text_jobs
import worker
from result import result

ROUNDS = int(os.environ.get("ROUNDS", 5))


def sft(batches, steps=1, unit="tokens/s"):
    """Rounds of so many steps of full fine-tuning, on the same batches; the first step, which reserves memory, does not
    count."""

    def job(program):
        model, work = inputs.smollm2(), batches(1 + ROUNDS * steps)
        with worker.ours(program, model) as ours, worker.peer(model) as peer, worker.ours(program, model) as machine:
            rounds = [(ours.run(train=batch), peer.run(train=batch), products_of(batch, machine)) for batch in work]
        for ours, peer, _ in rounds:
            difference = abs(ours["loss"] - peer["loss"])
            assert difference < 1e-3, f"the losses differ by {difference}: {ours['loss']} and {peer['loss']}"
        rates, limits = [], []
        for begin in range(1, len(work), steps):
            tokens = sum(inputs.token_count(batch) for batch in work[begin : begin + steps])
            ours, peer, limit = (
                sum(side["seconds"] for side in sides) for sides in zip(*rounds[begin : begin + steps], strict=True))
            rates.append([tokens / ours, tokens / peer])
            limits.append((ours / limit, peer / limit))
        return result(unit, rates, rounds[-1], higher_is_better=True) | limited(limits)

    return job


def products_of(batch, machine, most=640):
    """The seconds of a batch's matrix products, back to back, at the size in which a step runs them."""
    tokens = inputs.token_count(batch)
    predicted = sum(sum(sequence["learned"][1:]) for sequence in batch)
    size = min(tokens, most)
    answer = machine.run(products=dict(tokens=size, predicted=round(size * predicted / tokens), backward=True))
    return dict(seconds=answer["seconds"] * tokens / size)


def limit_of_writing(batch, machine):
    """The seconds that writing 64 tokens takes at least, given our answer: one sequence reads every weight for each
    token, at the speed at which memory is read now; many multiply, as fast as large products are now."""
    if batch == 1:
        speed = machine.run(bandwidth=True)
        return lambda answer: answer["bytes"] / speed["bytes"] * speed["seconds"]
    prompt = machine.run(products=dict(tokens=40 * batch, predicted=batch, backward=False))["seconds"]
    large = machine.run(products=dict(tokens=640, predicted=640, backward=False))["seconds"]
    return lambda _: prompt + 63 * large * batch / 640


def limited(limits):
    """How far our time is from the limit, and the ratio that the limit itself would reach."""
    return dict(
        limitRatio=statistics.median(ours for ours, _ in limits),
        ratioAtLimit=statistics.median(peer for _, peer in limits))


def memory_real(program):
    """Peak memory of a process that fine-tunes on real conversations."""
    model, work = inputs.smollm2(), inputs.conversation_batches(3, False)
    with worker.ours(program, model) as ours, worker.peer(model) as peer:
        pairs = [(ours.run(train=batch), peer.run(train=batch)) for batch in work]
    return result("GB", [[side["peakMemory"] / 1e9 for side in pairs[-1]]], pairs[-1], higher_is_better=False)


def dense_limit(program):
    """A dense step against its own matrix products, back to back, in the same process."""
    with worker.ours(program, inputs.smollm2()) as ours:
        pairs = [
            (ours.run(train=batch), products_of(batch, ours)) for batch in inputs.random_batches(ROUNDS + 1, 2, 256)]
    times = [[side["seconds"] for side in pair] for pair in pairs[1:]]
    answer = result("s", times, pairs[-1], higher_is_better=False, peer="products")
    return answer | dict(limitRatio=statistics.median(ours / limit for ours, limit in times))


def own_products(program):
    """The matrix products of a dense step by kernels of our own, against those of the library that is found."""
    model, step = inputs.smollm2(), dict(tokens=640, predicted=640, backward=True)
    with worker.ours(program, model, SWAGE_BLAS="none") as own, worker.ours(program, model) as library:
        pairs = [(own.run(products=step), library.run(products=step)) for _ in range(ROUNDS + 1)]
    times = [[side["seconds"] for side in pair] for pair in pairs[1:]]
    return result("s", times, pairs[-1], higher_is_better=False, peer="library")


def generate(batch, *options):
    """64 tokens after 40-token prompts, sampled from the whole vocabulary at temperature 1."""

    def job(program):
        model, prompts = inputs.smollm2(), inputs.prompts(batch)
        with worker.ours(program, model, *options) as ours, worker.peer(model) as peer, worker.ours(program, model) as machine:
            rounds = [
                (ours.run(generate=prompts), peer.run(generate=prompts), limit_of_writing(batch, machine))
                for _ in range(ROUNDS + 1)]
        rates = [[64 * batch / side["seconds"] for side in pair[:2]] for pair in rounds[1:]]
        limits = [(ours["seconds"] / limit, peer["seconds"] / limit) for ours, peer, limit in
                  ((ours, peer, limit(ours)) for ours, peer, limit in rounds[1:])]
        return result("tokens/s", rates, rounds[-1], higher_is_better=True) | limited(limits)

    return job


def startup(program):
    """From the command to the end of the first step, on one conversation: each side's own program, from nothing."""
    model = inputs.smollm2()
    with tempfile.TemporaryDirectory() as folder:
        commands = [
            [program.replace("SwageBenchmarks", "swage"), "sft", "--model", inputs.with_tokenizer(), "--data",
             inputs.CONVERSATIONS, "--steps", "1", "--sequence-length", "64", "--no-packing", "--no-shuffle",
             "--loss-on", "all", "--output"],
            [sys.executable, "-B", worker.HERE / "peer_startup.py", model, inputs.FOLDER / "tokenizer", inputs.CONVERSATIONS],
        ]
        times = []
        for index in range(ROUNDS + 1):
            ours = until(commands[0] + [f"{folder}/{index}"], "step 1/1")
            times.append((ours, until(commands[1], "step 1")))
    return result("s", times[1:], ({}, {}), higher_is_better=False)


def until(command, text):
    """The seconds from the start of a command to the line that holds `text`."""
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": str(worker.THREADS)}
    start = time.perf_counter()
    process = subprocess.Popen(
        [str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment)
    seen = ""
    for line in process.stdout:
        seen += line
        if text in line:
            seconds = time.perf_counter() - start
            # What would come next, a checkpoint among it, is no part of this.
            process.kill()
            process.wait()
            return seconds
    sys.exit(f"{command[0]} never printed {text!r}:\n{seen}")


def loss(program):
    """Loss and gradients of a model that is nearly all output head, with and without the logits."""
    rows = []
    for vocabulary in (49152, 151936):
        for name in ("cross-entropy", "linear-cross-entropy"):
            with tempfile.TemporaryDirectory() as folder:
                inputs.one_layer_model(folder, vocabulary)
                job = dict(loss=dict(name=name, tokens=1024))
                with worker.ours(program, folder) as ours, worker.peer(folder) as peer:
                    pairs = [(ours.run(**job), peer.run(**job)) for _ in range(ROUNDS + 1)]
            times = [[side["seconds"] for side in pair] for pair in pairs[1:]]
            rows.append(dict(vocabulary=vocabulary, loss=name) | result("s", times, pairs[-1], higher_is_better=False))
            print(f"  {name}, vocabulary {vocabulary}: ratio {rows[-1]['ratio']:.2f}", file=sys.stderr)
    return min(rows, key=lambda row: row["ratio"]) | dict(rows=rows)


def loss_call(program):
    """What a loss costs before any work, traced before, against tracing it anew."""
    with worker.ours(program, inputs.smollm2()) as ours:
        times = [[ours.run(lossCost=name)["seconds"] for name in ("call", "trace")] for _ in range(ROUNDS)]
    return result("s", times, ({}, {}), higher_is_better=False, peer="traced anew")


def call(program):
    """The least that a call costs: asking for the status, in the same process and over a Unix socket."""
    model = inputs.smollm2()
    with worker.engine(program, model, "native") as native, worker.engine(program, model, "served") as served:
        times = [[side.run(calls=count)["seconds"] for side, count in ((native, 20000), (served, 1000))] for _ in range(ROUNDS + 1)]
    return result("s", times[1:], ({}, {}), higher_is_better=False, peer="over a socket")


def transfer(program):
    """Logits of 512 tokens, 100 MB, over a Unix socket: what that adds to computing them, as bytes a second."""
    model, rows = inputs.smollm2(), [[index % 1000 for index in range(512)]]
    with worker.engine(program, model, "native") as native, worker.engine(program, model, "served") as served:
        pairs = [[side.run(logits=rows) for side in (native, served)] for _ in range(ROUNDS + 1)]
    rates = [
        [served["bytes"] / 1e6 / served["seconds"], served["bytes"] / 1e6 / native["seconds"]] for native, served in pairs[1:]]
    added = statistics.median(served["seconds"] - native["seconds"] for native, served in pairs[1:])
    answer = result("MB/s", rates, ({}, {}), higher_is_better=True, peer="native")
    return answer | dict(addedSeconds=added, socketMegabytesPerSecond=pairs[-1][1]["bytes"] / 1e6 / added)


def titan_step(program):
    """A dense step on two FSDP2 ranks, through Swage and by TorchTitan's own loop, in the same layout of processes."""
    model = inputs.smollm2()
    work = [[sequence["ids"] for sequence in batch] for batch in inputs.random_batches(ROUNDS + 2, 2, 256)]
    with worker.engine(program, model, "titan") as ours, worker.direct_titan(model) as peer:
        rounds = [(ours.run(step=batch), peer.run(step=batch)) for batch in work]
    for ours, peer in rounds:
        assert abs(ours["loss"] - peer["loss"]) < 1e-3, f"the losses differ: {ours['loss']} and {peer['loss']}"
    times = [[side["seconds"] for side in pair] for pair in rounds[2:]]
    return result("s", times, rounds[-1], higher_is_better=False, peer="TorchTitan")


def grpo_step(program):
    """A step of GRPO: 8 answers of up to 64 tokens to each of 8 problems, and one update. Each side draws its own."""
    model = inputs.with_tokenizer()
    steps = [inputs.arithmetic(8, seed) for seed in range(ROUNDS + 1)]
    with worker.ours(program, model) as ours, worker.trl(model, ROUNDS + 1) as peer:
        peer.tell(questions=[question for step in steps for question in step])
        rounds = [(ours.run(grpo=step), peer.run(next=True)) for step in steps]
    times = [[side["seconds"] for side in pair] for pair in rounds[1:]]
    answer = result("s", times, rounds[-1], higher_is_better=False, peer="TRL")
    for index, side in enumerate(("ours", "peer")):
        sides = [pair[index] for pair in rounds[1:]]
        total = sum(side["seconds"] for side in sides)
        written = sum(side["writtenTokens"] for side in sides)
        answer[f"{side}Rollout"] = sum(side["rolloutSeconds"] for side in sides) / total
        answer[f"{side}Tokens"] = written / len(sides)
        print(
            f"  {side}: writing is {answer[f'{side}Rollout']:.0%} of a step, {answer[f'{side}Tokens']:.0f} tokens in 64 answers",
            file=sys.stderr)
    return answer


def handover(program):
    """Until a sampler writes with the weights of a step: the trainer's own, and one with weights of its own."""
    with worker.ours(program, inputs.smollm2()) as ours:
        rounds = [(ours.run(handover="shared"), ours.run(handover="apart")) for _ in range(ROUNDS + 1)]
    times = [[side["seconds"] for side in pair] for pair in rounds[1:]]
    copied, apart = (max(pair[index]["bytes"] for pair in rounds) for index in (0, 1))
    assert copied == 0, f"{copied} bytes of weights were copied"
    print(f"  bytes copied: {copied}; by a sampler apart: {apart}", file=sys.stderr)
    return result("s", times, ({}, {}), higher_is_better=False, peer="apart") | dict(bytesCopied=copied, bytesApart=apart)


def prefix_shared(program):
    """An update on 16 completions of 64 tokens, 8 for each of 2 prompts of 256: side by side, where the prompt is computed
    once, and in turn, where no neighbours have one in common."""
    groups = inputs.groups(count=2, members=8, prompt=256, completion=64)
    together = [row for group in groups for row in group]
    apart = [row for rows in zip(*groups, strict=True) for row in rows]
    with worker.ours(program, inputs.smollm2()) as shared, worker.ours(program, inputs.smollm2()) as unshared:
        rounds = [(shared.run(policy=together), unshared.run(policy=apart)) for _ in range(ROUNDS + 1)]
    times = [[side["seconds"] for side in pair] for pair in rounds[1:]]
    return result("s", times, rounds[-1], higher_is_better=False, peer="unshared")


# Each job, the ratio that is asked of it, and how far its time may be from the machine's limit.
JOBS = {
    "sft-real": (sft(lambda count: inputs.conversation_batches(count, assistant_only=False), steps=2), 2.6, None),
    "sft-assistant": (sft(lambda count: inputs.conversation_batches(count, assistant_only=True), steps=2), 3, None),
    "sft-dense": (sft(lambda count: inputs.random_batches(count, 2, 256)), 1.5, None),
    "dense-limit": (dense_limit, None, 1.15),
    "own-products": (own_products, 0.6, None),
    "memory-real": (memory_real, 4, None),
    "generate-16": (generate(16), 4.5, None),
    "generate-1": (generate(1), 1.9, 1 / 0.85),
    "generate-1-8bit": (generate(1, "8bit"), 5, None),
    "startup": (startup, 3, None),
    "long-2048": (sft(lambda count: inputs.random_batches(count, 1, 2048)), 1.5, None),
    "long-4096": (sft(lambda count: inputs.random_batches(count, 1, 4096)), 1.5, None),
    "linear-cross-entropy": (loss, 1.5, None),
    "grpo-step": (grpo_step, 2.5, None),
    "prefix-shared": (prefix_shared, 2.5, None),
    "handover": (handover, None, None),
    "loss-call": (loss_call, None, None),
    "tokenize": (text_jobs.tokenize(ROUNDS), 1.5, None),
    "templates": (text_jobs.templates(ROUNDS), 1, None),
    "open-data": (text_jobs.open_data(ROUNDS), None, None),
}

# Those that need the other engines.
ENGINE_JOBS = {
    "call": (call, None, None),
    "transfer": (transfer, None, None),
    "titan-step": (titan_step, 0.97, None),
}
