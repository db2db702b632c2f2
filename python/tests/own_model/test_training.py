# SPDX-License-Identifier: Apache-2.0
"""A run takes the steps that a plain loop would take."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import normdescent as nd
import pytest
import torch
from normdescent import _batches
from normdescent._candidates import Candidate
from normdescent._model import ModelSource
from normdescent._training import Training
from torch import nn
from torch.autograd.function import once_differentiable
from torch.utils.checkpoint import checkpoint


def training(model: nn.Module, loss: Any, batches: list[Any], **options: Any) -> Training:
    given: dict[str, Any] = {"metric": None, "schedule": None, "clip": None, "accumulate": 1, "autocast": None, "seed": 0}
    held = _batches.FixedPart(_batches.source("validation", batches[:2], None), 2, 0)
    return Training(ModelSource(model), loss, _batches.source("train", batches, None), held, **{**given, **options})


def by_hand(
    model: nn.Module, loss: Any, batches: list[Any], lr: float, steps: int, accumulate: int, clip: float | None
) -> list[float]:
    """The loop that everybody writes."""
    optimizer = torch.optim.SGD(model.parameters(), lr, momentum=0.9)
    scheduler = nd.warmup_cosine(optimizer, steps)
    losses = []
    for step in range(steps):
        micro = [batches[(step * accumulate + k) % len(batches)] for k in range(accumulate)]
        total = sum(loss(model, b) for b in micro) / accumulate
        total.backward()
        if clip is not None:
            nn.utils.clip_grad_norm_(model.parameters(), clip)
        optimizer.step()
        optimizer.zero_grad()
        scheduler.step()
        losses.append(total.item())
    return losses


@pytest.mark.parametrize(("accumulate", "clip"), [(1, None), (3, None), (2, 0.5)])
def test_a_run_is_the_loop_that_everybody_writes(loss: Any, accumulate: int, clip: float | None) -> None:
    g = torch.Generator().manual_seed(0)
    batches = [(torch.randn(4, 6, generator=g), torch.randn(4, 2, generator=g)) for _ in range(5)]
    model = nn.Linear(6, 2)
    seen = []

    def noted(m: nn.Module, b: Any) -> torch.Tensor:
        value = loss(m, b)
        if torch.is_grad_enabled():
            seen.append(value.item())
        return value

    t = training(model, noted, batches, accumulate=accumulate, clip=clip)
    candidate = Candidate("mine", "custom", factory=lambda named, lr: torch.optim.SGD([p for _, p in named], lr, momentum=0.9))
    result = t.run({"lr": 0.05, "steps": 12, "evaluations": 4, "seed": 3}, candidate, 1.0)
    expected = by_hand(model, loss, batches, 0.05, 12, accumulate, clip)
    means = [sum(seen[i : i + accumulate]) / accumulate for i in range(0, len(seen), accumulate)]
    assert means == pytest.approx(expected, rel=1e-5)
    assert result["gradients"] == 12 * accumulate
    assert result["validation_batches"] == 3 * 2
    assert [step for step, _ in result["curve"]] == [0, 4, 8, 12]
    with torch.no_grad():
        assert result["final_loss"] == pytest.approx(sum(loss(model, b).item() for b in batches[:2]) / 2, rel=1e-5)
    assert result["train_loss"] == pytest.approx(expected[-1], rel=1e-5)  # a tenth of 12 is one step


def test_gradients_of_micro_batches_are_averaged_in_the_race(compare: Any) -> None:
    batch = (torch.randn(8, 6), torch.randn(8, 2))
    firsts = []

    def make() -> nn.Module:
        model = nn.Linear(6, 2)
        with torch.no_grad():
            model.weight.fill_(0.25), model.bias.zero_()
        return model

    class Recorded(torch.optim.SGD):
        def step(self, closure: Any = None) -> Any:
            p = self.param_groups[0]["params"][0]
            if bool((p == 0.25).all()):
                firsts.append(p.grad.clone())
            return super().step(closure)

    def recorded(named: Any, lr: float) -> torch.optim.Optimizer:
        return Recorded([p for _, p in named], lr=lr)

    compare(make, None, [batch], [batch], optimizers=[recorded, "adamw"], accumulate=4, batch_size=None, budget=2.0)
    model = make()
    (model(batch[0]) - batch[1]).square().mean().backward()
    assert firsts
    for grad in firsts:
        torch.testing.assert_close(grad, model.weight.grad)


class Cubic(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(x)
        return x + 0.1 * x**3

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: torch.Tensor) -> torch.Tensor:
        return grad * (1 + 0.3 * ctx.saved_tensors[0] ** 2)


class OnceOnly(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inp, self.body, self.head = nn.Linear(6, 8), nn.Sequential(nn.Linear(8, 8), nn.Tanh()), nn.Linear(8, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(Cubic.apply(checkpoint(self.body, self.inp(x), use_reentrant=True)))


@pytest.mark.filterwarnings("ignore")
def test_first_derivatives_are_all_that_is_asked_for(compare: Any, data: Any, loss: Any) -> None:
    compare(OnceOnly)
    nd.probe(OnceOnly, loss, data, batch_size=8, steps=60, progress=False)


def test_a_loss_that_differentiates_is_evaluated_with_gradients(compare: Any) -> None:
    """As of a physics-informed network: u' = -u at random points."""

    def loss(model: nn.Module, batch: Any) -> torch.Tensor:
        t = batch.requires_grad_()
        u = model(t)
        (slope,) = torch.autograd.grad(u.sum(), t, create_graph=True)
        return (slope + u).square().mean() + (model(torch.zeros(1, 1)) - 1.0).square().mean()

    def make() -> nn.Module:
        return nn.Sequential(nn.Linear(1, 8), nn.Tanh(), nn.Linear(8, 1))

    g = torch.Generator().manual_seed(0)
    points = [torch.rand(16, 1, generator=g) for _ in range(6)]
    report = compare(make, loss, points[:4], points[4:])
    assert report.runs[-1]["final_loss"] < report.runs[0]["curve"][0][1]
    assert not any(p.requires_grad for p in points)
    nd.probe(make, loss, points, progress=False)


