"""How transformers' `generate` draws as Swage promises: each completion from its own stream, with the log-probability of
every token at temperature 1 and over the whole vocabulary."""

from __future__ import annotations

import contextlib
import hashlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from transformers import LogitsProcessor, LogitsProcessorList, StoppingCriteria, StoppingCriteriaList

from .errors import Cancelled, IsCancelled, TrainerError, check
from .memory import require

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

    from .generated.swage.v1 import trainer_pb2 as pb

# All of them are looked for at every token.
MOST_STOPS, MOST_STOP_BYTES = 1024, 1 << 16
MOST_FIRST_TOKENS = 1 << 20


@dataclass
class SamplingOptions:
    max_tokens: int
    temperature: float
    top_k: int | None
    top_p: float
    seed: int
    stop_strings: list[str]
    concurrency: int
    end_of_sequence_ids: list[int]
    # Those that completions may begin with; empty means all.
    first_tokens: list[int]

    @classmethod
    def of(cls, request: pb.GenerateRequest, vocabulary: int) -> SamplingOptions:
        options = cls(
            request.max_tokens, request.temperature, request.top_k if request.HasField("top_k") else None, request.top_p,
            request.seed, list(request.stop_strings), request.concurrency, list(request.end_of_sequence_ids), list(request.first_tokens))
        def need(holds: object, what: str, expected: str) -> None:
            check(holds, "invalidOption", what, expected)

        stop_bytes = sum(len(text.encode()) for text in options.stop_strings)
        need(options.max_tokens > 0, f"maxTokens is {options.max_tokens}", "1 or more")
        fits = options.temperature >= 0 and math.isfinite(options.temperature)
        need(fits, f"temperature is {options.temperature}", "a finite number, 0 or more")
        need(options.top_k is None or options.top_k > 0, f"topK is {options.top_k}", "1 or more, or nil for all tokens")
        need(0 < options.top_p <= 1, f"topP is {options.top_p}", "a number above 0, at most 1")
        need(len(options.stop_strings) <= MOST_STOPS, f"there are {len(options.stop_strings)} stop strings", f"at most {MOST_STOPS}")
        ends, firsts = len(options.end_of_sequence_ids), len(options.first_tokens)
        need(ends <= MOST_STOPS, f"there are {ends} endOfSequenceIDs", f"at most {MOST_STOPS}")
        need("" not in options.stop_strings, "a stop string is empty", "at least one character")
        need(stop_bytes <= MOST_STOP_BYTES, f"the stop strings have {stop_bytes} bytes together", f"at most {MOST_STOP_BYTES}")
        need(options.concurrency > 0, f"concurrency is {options.concurrency}", "1 or more")
        need(firsts <= MOST_FIRST_TOKENS, f"there are {firsts} firstTokens", f"at most {MOST_FIRST_TOKENS}")
        require_in_vocabulary(options.first_tokens, vocabulary, "firstTokens")
        return options


def require_in_vocabulary(tokens: Sequence[int], size: int, name: str) -> None:
    if not tokens or 0 <= min(tokens) <= max(tokens) < size:
        return
    position, token = next((position, token) for position, token in enumerate(tokens) if not 0 <= token < size)
    raise TrainerError("tokenOutOfRange", f"{name}[{position}] is {token}", f"a token id in 0..<{size}")


@dataclass
class Completion:
    tokens: list[int]
    log_probs: list[float]
    finish_reason: str


@torch.no_grad()
def complete(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast | None, prompts: list[list[int]], streams: list[int],
    options: SamplingOptions, is_cancelled: IsCancelled,
) -> list[Completion]:
    """One completion for each prompt, a list of token ids; as many at once as the options say. `tokenizer`: that of the text
    in which stop strings are looked for; None where there are none."""
    _require_memory(model, prompts, options)
    completions: list[Completion] = []
    for begin in range(0, len(prompts), options.concurrency):
        end = begin + options.concurrency
        completions += _complete_together(model, tokenizer, prompts[begin:end], streams[begin:end], options, is_cancelled)
    return completions


def _require_memory(model: PreTrainedModel, prompts: list[list[int]], options: SamplingOptions) -> None:
    """Checks that what all completions together may come to can be held."""
    longest, rows = max(map(len, prompts), default=0), min(options.concurrency, len(prompts))
    positions = longest + options.max_tokens
    configuration = model.config.get_text_config()
    heads = getattr(configuration, "num_attention_heads", None) or 1
    width = getattr(configuration, "head_dim", None) or configuration.hidden_size // heads
    width *= getattr(configuration, "num_key_value_heads", None) or heads
    size = torch.finfo(model.dtype).bits // 8
    # The cache grows by copies of itself.
    require(
        2 * 2 * configuration.num_hidden_layers * width * size * rows * positions,
        f"the keys and values of {positions} tokens (a prompt of {longest} and maxTokens, {options.max_tokens}) "
        f"of {rows} completions at once", model.device)
    require(len(prompts) * options.max_tokens * 64, f"{len(prompts)} completions of up to {options.max_tokens} tokens")


@contextlib.contextmanager
def without_dropout(model: PreTrainedModel) -> Iterator[None]:
    were_training = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, was_training in were_training:
            module.training = was_training


