# SPDX-License-Identifier: Apache-2.0
"""Copies that train side by side are plain runs of torch's optimizers; problems are drawn again as they were."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from zoo.constants import CANDIDATES  # noqa: E402
from zoo.generator import ORDER, problem  # noqa: E402
from zoo.optimizers import CENTRES, reference  # noqa: E402
from zoo.problem import Problem, learning_rate_factor, roles  # noqa: E402
from zoo.race import race  # noqa: E402

STEPS = 12
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


def plain(problem: Problem, candidate: str, rate: int) -> float:
    """One model, one optimizer, a loop."""
    model = problem.make_model(0)
    optimizers = reference(candidate, model, roles(model), 2.0**rate)
    stream = problem.train(0)
    for step in range(STEPS):
        for optimizer in optimizers:
            for group in optimizer.param_groups:
                group["lr"] = 2.0**rate * learning_rate_factor(problem.schedule, step, STEPS)
            optimizer.zero_grad()
        problem.loss(model, next(stream)).backward()
        for optimizer in optimizers:
            optimizer.step()
    with torch.no_grad():
        return float(problem.metric(model, problem.validation[0]))


@pytest.mark.parametrize(
    "index", [2, 7, 9, 16, 20, 24]
)  # transformer, batch norm, embeddings, policy gradient, factors, low rank
def test_copies_are_plain_runs(index: int) -> None:
    drawn = problem(index)
    runs = [(c, CENTRES[c] + d) for c in CANDIDATES for d in (0, 1)]
    outcomes = race(drawn, runs, STEPS, 0)
    for run in runs:
        assert outcomes[run].final == pytest.approx(plain(drawn, *run), rel=2e-4), run
    starts = {outcome.train_start for outcome in outcomes.values()}
    assert max(starts) - min(starts) < 1e-5, "all copies see the same model and the same first batch"


def test_a_lost_copy_leaves_the_others_alone() -> None:
    drawn = problem(9)
    alone = race(drawn, [("adamw", -7)], STEPS, 0)["adamw", -7]
    beside = race(drawn, [("adamw", -7), ("sgd-momentum", 60)], STEPS, 0)
    assert beside["adamw", -7].final == pytest.approx(alone.final, rel=1e-5)
    assert not beside["sgd-momentum", 60].final < 1e6


def test_problems_are_drawn_again_as_they_were() -> None:
    for index in range(len(ORDER)):
        a, b = problem(index), problem(index)
        assert (a.name, a.steps, a.batch_size, a.settings) == (b.name, b.steps, b.batch_size, b.settings)
        assert a.family == ORDER[index]
    first, second = problem(9), problem(9)
    assert all(torch.equal(x, y) for x, y in zip(next(first.train(3)), next(second.train(3)), strict=True))
    assert not torch.equal(next(first.train(3))[0], next(first.train(4))[0])


def test_fixed_settings_override_drawn_ones() -> None:
    assert problem(9, steps=77, batch_size=16).steps == 77
    assert problem(9, steps=77, batch_size=16).batch_size == 16
