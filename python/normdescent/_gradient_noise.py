# SPDX-License-Identifier: Apache-2.0
"""The critical batch from gradients that a run takes anyway.

Two consecutive steps see independent examples at nearly the same weights, so with g = G + n

    E <g_t, g_{t+1}> = ||G||^2        E ||g||^2 = ||G||^2 + S^2        B_crit = B S^2 / ||G||^2   (McCandlish et al., B_simple)

and nothing is computed but a dozen inner products. Below B_crit twice the batch is worth nearly half the steps, above it nearly
none.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

_PAIRS = 12
_LEAST_PAIRS = 6
_LARGEST_ERROR = 1.8  # of the logarithm: an interval over two orders of magnitude says nothing


class GradientPairs:
    """Watches pairs of consecutive gradients in the second half of a run; keeps one copy of a gradient while it waits."""

    def __init__(self, steps: int) -> None:
        first, last = steps // 2, steps - 2
        count = min(_PAIRS, max(0, (last - first + 1) // 2))
        self._firsts = {first + (i * (last - first)) // max(1, count - 1) for i in range(count)} if count else set()
        self._previous: list[torch.Tensor] | None = None
        self._pairs: list[torch.Tensor] = []

    def see(self, step: int, parameters: Sequence[nn.Parameter]) -> None:
        if self._previous is None and step not in self._firsts:
            return
        now = [p.grad if p.grad is not None and not p.grad.is_sparse else None for p in parameters]
        if self._previous is not None:
            both = [(a, b) for a, b in zip(self._previous, now, strict=True) if a is not None and b is not None]
            if len(both) == sum(a is not None for a in self._previous) and both:
                self._pairs.append(_inner_products(both))
        self._previous = [g.detach().clone() if g is not None else None for g in now] if step in self._firsts else None  # type: ignore[misc]

    def measured(self) -> list[list[float]]:
        """[<g_t, g_t+1>, (||g_t||^2 + ||g_t+1||^2) / 2] of each pair."""
        found = [[float(v) for v in pair.tolist()] for pair in self._pairs]
        return [pair for pair in found if all(math.isfinite(v) for v in pair)]


def _sum(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    return (a.float() * b.float()).sum()


def _inner_products(both: list[tuple[torch.Tensor, torch.Tensor]]) -> torch.Tensor:
    dot = torch.stack([_sum(a, b) for a, b in both]).sum()
    squares = torch.stack([_sum(a, a) + _sum(b, b) for a, b in both]).sum() / 2
    return torch.stack([dot, squares])


def critical_batch(pairs: Sequence[Sequence[float]], batch_size: float) -> dict[str, Any] | None:
    """value, low and high in examples (80 %, delete-one jackknife of the logarithm); None where noise hides the gradient."""
    if len(pairs) < _LEAST_PAIRS:
        return None
    whole = _log_ratio(pairs)
    parts = [_log_ratio([*pairs[:i], *pairs[i + 1 :]]) for i in range(len(pairs))]
    if whole is None or any(p is None for p in parts):
        return None
    mean = sum(p for p in parts if p is not None) / len(parts)
    error = math.sqrt((len(parts) - 1) / len(parts) * sum((p - mean) ** 2 for p in parts if p is not None))
    value = batch_size * math.exp(whole)
    if error > _LARGEST_ERROR:
        return None
    spread = math.exp(1.2816 * error)
    return {"value": value, "low": value / spread, "high": value * spread, "pairs": len(pairs)}


def _log_ratio(pairs: Sequence[Sequence[float]]) -> float | None:
    dot, square = sum(p[0] for p in pairs), sum(p[1] for p in pairs)
    return math.log((square - dot) / dot) if 0.0 < dot < square else None


def sentence(found: dict[str, Any] | None, batch: float) -> str:
    """What it means for the batch in use."""
    if found is None:
        return "Whether a larger batch would pay was not measurable: too few steps, or noise hides the gradient."
    interval = f"[{found['low']:.2g}, {found['high']:.2g}]"
    value = f"Critical batch about {found['value']:.3g} examples {interval} in the second half of the runs"
    if found["low"] > 2.0 * batch:
        return f"{value}: a larger batch than {batch:.4g} would pay."
    if found["high"] < 0.5 * batch:
        return f"{value}: a larger batch than {batch:.4g} would not pay, a smaller one would cost little."
    return f"{value}, near the batch of {batch:.4g} in use: a larger one would pay in part."