def test_no_graph_outlives_its_step(compare: Any, loss: Any) -> None:
    alive: list[Any] = []
    most = 0

    def noted(model: nn.Module, batch: Any) -> torch.Tensor:
        nonlocal most
        value = loss(model, batch)
        if value.requires_grad:
            alive.append(weakref.ref(value))
            most = max(most, sum(r() is not None for r in alive))
        return value

    compare(None, noted)
    gc.collect()
    assert most <= 2
    assert not any(r() is not None for r in alive)


def test_a_rate_at_which_the_model_raises_counts_as_diverged(compare: Any) -> None:
    class Gaussian(nn.Linear):
        def __init__(self) -> None:
            super().__init__(6, 2)
            self.scale = nn.Parameter(torch.tensor(1.0))

    def loss(model: Any, batch: Any) -> torch.Tensor:
        # Pulled down, so that a large step makes the scale negative, which the distribution refuses.
        # (Told to: torch.compile turns that off for the whole process.)
        normal = torch.distributions.Normal(model(batch[0]), model.scale, validate_args=True)
        return 10.0 * model.scale - normal.log_prob(batch[1]).mean()

    torch.manual_seed(0)
    batches = [(x, 2.0 * x[:, :2]) for x in torch.randn(5, 8, 6)]
    t = training(Gaussian(), loss, batches)
    candidate = Candidate("sgd", "custom", factory=lambda named, lr: torch.optim.SGD([p for _, p in named], lr))
    small, large = (t.run({"lr": lr, "steps": 20, "evaluations": 2, "seed": 1}, candidate, 2.0) for lr in (1e-3, 1.0))
    assert (small["status"], small["exception"]) == ("completed", None)
    assert (large["status"], large["final_loss"]) == ("diverged", float("inf"))
    assert large["exception"].startswith("ValueError: Expected parameter scale")
    assert "sgd, lr 1, step" in large["exception"]


def test_an_optimizer_that_calls_a_closure_takes_part(compare: Any) -> None:
    def lbfgs(named: Any, lr: float) -> torch.optim.Optimizer:
        return torch.optim.LBFGS([p for _, p in named], lr=lr, max_iter=2)

    report = compare(budget=4.0, optimizers={"lbfgs": (lbfgs, 0.1), "adamw": {}})
    run = next(r for r in report.runs if r["candidate"] == "lbfgs")
    assert run["gradients"] > run["steps_done"]


@pytest.mark.parametrize(
    "schedule",
    [
        lambda o, steps: None,
        lambda o, steps: torch.optim.lr_scheduler.OneCycleLR(o, max_lr=[g["lr"] for g in o.param_groups], total_steps=steps),
        lambda o, steps: torch.optim.lr_scheduler.ReduceLROnPlateau(o),
        lambda o, steps: torch.optim.lr_scheduler.SequentialLR(
            o,
            [
                torch.optim.lr_scheduler.LinearLR(o, 0.1, total_iters=max(1, steps // 4)),
                torch.optim.lr_scheduler.CosineAnnealingLR(o, steps),
            ],
            [max(1, steps // 4)],
        ),
    ],
    ids=["constant", "OneCycleLR", "ReduceLROnPlateau", "SequentialLR"],
)
@pytest.mark.filterwarnings("ignore:The epoch parameter")
def test_schedules_of_ones_own(compare: Any, schedule: Any) -> None:
    report = compare(schedule=schedule)
    optimizer = report.optimizer(nn.Linear(6, 2))
    made = report.scheduler(optimizer)
    assert type(made) is type(schedule(torch.optim.SGD(nn.Linear(2, 2).parameters(), 0.1), 40))


def test_a_schedule_that_sets_rates_of_its_own_is_refused(compare: Any) -> None:
    with pytest.raises(nd.ProblemError, match=r"learning rates of its own"):
        compare(schedule=lambda o, steps: torch.optim.lr_scheduler.OneCycleLR(o, max_lr=0.1, total_steps=steps))


def test_autocast_metric_and_clip_are_used(compare: Any, loss: Any) -> None:
    types = set()

    def noted(model: nn.Module, batch: Any) -> torch.Tensor:
        types.add(model(batch[0]).dtype)
        return loss(model, batch)

    report = compare(None, noted, metric=lambda model, batch: 7.0, autocast=torch.bfloat16, clip=1.0)
    assert types == {torch.bfloat16}
    assert {point[1] for r in report.runs for point in r["curve"]} == {7.0}
    assert "clip_grad_norm_" in report.code()
