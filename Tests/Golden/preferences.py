"""DPO's losses and gradients as TRL's DPOTrainer computes them, on pairs of token ids and a tiny model."""

import tempfile

import torch
from datasets import Dataset
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast
from trl import DPOConfig, DPOTrainer

PAIRS = [
    dict(prompt_ids=[5, 9, 200, 31, 7, 7, 90, 12, 13], chosen_ids=[14, 150, 3], rejected_ids=[99, 14, 150, 3, 8]),
    dict(prompt_ids=[1, 2, 3, 250], chosen_ids=[30, 31, 32, 33, 34, 35], rejected_ids=[40]),
    dict(prompt_ids=[5, 9, 200, 31, 7, 7, 90, 12, 13, 14], chosen_ids=[60], rejected_ids=[61, 62]),
]
BETA = 0.3


def write(path, model_folder, tokenizer_file):
    tensors = {}
    for kind in ("sigmoid", "hinge", "ipo"):
        model, reference = (AutoModelForCausalLM.from_pretrained(model_folder, dtype=torch.float32) for _ in range(2))
        generator = torch.Generator().manual_seed(3)
        with torch.no_grad():
            for parameter in reference.parameters():
                parameter += 0.05 * torch.randn(parameter.shape, generator=generator)
        inputs, loss = compute(kind, model, reference, tokenizer_file)
        loss.backward()
        tensors[f"{kind}.loss"] = loss.detach().reshape(1)
        tensors |= {f"{kind}.gradient.{name}": p.grad.clone() for name, p in model.named_parameters()}
        tensors |= batch(inputs, reference)
    save_file({name: value.float().contiguous() for name, value in tensors.items()}, path)


def compute(kind, model, reference, tokenizer_file):
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(tokenizer_file), pad_token="<pad>", eos_token="<pad>")
    text = dict(prompt="a", chosen="b", rejected="c")
    with tempfile.TemporaryDirectory() as folder:
        trainer = DPOTrainer(
            model=model, ref_model=reference, processing_class=tokenizer, train_dataset=Dataset.from_list([text]),
            args=DPOConfig(
                output_dir=folder, use_cpu=True, bf16=False, beta=BETA, loss_type=[kind], report_to="none",
                gradient_checkpointing=False))
        inputs = trainer.data_collator(PAIRS)
        return inputs, trainer.compute_loss(trainer.model, inputs)


@torch.no_grad()
def batch(inputs, reference):
    """The pairs as Swage lays them out: chosen and rejected in turn, targets shifted."""
    order = [row for pair in range(len(PAIRS)) for row in (pair, pair + len(PAIRS))]
    ids, mask = inputs["input_ids"][order], inputs["completion_mask"][order].float()
    logits = reference(input_ids=ids, attention_mask=inputs["attention_mask"][order]).logits[:, :-1]
    logprobs = logits.log_softmax(-1).gather(-1, ids[:, 1:, None])[..., 0]
    return dict(
        inputIDs=ids[:, :-1], targetIDs=ids[:, 1:], targetMask=mask[:, 1:], referenceLogProbs=logprobs * mask[:, 1:])
