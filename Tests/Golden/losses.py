"""The stock losses, written down from their formulas in torch, through a tiny model to its parameters.

Nothing here follows the Swift library's way of computing: logits are whole, sequences are loops.
"""

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from transformers import LlamaForCausalLM

VOCABULARY, HIDDEN, ROWS, COLUMNS, TOP = 300, 24, 4, 9, 5


def batch():
    generator = torch.Generator().manual_seed(11)

    def normal(*shape, scale=1.0):
        return torch.randn(shape, generator=generator) * scale

    mask = (torch.rand((ROWS, COLUMNS), generator=generator) < 0.7).float()
    mask[:, 2] = 1
    # Two sequences a row, of different lengths.
    segments = torch.tensor([[int(t >= 4 + r) for t in range(COLUMNS)] for r in range(ROWS)])
    teacher = torch.log_softmax(normal(ROWS, COLUMNS, VOCABULARY), -1).topk(TOP)
    advantages = normal(ROWS, 2)
    return dict(
        inputIDs=torch.randint(0, VOCABULARY, (ROWS, COLUMNS), generator=generator),
        targetIDs=torch.randint(0, VOCABULARY, (ROWS, COLUMNS), generator=generator),
        targetMask=mask,
        targetWeights=advantages.gather(1, segments),
        segmentIDs=segments,
        samplerNoise=normal(ROWS, COLUMNS, scale=0.3),
        referenceNoise=normal(ROWS, COLUMNS, scale=0.3),
        teacherLogits=normal(ROWS, COLUMNS, VOCABULARY),
        teacherIDs=teacher.indices,
        teacherLogProbs=teacher.values,
        valueHead=normal(HIDDEN, 1, scale=0.2),
        returns=normal(ROWS, COLUMNS),
        oldValues=normal(ROWS, COLUMNS, scale=0.5),
    )


class Computed:
    """What the model computes for the batch, each packed sequence on its own."""

    def __init__(self, model, b, packed):
        rows_logits, rows_hidden = [], []
        for row in range(ROWS):
            parts = b["segmentIDs"][row].unique_consecutive(return_counts=True)[1].tolist() if packed else [COLUMNS]
            ids = b["inputIDs"][row].split(parts)
            results = [model(part[None], output_hidden_states=True) for part in ids]
            rows_logits.append(torch.cat([r.logits[0] for r in results]))
            rows_hidden.append(torch.cat([r.hidden_states[-1][0] for r in results]))
        self.b = b
        self.mask = b["targetMask"]
        self.logits = torch.stack(rows_logits)
        self.hidden = torch.stack(rows_hidden)
        self.all = torch.log_softmax(self.logits, -1)
        self.lp = self.all.gather(-1, b["targetIDs"][..., None])[..., 0]
        self.entropy = -(self.all.exp() * self.all).sum(-1)
        self.advantage = b["targetWeights"]
        self.sampler = (self.lp + b["samplerNoise"]).detach() * self.mask
        self.reference = (self.lp + b["referenceNoise"]).detach() * self.mask
        self.ratio = (self.lp - self.sampler).exp()

    def mean(self, values):
        return (values * self.mask).sum() / self.mask.sum()

    def sequences(self):
        for row in range(ROWS):
            for segment in self.b["segmentIDs"][row].unique():
                chosen = (self.b["segmentIDs"][row] == segment) & (self.mask[row] == 1)
                if chosen.any():
                    yield row, chosen

    def sequence_mean(self, values):
        means = [values[row][chosen].mean() for row, chosen in self.sequences()]
        return torch.stack(means).mean()

    def constant(self, values, length):
        return (values * self.mask).sum() / (len(list(self.sequences())) * length)

    def surrogate(self, low, high, ratio=None):
        ratio = self.ratio if ratio is None else ratio
        return torch.minimum(ratio * self.advantage, ratio.clamp(low, high) * self.advantage)

    def dual(self, low, high, bound):
        plain = self.surrogate(low, high)
        return torch.where(self.advantage < 0, torch.maximum(plain, bound * self.advantage), plain)

    def kl(self, kind):
        d = self.lp - self.reference
        return dict(k1=d, k2=d * d / 2, k3=torch.exp(-d) - 1 + d)[kind]

    def gspo(self, low, high):
        losses = []
        for row, chosen in self.sequences():
            ratio = (self.lp - self.sampler)[row][chosen].mean().exp()
            a = self.advantage[row][chosen][0]
            losses.append(-torch.minimum(ratio * a, ratio.clamp(low, high) * a))
        return torch.stack(losses).mean()

    def dpo(self, beta, kind):
        total = ((self.lp - self.reference) * self.mask).sum(1)
        h = total[0::2] - total[1::2]
        mean = total / self.mask.sum(1)
        losses = dict(
            sigmoid=-F.logsigmoid(beta * h), ipo=(mean[0::2] - mean[1::2] - 1 / (2 * beta)) ** 2, hinge=torch.relu(1 - beta * h)
        )
        return losses[kind].mean()

    def smoothed(self, smoothing, z):
        lse = torch.logsumexp(self.logits, -1)
        nll = (1 - smoothing) * -self.lp + smoothing * -self.all.mean(-1)
        return self.mean((nll + z * lse**2) * self.advantage)

    def distillation(self, t):
        teacher = torch.log_softmax(self.b["teacherLogits"] / t, -1)
        student = torch.log_softmax(self.logits / t, -1)
        return self.mean(t * t * F.kl_div(student, teacher, reduction="none", log_target=True).sum(-1))

    def top_k(self):
        teacher = self.b["teacherLogProbs"]
        return self.mean((teacher.exp() * (teacher - self.all.gather(-1, self.b["teacherIDs"]))).sum(-1))

    def value(self, clip):
        values = (self.hidden @ self.b["valueHead"])[..., 0]
        error = (values - self.b["returns"]) ** 2
        if clip:
            old = self.b["oldValues"]
            clipped = old + (values - old).clamp(-clip, clip)
            error = torch.maximum(error, (clipped - self.b["returns"]) ** 2)
        return self.mean(error / 2)


