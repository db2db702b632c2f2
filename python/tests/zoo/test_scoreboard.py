# SPDX-License-Identifier: Apache-2.0
"""Regret by hand; the shipped policy and docs/scoreboard.md are what the recorded races say."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

np = pytest.importorskip("numpy")

from zoo import fit  # noqa: E402
from zoo.regret import CAP, DATA, Race, first_step_at, load, speedup  # noqa: E402
from zoo.scoreboard import base, bootstrap, figures, left_out, policy_rows, rival_rows  # noqa: E402

PAGE = Path(__file__).resolve().parents[3] / "docs" / "scoreboard.md"


def line(*losses: float) -> tuple[tuple[float, ...], tuple[float, ...]]:
    return tuple(float(10 * i) for i in range(len(losses))), losses


def test_steps_to_a_loss_are_linear_between_points() -> None:
    assert first_step_at(line(4.0, 2.0, 1.0), 3.0) == 5.0
    assert first_step_at(line(4.0, 2.0, 1.0), 1.5) == 15.0
    assert first_step_at(line(4.0, 2.0, 1.0), 0.9) is None


def test_speedup_is_over_the_lowest_loss_that_both_reach() -> None:
    assert speedup(line(4.0, 3.0, 2.0), line(4.0, 2.0, 1.0)) == 2.0  # 20 steps against 10 to a loss of 2
    assert speedup(line(4.0, 2.0, 1.0), line(4.0, 3.0, 2.0)) == 0.5
    assert speedup(line(4.0, 2.0, math.inf), line(4.0, 3.0, 2.0)) is None


def synthetic() -> Race:
    """Muon falls twice as fast as AdamW; a rate beside AdamW's best is half as fast again; SGD diverges."""
    from zoo.constants import CANDIDATES, POINTS

    def run(speed: float) -> list[object]:
        return [[4.0 - 2.0 * min(1.0, p * speed) for p in POINTS], 4.0, [3.0] * 8]

    lost = [[None] * len(POINTS), 4.0, [None] * 8]
    full = {c: {"-8": run(0.2), "-7": run(0.3), "-6": run(0.2)} for c in CANDIDATES}
    full["muon"] = {"-7": run(0.5), "-6": run(1.0), "-5": run(0.5)}
    full["adamw"] = {"-8": run(0.25), "-7": run(0.5), "-6": run(0.25)}
    full["sgd-momentum"] = {"-4": lost, "-3": lost}
    return Race(
        {
            "name": "made-up",
            "family": "none",
            "steps": 1000,
            "batch": 32,
            "start": 4.0,
            "features": {},
            "clock": {"gradient": 1.0, **dict.fromkeys(CANDIDATES, 0.5), "muon": 2.0},
            "full": {"0": full},
            "short": {},
        }
    )


def test_regret_counts_steps_rate_and_seconds() -> None:
    race = synthetic()
    assert race.best == ("muon", -6)
    assert race.regret(("muon", -6)) == 1.0
    assert race.regret(("adamw", -7)) == pytest.approx(2.0)
    assert race.regret(("adamw", -8)) == pytest.approx(4.0)
    assert race.regret(("adamw", -9)) == pytest.approx(8.0), "below the grid: a doubling an octave"
    assert race.regret(("adamw", -5)) == CAP, "above the grid"
    assert race.regret(("sgd-momentum", -4)) == CAP
    assert race.octaves("adamw", -7.5) == pytest.approx(1.5)
    # AdamW: 1.5 ms a step, twice the steps of Muon, whose step takes 3 ms
    assert race.regret(("adamw", -7), seconds=True) == pytest.approx(1.0)


def test_bootstrap_of_equal_ratios_is_exact() -> None:
    ratio, low, high = bootstrap([2.0, 4.0, 6.0], [1.0, 2.0, 3.0])
    assert (ratio, low, high) == pytest.approx((2.0, 2.0, 2.0))
    assert figures([1.0, 4.0])["mean"] == pytest.approx(2.0)


@pytest.fixture(scope="module")
def races() -> list[Race]:
    return fit.usable(load(DATA))


def test_the_shipped_policy_is_fitted_to_the_races(races: list[Race]) -> None:
    made = fit.fit(races, {r.name: fit.regrets(r) for r in races})
    shipped = DATA.parent / "policy.json"
    assert fit.written(made) == shipped.read_text(), "python -m zoo.fit"


def test_rules_find_what_data_were_made_with() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(400, 2)) * [1.0, 3.0] + [5.0, 0.0]
    rule = fit.Ridge(x, ("a", "b"), 2.0 - 1.5 * x[:, 0] + 0.25 * x[:, 1] + 0.1 * rng.normal(size=400), 1.0)
    assert rule.slopes == pytest.approx([-1.5, 0.25], abs=0.02)
    assert rule.deviation == pytest.approx(0.1, rel=0.15)
    assert rule.rule({"a": 5.0, "b": 0.0})["intercept"] == pytest.approx(2.0 - 7.5, abs=0.03)


def test_the_page_has_what_rivals_do(races: list[Race]) -> None:
    page = PAGE.read_text()
    for row in rival_rows(races):
        assert row in page, "python -m zoo.scoreboard --write ../docs/scoreboard.md"


def test_the_page_has_what_the_policy_does(races: list[Race]) -> None:
    core = pytest.importorskip("normdescent._core")
    tables = {r.name: fit.regrets(r) for r in races}
    steps = left_out(races, tables, base, budgets=(0.25,), planner=core.Planner)
    seconds = left_out(races, tables, base, budgets=(0.25,), objective="time", planner=core.Planner)
    (row,) = policy_rows("policy", steps, seconds)
    assert row in PAGE.read_text()
