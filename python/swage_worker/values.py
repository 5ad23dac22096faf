"""Looks at values that somebody else has written."""

import math
from collections.abc import Callable
from typing import Any

from .errors import check

# Larger numbers count nothing, and could not be counted on from.
LARGEST_COUNT = 1 << 53
# The normal numbers of float32: smaller ones are 0 to most engines, and larger ones infinite.
SMALLEST_FLOAT, LARGEST_FLOAT = 2.0**-126, (2 - 2.0**-23) * 2.0**127


class Values:
    """What does not fit is an error of this code, which begins with the place."""

    def __init__(self, code: str, place: str) -> None:
        self.code, self.place = code, place

    def need(self, holds: object, name: str, value: object, expected: str) -> None:
        check(holds, self.code, f"{self.place}: {name} is {value!r:.100}", expected)

    def need_count(self, name: str, value: object) -> None:
        self.need(type(value) is int and 0 <= value <= LARGEST_COUNT, name, value, f"a number from 0 to {LARGEST_COUNT}")

    def need_number(self, name: str, value: Any, fits: Callable[[float], bool], expected: str) -> None:
        is_number = type(value) in (int, float) and abs(value) < 1e300 and math.isfinite(value)
        self.need(is_number and fits(value), name, value, expected)

    def need_optimizer(self, options: Any) -> None:
        """As Swift's OptimizerOptions.validate."""
        self.need(isinstance(options, dict), "optimizer", options, "the options of an optimizer")
        for name in ("learningRate", "weightDecay"):
            self.need_number(name, options.get(name), lambda value: value >= 0, "a finite number, 0 or more")
        for name in ("beta1", "beta2"):
            self.need_number(name, options.get(name), lambda value: 0 <= value < 1, "a number in 0..<1")
        for name in ("epsilon", "maxGradientNorm"):
            if name == "epsilon" or options.get(name) is not None:
                self.need_number(
                    name, options.get(name), lambda value: SMALLEST_FLOAT <= value <= LARGEST_FLOAT,
                    "a positive number that float32 holds")
        schedule = options.get("schedule")
        self.need(isinstance(schedule, dict), "schedule", schedule, "a schedule")
        shape = schedule.get("shape")
        self.need(shape in ("constant", "linear", "cosine"), "shape", shape, "constant, linear or cosine")
        for name in ("warmupSteps",) if shape == "constant" else ("warmupSteps", "totalSteps"):
            self.need_count(name, schedule.get(name))
        self.need(
            shape == "constant" or schedule["totalSteps"] > schedule["warmupSteps"], "totalSteps", schedule["totalSteps"],
            f"more than the {schedule['warmupSteps']} warm-up steps")
