"""The peer's first step from nothing, as a user's script takes it: peer_startup.py MODEL TOKENIZER DATA."""

import json
import sys

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained(sys.argv[2])
with open(sys.argv[3], encoding="utf-8") as file:
    messages = json.loads(file.readline())["messages"]
model = AutoModelForCausalLM.from_pretrained(sys.argv[1], dtype=torch.float32)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5, fused=True)
text = tokenizer.apply_chat_template(messages, tokenize=False)
ids = tokenizer(text, return_tensors="pt", add_special_tokens=False).input_ids[:, :65]
loss = model(input_ids=ids, labels=ids).loss
loss.backward()
torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
optimizer.step()
print(f"step 1 loss {loss.item()}", flush=True)
