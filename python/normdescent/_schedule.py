# SPDX-License-Identifier: Apache-2.0
"""The default learning-rate schedule, and a user's own."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch

from ._errors import ProblemError

WARMUP_FRACTION = 0.1


class WarmupCosine:
    """Factor of the rate at a step: a line up over a tenth of the steps, then a half cosine to zero."""

    def __init__(self, steps: int) -> None:
        self.steps = steps
        self.warmup = max(1, round(WARMUP_FRACTION * steps))

    def __call__(self, step: int) -> float:
        if step < self.warmup:
            return (step + 1) / self.warmup
        progress = min(1.0, (step - self.warmup) / max(1, self.steps - self.warmup))
        return 0.5 * (1.0 + math.cos(math.pi * progress))


def warmup_cosine(optimizer: torch.optim.Optimizer, steps: int) -> torch.optim.lr_scheduler.LambdaLR:
    """The default schedule as a torch scheduler; call its step() after each optimizer.step()."""
    return torch.optim.lr_scheduler.LambdaLR(optimizer, WarmupCosine(steps))


Schedule = Callable[[torch.optim.Optimizer, int], Any]


def make(schedule: Schedule | None, optimizer: torch.optim.Optimizer, steps: int) -> Any:
    """The scheduler of a run of `steps`, or None for a constant rate."""
    if schedule is None:
        return warmup_cosine(optimizer, steps)
    scheduler = schedule(optimizer, steps)
    if scheduler is not None and not hasattr(scheduler, "step"):
        raise TypeError(
            f"schedule(optimizer, steps) gave a {type(scheduler).__name__}; expected a torch LR scheduler, or None for a "
            "constant rate"
        )
    return scheduler


def advance(scheduler: Any, loss: float) -> None:
    if isinstance(scheduler, torch.optim.lr_scheduler.ReduceLROnPlateau):
        scheduler.step(loss)
    elif scheduler is not None:
        scheduler.step()


def check(schedule: Schedule | None, steps: int) -> None:
    """Refuses a schedule that sets rates of its own (OneCycleLR(max_lr=0.1)): every rate of a sweep would be the same."""
    if schedule is None:
        return
    seen = []
    for lr in (1e-3, 2e-3):
        parameter = torch.nn.Parameter(torch.zeros(1))
        parameter.grad = torch.zeros(1)
        optimizer = torch.optim.SGD([parameter], lr=lr, momentum=0.9)
        scheduler = make(schedule, optimizer, steps)
        rates = []
        for _ in range(min(steps, 12)):
            rates.append(float(optimizer.param_groups[0]["lr"]))
            optimizer.step()
            advance(scheduler, 1.0)
        seen.append(rates)
    if seen[0] == seen[1] and any(seen[0]):
        raise ProblemError(
            "schedule sets learning rates of its own, whatever the optimizer's lr is, so rates cannot be compared; "
            "expected rates in proportion "
            'to the optimizer\'s, for example OneCycleLR(optimizer, max_lr=[g["lr"] for g in optimizer.param_groups], '
            "total_steps=steps)"
        )
