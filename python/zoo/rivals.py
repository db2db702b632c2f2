# SPDX-License-Identifier: Apache-2.0
"""What people do without the policy: habits, tuning, grids, looking at the beginning of runs. Each gives an arm and what it
cost in runs.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from zoo.constants import POINTS
from zoo.regret import Arm, Race

Rival = Callable[[Race], tuple[Arm, float]]


def fixed(candidate: str, rate: int) -> Rival:
    return lambda race: ((candidate, rate), 0.0)


def tuned(candidate: str) -> Rival:
    """Its own best rate: a grid of five."""
    return lambda race: ((candidate, race.tuned[candidate]), 5.0)


def by_beginning(candidates: tuple[str, ...], share: float) -> Rival:
    """All rates within two octaves of each optimizer's usual one are run for a share of the steps under the full schedule;
    the lowest loss wins.
    """
    usual = {"sgd-momentum": -4, "adamw": -8, "signsgd": -9, "lion": -10, "muon": -6}
    point = POINTS.index(share)

    def choose(race: Race) -> tuple[Arm, float]:
        arms = [race.nearest((c, k))[0] for c in candidates for k in range(usual[c] - 2, usual[c] + 3)]
        return min(arms, key=lambda arm: race.curve(arm, ["0"])[1][1 + point]), len(arms) * share

    return choose


def by_copies(candidates: tuple[str, ...], part: int, lower: int = 0) -> Rival:
    """All rates within two octaves of the usual ones on runs of steps / part with their own schedule; the best, `lower`
    octaves lower.
    """
    usual = {"sgd-momentum": -4, "adamw": -8, "signsgd": -9, "lion": -10, "muon": -6}

    def choose(race: Race) -> tuple[Arm, float]:
        arms = [(c, k) for c in candidates for k in range(usual[c] - 2, usual[c] + 3)]
        at = part
        while at > 1 and race.short(at, arms[0]) is None:
            at //= 2

        def loss(arm: Arm) -> float:
            got = race.short(at, arm)
            return math.inf if got is None else got[0]

        c, k = min(arms, key=loss)
        return (c, k - lower), len(arms) / at

    return choose


FIVE = ("sgd-momentum", "adamw", "signsgd", "lion", "muon")
RIVALS: dict[str, Rival] = {
    "AdamW at 0.001": fixed("adamw", -10),
    "AdamW at 2^-7": fixed("adamw", -7),
    "Muon at 2^-10": fixed("muon", -10),
    "Muon at 2^-6": fixed("muon", -6),
    "Muon, rate by beginnings of 4 %": by_beginning(("muon",), 0.04),
    "Muon, rate by beginnings of 15 %": by_beginning(("muon",), 0.15),
    "Muon, rate by beginnings of 20 %": by_beginning(("muon",), 0.2),
    "Muon, rate by copies of T/16": by_copies(("muon",), 16),
    "Muon, by copies of T/16, an octave lower": by_copies(("muon",), 16, 1),
    "five optimizers, beginnings of 2 %": by_beginning(FIVE, 0.02),
    "five optimizers, beginnings of 20 %": by_beginning(FIVE, 0.2),
    "five optimizers, copies of T/32": by_copies(FIVE, 32),
    "five optimizers, copies of T/4": by_copies(FIVE, 4),
    "AdamW, tuned": tuned("adamw"),
    "SGD with momentum, tuned": tuned("sgd-momentum"),
    "SignSGD, tuned": tuned("signsgd"),
    "Lion, tuned": tuned("lion"),
    "Muon, tuned": tuned("muon"),
}
