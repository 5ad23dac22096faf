"""The peer of the benchmarks of text: peer_text.py THREADS. Answers the jobs of TextBenchmarks by `tokenizers` and Jinja."""

import json
import os
import sys
import time

THREADS = int(sys.argv[1])
os.environ["TOKENIZERS_PARALLELISM"] = "true" if THREADS > 1 else "false"
os.environ["RAYON_NUM_THREADS"] = str(THREADS)

from tokenizers import Tokenizer  # noqa: E402


def run(job, state):
    if "load" in job:
        start = time.perf_counter()
        state["tokenizer"] = Tokenizer.from_file(f"{job['load']}/tokenizer.json")
        state["folder"] = job["load"]
        return time.perf_counter() - start, state["tokenizer"].get_vocab_size()
    if "encode" in job:
        with open(job["encode"], encoding="utf-8") as file:
            texts = json.load(file)
        start = time.perf_counter()
        encodings = state["tokenizer"].encode_batch_fast(texts)
        return time.perf_counter() - start, sum(len(encoding.ids) for encoding in encodings)
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(state["folder"])
    with open(job["render"], encoding="utf-8") as file:
        chats = [json.loads(line)["messages"] for line in file]
    tokenizer.apply_chat_template(chats[:1], tokenize=False)
    start = time.perf_counter()
    tokenizer.apply_chat_template(chats, tokenize=False)
    return time.perf_counter() - start, len(chats)


def main():
    state = {}
    for line in sys.stdin:
        seconds, count = run(json.loads(line), state)
        print(json.dumps(dict(seconds=seconds, count=count)), flush=True)


main()
