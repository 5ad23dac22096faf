"""What transformers computes with the real SmolLM2 and the weights of its GGUF file, dequantised."""

import json

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

QUESTIONS = ["What is the capital of France?", "Count from one to five.", "Name a colour of the rainbow."]
TEXT = "The quick brown fox jumps over the lazy dog. In 1969, people walked on the Moon for the first time."


def write(path, gguf_path):
    tokenizer = AutoTokenizer.from_pretrained(gguf_path.parent, gguf_file=gguf_path.name)
    model = AutoModelForCausalLM.from_pretrained(gguf_path.parent, gguf_file=gguf_path.name, dtype=torch.float32).eval()
    answers = []
    for question in QUESTIONS:
        messages = [dict(role="user", content=question)]
        text = tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
        prompt = tokenizer(text, add_special_tokens=False).input_ids
        with torch.no_grad():
            output = model.generate(
                torch.tensor([prompt]), attention_mask=torch.ones(1, len(prompt), dtype=torch.long), max_new_tokens=24,
                do_sample=False, eos_token_id=2, pad_token_id=2,
            )[0].tolist()
            logits = model(torch.tensor([prompt])).logits[0, -1]
        top = logits.topk(20)
        answers.append(
            dict(
                question=question, prompt=prompt, completion=output[len(prompt):],
                text=tokenizer.decode(output[len(prompt):]),
                topIDs=top.indices.tolist(), topLogits=top.values.tolist(),
            )
        )
    ids = tokenizer(TEXT, add_special_tokens=False).input_ids
    with torch.no_grad():
        logits = model(torch.tensor([ids[:-1]])).logits[0]
    log_probs = torch.log_softmax(logits, -1).gather(-1, torch.tensor(ids[1:])[:, None])[:, 0]
    document = dict(answers=answers, text=TEXT, ids=ids, logProbs=log_probs.tolist())
    path.write_text(json.dumps(document, ensure_ascii=False, indent=1) + "\n")
