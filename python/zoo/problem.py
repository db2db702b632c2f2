# SPDX-License-Identifier: Apache-2.0
"""A training problem: what `compare` takes of a user's model, and the settings it was drawn with."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

Batch = tuple[Tensor, ...]
Model = Callable[..., Tensor]  # a module, or a module bound to other parameters


class Draw:
    """Random settings, each recorded under its name; `fixed` overrides."""

    def __init__(self, seed: str, fixed: dict[str, Any] | None = None) -> None:
        self.random = random.Random(seed)
        self.fixed = fixed or {}
        self.settings: dict[str, Any] = {}

    def choice(self, name: str, options: Sequence[Any]) -> Any:
        value = self.random.choice(list(options))
        return self._keep(name, value)

    def log_uniform(self, name: str, low: float, high: float) -> float:
        value = math.exp(self.random.uniform(math.log(low), math.log(high)))
        return self._keep(name, float(f"{value:.4g}"))

    def integer(self, name: str, low: int, high: int) -> int:
        """Log-uniform between low and high, both included."""
        value = round(math.exp(self.random.uniform(math.log(low - 0.499), math.log(high + 0.499))))
        return self._keep(name, min(max(value, low), high))

    def chance(self, name: str, probability: float) -> bool:
        return self._keep(name, self.random.random() < probability)

    def _keep(self, name: str, value: Any) -> Any:
        value = self.fixed.get(name, value)
        self.settings[name] = value
        return value


class Source:
    """Data: `sample(generator, count)` gives one batch; finite sets are visited in shuffled epochs."""

    def __init__(
        self,
        sample: Callable[[torch.Generator, int], Batch] | None = None,
        tensors: Batch | None = None,
        noise: Callable[[torch.Generator, int], Batch] | None = None,
    ) -> None:
        self.sample_fresh, self.tensors, self.noise = sample, tensors, noise

    def stream(self, generator: torch.Generator, count: int) -> Iterator[Batch]:
        if self.tensors is None:
            assert self.sample_fresh is not None
            while True:
                yield self.sample_fresh(generator, count)
        size = len(self.tensors[0])
        order = torch.empty(0, dtype=torch.long)
        while True:
            while len(order) < count:
                order = torch.cat([order, torch.randperm(size, generator=generator)])
            chosen, order = order[:count], order[count:]
            batch = tuple(t[chosen] for t in self.tensors)
            yield batch if self.noise is None else (*batch, *self.noise(generator, count))


@dataclass
class Parts:
    """What a family contributes."""

    make: Callable[[], nn.Module]
    loss: Callable[[Model, Batch], Tensor]
    train: Source
    validation: list[Batch]
    metric: Callable[[Model, Batch], Tensor] | None = None
    positions: float = 1.0  # how often a weight is used for one example; for the estimate of work only


@dataclass
class Problem:
    name: str
    family: str
    steps: int
    batch_size: int
    schedule: str
    parts: Parts
    settings: dict[str, Any] = field(default_factory=dict)

    def make_model(self, seed: int = 0) -> nn.Module:
        torch.manual_seed(1000 + seed)
        model = self.parts.make()
        scale = self.settings.get("init_scale", 1.0)
        if scale != 1.0:
            with torch.no_grad():
                for p in model.parameters():
                    if p.requires_grad and p.ndim >= 2:
                        p.mul_(scale)
        return model

    def loss(self, model: Model, batch: Batch) -> Tensor:
        return self.parts.loss(model, batch)

    def metric(self, model: Model, batch: Batch) -> Tensor:
        return (self.parts.metric or self.parts.loss)(model, batch)

    def train(self, seed: int = 0) -> Iterator[Batch]:
        return self.parts.train.stream(torch.Generator().manual_seed(7919 * (seed + 1)), self.batch_size)

    @property
    def validation(self) -> list[Batch]:
        return self.parts.validation


def roles(model: nn.Module) -> dict[str, str]:
    """Trainable parameter -> matrix, embedding, head or vector."""
    embeddings = {f"{name}.weight" for name, m in model.named_modules() if isinstance(m, nn.Embedding)}
    result = {}
    for name, p in model.named_parameters():
        if not p.requires_grad:
            continue
        if p.ndim < 2:
            result[name] = "vector"
        elif name in embeddings:
            result[name] = "embedding"
        elif "head" in name.split("."):
            result[name] = "head"
        else:
            result[name] = "matrix"
    return result


def learning_rate_factor(schedule: str, step: int, steps: int) -> float:
    """Linear warm-up over a tenth, then cosine to zero, a line to zero, or constant."""
    warmup = max(1, round(0.1 * steps))
    if step < warmup:
        return (step + 1) / warmup
    if schedule == "constant":
        return 1.0
    progress = (step - warmup) / max(1, steps - warmup)
    return 1.0 - progress if schedule == "linear" else 0.5 * (1.0 + math.cos(math.pi * progress))
