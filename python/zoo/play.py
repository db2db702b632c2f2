# SPDX-License-Identifier: Apache-2.0
"""Plays a policy against recorded races: which runs it asks for at a budget, what it chooses, and what that cost."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from zoo.gaussian import Array
from zoo.policy import PARTS
from zoo.regret import Arm, Race

Plan = list[tuple[int, int]]  # (part of the horizon, number of runs)
PLANS: dict[float, Plan] = {
    0.0: [],
    0.25: [(32, 4), (16, 2)],
    1.0: [(32, 8), (16, 4), (8, 4)],
    5.0: [(32, 8), (16, 8), (8, 8), (4, 5), (1, 2)],
}


class Session(Protocol):
    race: Race
    copies: dict[int, dict[int, object]]
    cost: float
    mean: Array
    sd: Array

    def believe(self) -> None: ...
    def run(self, part: int, arm: int) -> bool: ...
    def choice(self) -> Arm: ...


def possible(race: Race, part: int) -> int:
    """The part itself, or the next longer copy that has eight steps."""
    while part > 1 and part not in race.parts():
        part //= 2
        while part > 1 and part not in PARTS:
            part //= 2
    return part


def play(session: Session, plan: Plan, kappa: float) -> Arm:
    carried = 0.0
    for wanted, runs in plan:
        part = possible(session.race, wanted)
        carried += runs / wanted
        while carried >= 1 / part - 1e-9:
            carried -= 1 / part
            done = session.copies.get(part, {})
            score = session.mean - kappa * session.sd
            free = [i for i in range(len(score)) if i not in done]
            if not free:
                break
            session.run(part, min(free, key=lambda i: score[i]))
            session.believe()
    return session.choice()


def summary(regrets: list[float]) -> dict[str, float]:
    v = np.array(regrets)
    return {
        "median": float(np.median(v)),
        "mean": float(np.exp(np.log(v).mean())),
        "p90": float(np.quantile(v, 0.9)),
        "worst": float(v.max()),
    }
