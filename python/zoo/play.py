# SPDX-License-Identifier: Apache-2.0
"""Plays the core's planner against recorded races: it asks for runs, the tables answer, it chooses."""

from __future__ import annotations

import importlib
import json
import math
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.constants import CANDIDATES
from zoo.fit import FEATURES
from zoo.regret import Race


@dataclass
class Played:
    """What the planner said of one race."""

    race: Race
    choice: str
    log2_rate: float
    cost: float
    runs: int
    decision: dict[str, Any]

    @property
    def steps(self) -> float:
        return float(2.0 ** self.race.octaves(self.choice, self.log2_rate))

    @property
    def seconds(self) -> float:
        return float(2.0 ** self.race.octaves(self.choice, self.log2_rate, seconds=True))


def planner_class() -> Any:
    """The installed package's: beside this folder lies its source, without the compiled part."""
    beside, kept = Path(__file__).resolve().parents[1], sys.path[:]
    sys.path[:] = [p for p in kept if Path(p or ".").resolve() != beside]
    try:
        return importlib.import_module("normdescent._core").Planner
    finally:
        sys.path[:] = kept


def answer(race: Race, candidate: str, log2_rate: float, steps: int) -> float:
    """Final validation loss of a run of `steps` steps; infinite where it was lost."""
    part = round(race.steps / steps)
    rate = round(log2_rate)
    if part == 1:
        arm, off = race.nearest((candidate, rate))
        return math.inf if off > 0 else race.curve(arm, ["0"])[1][-1]
    known = race.parts()
    near = min(known, key=lambda p: abs(math.log2(p / part)))
    got = race.short(near, (candidate, rate))
    assert got is not None
    return got[0]


def play(
    race: Race,
    policy: str,
    budget: float,
    objective: str = "steps",
    candidates: tuple[str, ...] = CANDIDATES,
    extra: dict[str, float] | None = None,
    planner: Any = None,
    validation: int = 1,
) -> Played:
    """`policy` is the text of a policy file, `validation` how many batches one validation takes."""
    features = {name: float(raw(race)) for name, (raw, _) in FEATURES.items()} | (extra or {})
    session = (planner or planner_class())(
        [{"name": c, "kind": c} for c in candidates],
        {
            "steps": race.steps,
            "budget_runs": budget,
            "objective": objective,
            "features": features,
            "validation_batches": validation,
            "policy": policy,
        },
    )
    runs = 0
    while wanted := session.ask(64):
        for run in wanted:
            runs += 1
            loss = answer(race, run["candidate"], math.log2(run["lr"]), run["steps"])
            result = {
                "status": "completed" if math.isfinite(loss) else "diverged",
                "first_loss": race.start,
                "final_loss": loss if math.isfinite(loss) else None,
                "gradients": run["steps"],
                "validation_batches": run["evaluations"] * validation,
                "seconds_per_step": race.seconds(run["candidate"]) / 1000,
            }
            session.tell(run["id"], result)
    decision = session.decision()
    return Played(race, decision["choice"], math.log2(decision["lr"]), session.cost_runs, runs, decision)


def text_of(policy: dict[str, Any]) -> str:
    return json.dumps(policy)
