"""Opens an exported folder with transformers and prints its greedy answer: check_export.py FOLDER PROMPT"""

import sys

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

folder, prompt = sys.argv[1:]
tokenizer = AutoTokenizer.from_pretrained(folder)
model = AutoModelForCausalLM.from_pretrained(folder).eval()
inputs = tokenizer.apply_chat_template(
    [dict(role="user", content=prompt)], add_generation_prompt=True, return_tensors="pt", return_dict=True
)
with torch.no_grad():
    output = model.generate(**inputs, max_new_tokens=32, do_sample=False)
print(tokenizer.decode(output[0][inputs["input_ids"].shape[1] :], skip_special_tokens=True))
