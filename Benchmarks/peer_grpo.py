"""TRL's GRPOTrainer, one step a line of standard input: peer_grpo.py MODEL THREADS STEPS

The first line holds all problems, 8 a step, `{"questions": [{"question", "answer"}]}`. Each further line starts a step,
which is answered with how long it took, and how long its writing did.
"""

import json
import re
import sys
import tempfile
import time

import torch
from datasets import Dataset
from transformers import AutoTokenizer, TrainerCallback
from trl import GRPOConfig, GRPOTrainer

model, threads, steps = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
torch.set_num_threads(threads)
answers = sys.stdout
sys.stdout = sys.stderr
questions = json.loads(sys.stdin.readline())["questions"]
data = Dataset.from_list(
    [dict(prompt=[dict(role="user", content=q["question"])], answer=q["answer"]) for q in questions])


def last_number(text):
    found = re.findall(r"-?\d[\d,]*(?:\.\d+)?", text)
    return float(found[-1].replace(",", "")) if found else None


def number(completions, answer, **_):
    return [float(last_number(c[0]["content"]) == float(a)) for c, a in zip(completions, answer, strict=True)]


class TimedTrainer(GRPOTrainer):
    rollout_seconds, written = 0.0, 0

    def _generate_single_turn(self, *arguments, **named):
        start = time.perf_counter()
        result = super()._generate_single_turn(*arguments, **named)
        self.rollout_seconds += time.perf_counter() - start
        self.written += sum(map(len, result[0]))
        return result


class Turns(TrainerCallback):
    def on_step_begin(self, *_, **__):
        if not sys.stdin.readline():
            sys.exit(0)
        trainer.rollout_seconds, trainer.written = 0.0, 0
        self.start = time.perf_counter()

    def on_step_end(self, *_, **__):
        answer = dict(
            seconds=time.perf_counter() - self.start, rolloutSeconds=trainer.rollout_seconds, writtenTokens=trainer.written)
        print(json.dumps(answer), file=answers, flush=True)


with tempfile.TemporaryDirectory() as folder:
    trainer = TimedTrainer(
        model=model, reward_funcs=number, train_dataset=data, processing_class=AutoTokenizer.from_pretrained(model),
        callbacks=[Turns()],
        args=GRPOConfig(
            output_dir=folder, use_cpu=True, bf16=False, fp16=False, num_generations=8, max_completion_length=64,
            per_device_train_batch_size=16, gradient_accumulation_steps=4, steps_per_generation=4, max_steps=steps,
            learning_rate=1e-6, lr_scheduler_type="constant", temperature=1.0, beta=0.0, max_grad_norm=1.0,
            shuffle_dataset=False, save_strategy="no", logging_strategy="no", report_to="none", disable_tqdm=True,
            gradient_checkpointing=False, model_init_kwargs=dict(dtype="float32", attn_implementation="sdpa")))
    trainer.train()