def _complete_together(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast | None, prompts: list[list[int]], streams: list[int],
    options: SamplingOptions, is_cancelled: IsCancelled,
) -> list[Completion]:
    longest = max(map(len, prompts))
    ids = torch.tensor([[0] * (longest - len(prompt)) + prompt for prompt in prompts], device=model.device)
    seen = torch.tensor([[0] * (longest - len(prompt)) + [1] * len(prompt) for prompt in prompts], device=model.device)
    drawing = _Drawing(streams, options)
    ending = _Ending(tokenizer, longest, len(prompts), options, is_cancelled)
    with without_dropout(model):
        model.generate(
            ids, attention_mask=seen, max_new_tokens=options.max_tokens, do_sample=False, pad_token_id=0, eos_token_id=None,
            logits_processor=LogitsProcessorList([drawing]), stopping_criteria=StoppingCriteriaList([ending]))
    completions = []
    for row in range(len(prompts)):
        count = ending.lengths[row] or len(drawing.tokens)
        reason = ending.reasons[row] or "length"
        completions.append(Completion(
            [tokens[row] for tokens in drawing.tokens[:count]], [values[row] for values in drawing.log_probs[:count]], reason))
    return completions


def _generator(seed: int, stream: int) -> torch.Generator:
    """One that all bits of both count for: of its seed's 64, torch takes 32, and neighboring streams are to be apart."""
    digest = hashlib.sha256(seed.to_bytes(8, "little") + stream.to_bytes(8, "little")).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:4], "little"))


class _Drawing(LogitsProcessor):
    """Chooses each row's next token, and leaves `generate`, which takes the likeliest, no other choice."""

    def __init__(self, streams: list[int], options: SamplingOptions) -> None:
        self.options = options
        # Of each position, those of all rows.
        self.tokens: list[list[int]] = []
        self.log_probs: list[list[float]] = []
        self.generators = [_generator(options.seed, stream) for stream in streams]

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        logits = scores.float().log_softmax(-1)
        # Below that, the inverse is too large for a number, and only the likeliest token is left.
        choices = logits if self.tokens or not self.options.first_tokens else self._begun(logits)
        is_greedy = self.options.temperature < torch.finfo(torch.float32).tiny
        chosen = choices.argmax(-1) if is_greedy else self._draw(choices).to(logits.device)
        self.tokens.append(chosen.tolist())
        self.log_probs.append(logits.gather(-1, chosen[:, None])[:, 0].tolist())
        return torch.full_like(scores, -torch.inf).scatter(-1, chosen[:, None], 0.0)

    def _begun(self, logits: torch.Tensor) -> torch.Tensor:
        allowed = torch.tensor(self.options.first_tokens, device=logits.device)
        return torch.full_like(logits, -torch.inf).index_copy(-1, allowed, logits[:, allowed])

    def _draw(self, logits: torch.Tensor) -> torch.Tensor:
        # Of the likeliest the difference stays 0, whatever it is divided by; near 0 the others become minus infinity.
        differences = logits - logits.max(-1, keepdim=True).values
        probabilities = torch.where(differences == 0, 0.0, differences / self.options.temperature).softmax(-1).cpu()
        return torch.stack([self._draw_one(row, generator) for row, generator in zip(probabilities, self.generators, strict=True)])

    def _draw_one(self, probabilities: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        if self.options.top_k is not None or self.options.top_p < 1:
            sorted_values, order = probabilities.sort(descending=True, stable=True)
            count = int((sorted_values.cumsum(-1) < self.options.top_p).sum()) + 1
            count = min(count, self.options.top_k or count)
            kept = torch.zeros_like(probabilities)
            kept[order[:count]] = sorted_values[:count]
            probabilities = kept
        return torch.multinomial(probabilities, 1, generator=generator)[0]


class _Ending(StoppingCriteria):
    """Notes where each completion ends, and stops when all have."""

    def __init__(
        self, tokenizer: PreTrainedTokenizerFast | None, prompt_length: int, rows: int, options: SamplingOptions,
        is_cancelled: IsCancelled,
    ) -> None:
        self.tokenizer, self.prompt_length, self.options, self.is_cancelled = tokenizer, prompt_length, options, is_cancelled
        self.lengths: list[int | None] = [None] * rows
        self.reasons: list[str | None] = [None] * rows
        special = {token.content: id for id, token in tokenizer.added_tokens_decoder.items() if token.special} if tokenizer else {}
        # Special tokens give no text to be found in.
        self.stop_ids = {special[stop] for stop in options.stop_strings if stop in special}

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor, **_: Any) -> torch.Tensor:
        if self.is_cancelled():
            raise Cancelled
        written = input_ids[:, self.prompt_length :].tolist()
        for row, tokens in enumerate(written):
            if self.reasons[row] is None:
                self.reasons[row] = self._reason(tokens)
                self.lengths[row] = len(tokens) if self.reasons[row] else None
        return torch.tensor([reason is not None for reason in self.reasons], device=input_ids.device)

    def _reason(self, tokens: list[int]) -> str | None:
        if tokens[-1] in self.options.end_of_sequence_ids:
            return "endOfSequence"
        if self.tokenizer is not None:
            text = self.tokenizer.decode(tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False)
            if tokens[-1] in self.stop_ids or any(stop in text for stop in self.options.stop_strings):
                return "stopString"
        return "length" if len(tokens) == self.options.max_tokens else None
