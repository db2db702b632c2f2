# SPDX-License-Identifier: Apache-2.0
"""What is known of a problem for nothing, or for the price of a few gradients; and the clock."""

from __future__ import annotations

import math
import statistics
import time
from typing import Any

import torch
from torch.func import functional_call

from zoo.constants import CANDIDATES
from zoo.optimizers import reference
from zoo.problem import Problem, roles
from zoo.race import Stack

GRADIENTS = 16


def features(problem: Problem) -> dict[str, Any]:
    model = problem.make_model(0)
    kinds = roles(model)
    named = dict(model.named_parameters())
    count = {
        kind: sum(named[n].numel() for n, k in kinds.items() if k == kind) for kind in ("matrix", "embedding", "head", "vector")
    }
    matrices = [named[n] for n, k in kinds.items() if k == "matrix"]
    result: dict[str, Any] = {
        "parameters": sum(count.values()),
        **count,
        "matrices": len(matrices),
        "min_dim": statistics.median([min(m.shape[0], m[0].numel()) for m in matrices]) if matrices else 0,
        "frozen": sum(p.numel() for p in model.parameters() if not p.requires_grad),
    }
    stack = Stack(problem, model)
    stream = problem.train(101)
    gradients, losses = [], []
    for _ in range(GRADIENTS):
        row = stack.row.clone().requires_grad_()
        loss = problem.loss(stack.bound(row), next(stream))
        gradients.append(torch.autograd.grad(loss, row)[0].double())
        losses.append(float(loss.detach()))
    g = torch.stack(gradients)
    mean, variance = g.mean(0), g.var(0)
    k = GRADIENTS
    correction = (math.sqrt(2 / (k - 1)) * math.exp(math.lgamma(k / 2) - math.lgamma((k - 1) / 2))) ** 2  # c4^2
    noise = float(variance.sum())
    signal = float(mean.square().sum()) - noise / k
    result["loss_start"] = statistics.mean(losses)
    result["noise_density"] = float(variance.sqrt().sum() ** 2 / (variance.numel() * noise) / correction) if noise > 0 else 0.0
    # squared noise over squared gradient at this batch: times the batch, the simple critical batch
    result["noise_to_signal"] = noise / max(signal, 1e-3 * noise, 1e-30)
    result["gradient_density"] = float(mean.abs().sum() ** 2 / (mean.numel() * mean.square().sum())) if mean.any() else 0.0
    result["gradient_rms"] = math.sqrt(float(mean.square().mean()))
    return result


def clock(problem: Problem, repeats: int = 12) -> dict[str, float]:
    """CPU milliseconds: of a forward and backward pass, and of a step of each candidate. The median of `repeats`."""
    model = problem.make_model(0)
    kinds = roles(model)
    stream = problem.train(3)
    parameters = [p for p in model.parameters() if p.requires_grad]
    assert functional_call  # the plain module is timed, as a user runs it

    def median(call: Any) -> float:
        times = []
        for _ in range(repeats):
            start = time.process_time()
            call()
            times.append(time.process_time() - start)
        return round(1000 * statistics.median(times[2:]), 4)

    def gradients() -> None:
        for p in parameters:
            p.grad = None
        problem.loss(model, next(stream)).backward()

    result = {"gradient": median(gradients)}
    for p in parameters:
        if p.grad is None:
            p.grad = torch.zeros_like(p)
    for candidate in CANDIDATES:
        optimizers = reference(candidate, model, kinds, 1e-12)
        result[candidate] = median(lambda o=optimizers: [x.step() for x in o])
    return result
