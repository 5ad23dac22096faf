"""The jobs that are about text: tokenizers, chat templates, files of rows."""

import json
import random
import statistics
import sys
import time

import inputs
import worker
from result import result
from worker import HERE, Worker

FOLDER = inputs.FOLDER / "text"
LLAMA3 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
QWEN = LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}")
CHATML = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)


def lines_of_conversations():
    with open(inputs.CONVERSATIONS, encoding="utf-8") as file:
        return [message["content"] for line in file for message in json.loads(line)["messages"]]


def unicode_mix(count=20000):
    """Lines of many scripts, with emoji and marks, by a seed."""
    random.seed(0)
    ranges = [
        (0x61, 0x7A),
        (0x410, 0x44F),
        (0x3B1, 0x3C9),
        (0x4E00, 0x4FFF),
        (0x3041, 0x3096),
        (0x0E01, 0x0E30),
        (0x0905, 0x0939),
        (0x0621, 0x064A),
        (0xAC00, 0xAFFF),
        (0x1F600, 0x1F64F),
    ]
    words = []
    for low, high in ranges:
        words += ["".join(chr(random.randint(low, high)) for _ in range(random.randint(1, 8))) for _ in range(400)]
    words += ["e\u0301", "\U0001f469\u200d\U0001f467", "12345", "don't", "  ", "\n", "...", "¿qué?"]
    return [" ".join(random.choices(words, k=random.randint(5, 40))) for _ in range(count)]


