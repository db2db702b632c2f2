# SPDX-License-Identifier: Apache-2.0
"""Trains many copies of one model side by side (torch.func.vmap): all candidates and rates on the same batches."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

from zoo.optimizers import Rows, Slot
from zoo.problem import Batch, Model, Problem, learning_rate_factor, roles

Run = tuple[str, int]  # candidate, log2 of the rate

BINS = 8  # of a run's training losses


class Stack:
    """Rows of flat parameters of one model, and the model's loss as a function of a row."""

    def __init__(self, problem: Problem, model: nn.Module) -> None:
        self.problem, self.model = problem, model
        kinds = roles(model)
        self.slots: list[Slot] = []
        offset = 0
        named = dict(model.named_parameters())
        for name, role in kinds.items():
            self.slots.append(Slot(name, named[name].shape, offset, role))
            offset += named[name].numel()
        self.row = torch.cat([named[s.name].detach().flatten() for s in self.slots])
        self.sizes = [s.size for s in self.slots]

    def bound(self, row: Tensor) -> Model:
        parts = torch.split(row, self.sizes)
        parameters = {s.name: part.view(s.shape) for s, part in zip(self.slots, parts, strict=True)}
        return lambda *inputs: functional_call(self.model, parameters, inputs)

    def losses(self, rows: Tensor, batch: Batch) -> Tensor:
        return vmap(lambda row: self.problem.loss(self.bound(row), batch))(rows)

    def metrics(self, rows: Tensor) -> Tensor:
        with torch.no_grad():
            values = [vmap(lambda row, b=b: self.problem.metric(self.bound(row), b))(rows) for b in self.problem.validation]
        return torch.stack(values).mean(0)


@dataclass
class Outcome:
    """Of one run: validation losses at the points asked for (the last at the end), the first training loss, and the means of
    training losses over equal parts of the run."""

    curve: list[float]
    train_start: float
    train: list[float]

    @property
    def final(self) -> float:
        return self.curve[-1]


def race(problem: Problem, runs: list[Run], steps: int, seed: int, points: tuple[float, ...] = (1.0,)) -> dict[Run, Outcome]:
    """All runs over `steps` steps with a schedule of that length."""
    runs = sorted(runs)
    model = problem.make_model(seed)
    stack = Stack(problem, model)
    rows = stack.row.expand(len(runs), -1).clone().requires_grad_()
    parts: list[tuple[slice, Rows]] = []
    start = 0
    for candidate in sorted({c for c, _ in runs}):
        rates = torch.tensor([2.0**k for c, k in runs if c == candidate])
        part = slice(start, start + len(rates))
        parts.append((part, Rows(candidate, rates, stack.slots)))
        start = part.stop
    stops = [max(1, math.floor(p * steps)) for p in points]
    curves: list[list[float]] = []
    stream = problem.train(seed)
    edges = [round(i * steps / BINS) for i in range(BINS + 1)]
    train_start, means = torch.zeros(len(runs)), torch.zeros(BINS, len(runs))
    for step in range(steps):
        losses = stack.losses(rows, next(stream))
        (gradient,) = torch.autograd.grad(losses.sum(), rows)
        with torch.no_grad():
            if step == 0:
                train_start = losses.detach().clone()
            part_of_run = max(i for i in range(BINS) if edges[i] <= step)
            means[part_of_run] += losses.detach() / (edges[part_of_run + 1] - edges[part_of_run])
            factor = learning_rate_factor(problem.schedule, step, steps)
            for part, rule in parts:
                rule.step(rows[part], gradient[part], factor)
        if step + 1 in stops:
            curves += [stack.metrics(rows).tolist()] * stops.count(step + 1)
    return {run: Outcome([c[i] for c in curves], float(train_start[i]), means[:, i].tolist()) for i, run in enumerate(runs)}
