# SPDX-License-Identifier: Apache-2.0
"""The probe on problems whose numbers are known."""

from __future__ import annotations

import json
import math
from typing import Any

import normdescent as nd
import pytest
import torch
from torch import nn


class Quadratic(nn.Module):
    """f(w) = sum_i h_i w_i^2 / 2 with noise <n, w> of standard deviation s in each coordinate of each example."""

    def __init__(self, dimension: int, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.ones(dimension, dtype=dtype))


DIMENSION, EXAMPLES, NOISE, CURVATURE = 400, 8, 2.0, 3.0


def noise(seed: int) -> Any:
    g = torch.Generator().manual_seed(seed % 2**31)
    while True:
        yield torch.randn(EXAMPLES, DIMENSION, generator=g) * NOISE


def loss(model: Any, batch: torch.Tensor) -> torch.Tensor:
    w = model.w.float()
    return CURVATURE * w.square().sum() / 2 + (batch.to(w) @ w).mean()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_noise_gradient_curvature_and_critical_batch_of_a_quadratic(dtype: torch.dtype) -> None:
    found = nd.probe(lambda: Quadratic(DIMENSION, dtype), loss, noise, progress=False)
    l2 = found.geometries["euclidean"]
    per_batch = NOISE * math.sqrt(DIMENSION / EXAMPLES)  # S_2 of a mini-batch
    gradient = CURVATURE * math.sqrt(DIMENSION)
    assert l2["noise_scale"] == pytest.approx(per_batch, rel=0.05)
    assert l2["gradient_norm"] == pytest.approx(gradient, rel=0.05)
    assert l2["curvature"] == pytest.approx(CURVATURE, rel=0.02)
    # B (2 S / ||g||)^2, in examples
    assert found.critical_batch["euclidean"] == pytest.approx(EXAMPLES * (2 * per_batch / gradient) ** 2, rel=0.15)
    assert found.noise_density == pytest.approx(1.0, abs=0.05), "the noise is spread evenly"
    assert all(g["gain"] > 0.0 and g["step_size"] > 0.0 for g in found.gains)
    # One step along the gradient with its best rate 1 / h, judged on fresh noise: h ||w||^2 / 2 less what the noise costs.
    assert found.gains[0]["gain"] == pytest.approx(gradient**2 / (2 * CURVATURE) / (1 + (per_batch / gradient) ** 2), rel=0.2)


def test_the_model_and_its_streams_are_left_alone_and_no_more_than_gradients_are_asked_for(data: Any, loss: Any) -> None:
    net = nn.Sequential(nn.Linear(6, 8), nn.Dropout(0.2), nn.Tanh(), nn.Linear(8, 2))
    before = {n: p.detach().clone() for n, p in net.named_parameters()}
    state = torch.get_rng_state()
    found = nd.probe(net, loss, data, data, steps=60, batch_size=8, progress=False)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(p, before[n]) and p.grad is None for n, p in net.named_parameters())
    assert found.to_dict()["problem"]["batch_size"] == 8
    assert {"euclidean", "sign", "spectral"} <= set(found.geometries)
    assert found.to_dict()["cost"]["gradients"] < 150


def test_it_repeats_with_its_seed_and_has_faces(data: Any, loss: Any, tmp_path: Any) -> None:
    def run(seed: int) -> Any:
        return nd.probe(lambda: nn.Linear(6, 2), loss, data, steps=60, batch_size=8, seed=seed, progress=False)

    first = run(1)
    assert first.geometries == run(1).geometries
    assert first.geometries != run(2).geometries
    assert json.loads(json.dumps(first.to_dict(), allow_nan=False)) == first.to_dict()
    again = nd.Probe.load(first.save(tmp_path))
    assert again == first
    assert f"noise density {first.noise_density:.3g}" in str(again)
    assert "gradients and" in again.to_html()


def test_bad_input_of_the_probe(data: Any, loss: Any) -> None:
    with pytest.raises(TypeError, match=r"misses train"):
        nd.probe(nn.Linear(6, 2), loss)
    with pytest.raises(nd.ProblemError, match=r"is nan on the first batch"):
        nd.probe(nn.Linear(6, 2), lambda m, b: loss(m, b) * float("nan"), data, batch_size=8, progress=False)
    calls = [0]

    def fails(model: nn.Module, batch: Any) -> torch.Tensor:
        calls[0] += 1
        if calls[0] == 5:
            raise KeyError("fifth")
        return loss(model, batch)  # type: ignore[no-any-return]

    with pytest.raises(KeyError, match="fifth") as caught:
        nd.probe(nn.Linear(6, 2), fails, data, batch_size=8, progress=False)
    assert "while the probe measured" in caught.value.__notes__[0]


def test_the_critical_batch_of_the_race_is_the_quadratics() -> None:
    from normdescent._gradient_noise import GradientPairs, critical_batch

    expected = EXAMPLES * (NOISE**2 * DIMENSION / EXAMPLES) / (CURVATURE**2 * DIMENSION)  # B S^2 / ||G||^2
    covered, values, repetitions = 0, [], 60
    pairs: list[list[float]] = []
    for seed in range(repetitions):
        model = Quadratic(DIMENSION)
        watch = GradientPairs(40)
        for step, batch in zip(range(40), noise(seed), strict=False):
            model.w.grad = None
            loss(model, batch).backward()
            watch.see(step, [model.w])
        pairs = watch.measured()
        assert len(pairs) == 9
        found = critical_batch(pairs, EXAMPLES)
        assert found is not None
        covered += found["low"] < expected < found["high"]
        values.append(found["value"])
    assert sum(values) / repetitions == pytest.approx(expected, rel=0.02)
    assert 37 <= covered <= 58  # of 60 at 0.8: a binomial probability of 0.002 outside
    assert critical_batch([[-1.0, 2.0]] * 8, 8) is None, "noise hides the gradient"
    assert critical_batch(pairs[:3], 8) is None, "too few"