def folders():
    """Three tokenizers of 32,000 tokens, trained here: with Llama 3's pattern, Qwen's, and with byte fallback as Llama 2's."""
    kinds = {"llama3": LLAMA3, "qwen": QWEN, "byte-fallback": None}
    if not all((FOLDER / kind / "tokenizer.json").exists() for kind in kinds):
        from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

        corpus = lines_of_conversations() + unicode_mix()
        for kind, pattern in kinds.items():
            if pattern:
                tokenizer = Tokenizer(models.BPE())
                split = pre_tokenizers.Split(Regex(pattern), "isolated")
                tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
                    [split, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
                )
                tokenizer.decoder = decoders.ByteLevel()
                if kind == "qwen":
                    tokenizer.normalizer = normalizers.NFC()
                alphabet = pre_tokenizers.ByteLevel.alphabet()
                special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
            else:
                tokenizer = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
                tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
                tokenizer.decoder = decoders.Sequence(
                    [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
                )
                alphabet, special = [], ["<unk>", "<s>", "</s>", "<|im_start|>", "<|im_end|>"] + [f"<0x{byte:02X}>" for byte in range(256)]
            trainer = trainers.BpeTrainer(
                vocab_size=32000, special_tokens=special, initial_alphabet=alphabet, show_progress=False, max_token_length=16
            )
            tokenizer.train_from_iterator(corpus, trainer)
            folder = FOLDER / kind
            folder.mkdir(parents=True, exist_ok=True)
            tokenizer.save(str(folder / "tokenizer.json"))
            (folder / "tokenizer_config.json").write_text(
                json.dumps(dict(tokenizer_class="PreTrainedTokenizerFast", eos_token="<|im_end|>", chat_template=CHATML))
            )
    return {kind: FOLDER / kind for kind in kinds}


def texts():
    """The texts that are encoded, each kind in a file."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    files = {}
    for name, make in (("conversations", lines_of_conversations), ("unicode", unicode_mix)):
        files[name] = FOLDER / f"{name}.json"
        if not files[name].exists():
            files[name].write_text(json.dumps(make()))
    return files


def sides(program, threads):
    ours = Worker([program.replace("SwageBenchmarks", "TextBenchmarks"), str(threads)])
    return ours, Worker([sys.executable, "-B", str(HERE / "peer_text.py"), str(threads)])


def tokenize(rounds):
    """Texts to tokens on one thread and on two, and opening the tokenizer."""

    def job(program):
        rows = []
        for threads in (1, 2):
            ours, peer = sides(program, threads)
            with ours, peer:
                for kind, folder in folders().items():
                    opening = [[side.run(load=str(folder))["seconds"] for side in (ours, peer)] for _ in range(rounds)]
                    for name, path in texts().items():
                        pairs = [(ours.run(encode=str(path)), peer.run(encode=str(path))) for _ in range(rounds + 1)][1:]
                        assert all(ours["count"] == peer["count"] for ours, peer in pairs), f"{kind}, {name}: other tokens"
                        rates = [[side["count"] / side["seconds"] for side in pair] for pair in pairs]
                        ratio = statistics.median(ours / peer for ours, peer in rates)
                        rows.append(
                            dict(
                                tokenizer=kind,
                                text=name,
                                threads=threads,
                                ratio=ratio,
                                ours=statistics.median(pair[0] for pair in rates),
                                peer=statistics.median(pair[1] for pair in rates),
                                ratios=[ours / peer for ours, peer in rates],
                                openingRatio=statistics.median(peer / ours for ours, peer in opening),
                            )
                        )
                        print(f"  {kind}, {name}, {threads} threads: {ratio:.2f}, opening {rows[-1]['openingRatio']:.2f}", file=sys.stderr)
        worst = {threads: min((row for row in rows if row["threads"] == threads), key=lambda row: row["ratio"]) for threads in (1, 2)}
        ratios = worst[1]["ratios"]
        return dict(
            unit="tokens/s",
            ours=worst[1]["ours"],
            peer=worst[1]["peer"],
            peerName="tokenizers",
            ratio=worst[1]["ratio"],
            ratios=ratios,
            spread=(max(ratios) - min(ratios)) / 2 / worst[1]["ratio"],
            peakMemoryOurs=None,
            peakMemoryPeer=None,
            rows=rows,
            against=dict(
                tokenizersOneThread=worst[1]["ratio"],
                tokenizersTwoThreads=worst[2]["ratio"],
                opening=min(row["openingRatio"] for row in rows),
            ),
        )

    return job


def templates(rounds):
    """Short conversations through a chat template, on one thread."""

    def job(program):
        path = FOLDER / "short.jsonl"
        FOLDER.mkdir(parents=True, exist_ok=True)
        with open(inputs.CONVERSATIONS, encoding="utf-8") as file:
            short = [dict(messages=json.loads(line)["messages"][:4]) for line in file]
        path.write_text("".join(json.dumps(row) + "\n" for row in short))
        ours, peer = sides(program, 1)
        with ours, peer:
            for side in (ours, peer):
                side.run(load=str(folders()["qwen"]))
            pairs = [(ours.run(render=str(path)), peer.run(render=str(path))) for _ in range(rounds + 1)][1:]
        rates = [[side["count"] / side["seconds"] for side in pair] for pair in pairs]
        return result("chats/s", rates, ({}, {}), higher_is_better=True, peer="transformers")

    return job


def open_data(rounds):
    """A file of 1 GB, opened with every row checked; the peer is Python's json on one thread."""

    def job(program):
        path = inputs.FOLDER / "one-gigabyte.jsonl"
        if not path.exists():
            rows = open(inputs.CONVERSATIONS, encoding="utf-8").readlines()
            with open(path, "w", encoding="utf-8") as file:
                size = 0
                while size < 10**9:
                    for row in rows:
                        size += file.write(row)
        with Worker([program.replace("SwageBenchmarks", "TextBenchmarks"), str(worker.THREADS)]) as ours:
            answers = [ours.run(open=str(path)) for _ in range(rounds)]
        times = []
        for answer in answers:
            start = time.perf_counter()
            with open(path, encoding="utf-8") as file:
                for line in file:
                    json.loads(line)
            times.append([answer["seconds"], time.perf_counter() - start])
        path.unlink()
        return result("s", times, (answers[-1], {}), higher_is_better=False, peer="json") | dict(rows=answers[-1]["count"])

    return job