# Names are the tests'.
LOSSES = {
    "crossEntropy": lambda c: c.mean(-c.lp * c.advantage),
    "smoothed": lambda c: c.smoothed(0.1, 0.01),
    "linear": lambda c: c.mean(-c.lp * c.advantage),
    "reinforce": lambda c: c.mean(-c.lp * c.advantage),
    "importanceSampling": lambda c: c.mean(-c.ratio * c.advantage),
    "ppo": lambda c: c.mean(-c.surrogate(0.8, 1.2)),
    "ppoDual": lambda c: c.mean(-c.dual(0.8, 1.2, 1.1)),
    "cispo": lambda c: c.mean(-c.ratio.clamp(0.8, 1.2).detach() * c.advantage * c.lp),
    "dro": lambda c: c.mean(0.15 * (c.lp - c.sampler) ** 2 - c.lp * c.advantage),
    "grpoToken": lambda c: c.mean(-c.surrogate(0.8, 1.2)),
    "grpoSequenceK1": lambda c: c.sequence_mean(-c.surrogate(0.8, 1.2) + 0.2 * c.kl("k1")),
    "grpoConstantK2": lambda c: c.constant(-c.surrogate(0.8, 1.2) + 0.2 * c.kl("k2"), 12),
    "grpoTokenK3": lambda c: c.mean(-c.surrogate(0.8, 1.2) + 0.2 * c.kl("k3")),
    "gspo": lambda c: c.gspo(0.9, 1.1),
    "dpoSigmoid": lambda c: c.dpo(0.3, "sigmoid"),
    "dpoIpo": lambda c: c.dpo(0.3, "ipo"),
    "dpoHinge": lambda c: c.dpo(0.3, "hinge"),
    "distillation": lambda c: c.distillation(2.0),
    "distillationTopK": lambda c: c.top_k(),
    "value": lambda c: c.value(None),
    "valueClipped": lambda c: c.value(0.3),
}
WATCHED = ["model.layers.0.self_attn.q_proj.weight", "model.norm.weight", "model.layers.1.mlp.down_proj.weight"]


def write(folder, model_folder):
    folder.mkdir(exist_ok=True)
    model = LlamaForCausalLM.from_pretrained(model_folder, attn_implementation="eager").float().train()
    b = batch()
    golden = {f"batch.{name}": value.float().contiguous() for name, value in b.items()}
    for name, loss_of in LOSSES.items():
        model.zero_grad()
        # Preference pairs are whole rows; everything else is packed.
        computed = Computed(model, b, packed=not name.startswith("dpo"))
        loss = loss_of(computed)
        loss.backward()
        golden[f"{name}.loss"] = loss.detach().reshape(1)
        parameters = dict(model.named_parameters())
        for parameter in WATCHED:
            gradient = parameters[parameter].grad
            golden[f"{name}.{parameter}"] = torch.zeros_like(parameters[parameter]) if gradient is None else gradient.clone()
        head = parameters["lm_head.weight"].grad
        head = torch.zeros_like(parameters["lm_head.weight"]) if head is None else head
        golden[f"{name}.headRows"] = head.sum(1)
        for kind, packed in [("packed", True), ("rows", False)]:
            if packed != name.startswith("dpo"):
                golden[f"sampler.{kind}"] = computed.sampler.detach().contiguous()
                golden[f"reference.{kind}"] = computed.reference.detach().contiguous()
    save_file(golden, folder / "golden.safetensors")
