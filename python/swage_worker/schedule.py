"""Learning-rate schedules, as Swift's LearningRateSchedule has them."""

import math

from .options import Schedule


def schedule_factor(schedule: Schedule, step: int) -> float:
    """The factor of the step that follows `step` finished ones."""
    warmup, total = schedule.warmup_steps, schedule.total_steps
    if step < warmup:
        return (step + 1) / warmup
    progress = min(1.0, (step - warmup) / max(1, total - warmup))
    return {"constant": 1.0, "linear": 1 - progress, "cosine": (1 + math.cos(math.pi * progress)) / 2}[schedule.shape]
