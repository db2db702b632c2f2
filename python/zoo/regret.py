# SPDX-License-Identifier: Apache-2.0
"""Recorded races, and the regret of a choice: its steps (or seconds) over those that the best tuned optimizer needs for the
same loss.
"""

from __future__ import annotations

import gzip
import json
import math
from functools import cached_property
from pathlib import Path
from typing import Any

from zoo.constants import CANDIDATES, POINTS

CAP = 50.0
DATA = Path(__file__).resolve().parents[2] / "core" / "data" / "races.json.gz"
Arm = tuple[str, int]  # optimizer, log2 of its rate
Curve = tuple[tuple[float, ...], tuple[float, ...]]  # steps from 0, losses


def number(x: float | None) -> float:
    return math.inf if x is None else x


def first_step_at(curve: Curve, loss: float) -> float | None:
    """First step at which the curve, linear between its points, is at or below `loss` (as race_statistics in the core)."""
    steps, losses = curve
    if losses[0] <= loss:
        return steps[0]
    for i in range(1, len(steps)):
        if losses[i] <= loss:
            if not math.isfinite(losses[i - 1]):
                return steps[i]
            return steps[i - 1] + (steps[i] - steps[i - 1]) * (losses[i - 1] - loss) / (losses[i - 1] - losses[i])
    return None


def speedup(reference: Curve, own: Curve) -> float | None:
    """speedup_of_means in the core: steps of the reference over own steps to the lowest loss that both reach at their ends."""
    common = max(reference[1][-1], own[1][-1])
    if not math.isfinite(common):
        return None
    a, b = first_step_at(reference, common), first_step_at(own, common)
    return a / b if a and b else None


class Race:
    """What was recorded of one problem."""

    def __init__(self, record: dict[str, Any], candidates: tuple[str, ...] = CANDIDATES) -> None:
        self.record = record
        self.name, self.family = record["name"], record["family"]
        self.steps, self.batch, self.start = record["steps"], record["batch"], record["start"]
        self.features, self.clock = record["features"], record["clock"]
        self.candidates = [c for c in record["full"]["0"] if c in candidates]
        self.at = [0.0] + [float(max(1, math.floor(p * self.steps))) for p in POINTS]

    def rates(self, candidate: str) -> list[int]:
        return sorted(int(k) for k in self.record["full"]["0"][candidate])

    def seeds(self, arm: Arm) -> list[str]:
        return [s for s, table in self.record["full"].items() if str(arm[1]) in table.get(arm[0], {})]

    def curve(self, arm: Arm, seeds: list[str]) -> Curve:
        runs = [self.record["full"][s][arm[0]][str(arm[1])][0] for s in seeds]
        return tuple(self.at), (self.start, *(sum(map(number, column)) / len(runs) for column in zip(*runs, strict=True)))

    def final(self, arm: Arm) -> float:
        return self.curve(arm, self.seeds(arm))[1][-1]

    @cached_property
    def tuned(self) -> dict[str, int]:
        """Best rate of each candidate, by the mean of all seeds where there are several."""
        result = {}
        for c in self.candidates:
            several = [k for k in self.rates(c) if len(self.seeds((c, k))) > 1] or self.rates(c)
            result[c] = min(several, key=lambda k, c=c: self.final((c, k)))
        return result

    @cached_property
    def best(self) -> Arm:
        return min(self.tuned.items(), key=self.final)

    def seconds(self, candidate: str) -> float:
        return self.clock["gradient"] + self.clock[candidate]

    def nearest(self, arm: Arm) -> tuple[Arm, int]:
        """The recorded arm that stands for this one, and how many octaves off it is."""
        rates = self.rates(arm[0])
        k = min(max(arm[1], rates[0]), rates[-1])
        return (arm[0], k), arm[1] - k

    def regret(self, arm: Arm, seconds: bool = False) -> float:
        """At least 1, at most CAP. Rates below the recorded grid cost a doubling an octave more, rates above it CAP."""
        arm, off = self.nearest(arm)
        if off > 0:
            return CAP
        seeds = self.seeds(arm)
        own = self.curve(arm, seeds)
        target = own[1][-1]
        if not math.isfinite(target) or target >= self.start:
            return CAP
        rivals = self.tuned.items() if seconds else [self.best]
        needed = []
        for rival in rivals:
            common = [s for s in seeds if s in self.seeds(rival)]
            reached = first_step_at(self.curve(rival, common), target)
            if reached is not None and reached > 0:
                needed.append(reached * (self.seconds(rival[0]) if seconds else 1.0))
        mine = first_step_at(own, target)
        assert mine is not None
        if not needed:
            return 1.0
        ratio = mine * (self.seconds(arm[0]) if seconds else 1.0) / min(needed)
        return min(CAP, max(1.0, ratio) * 2.0 ** max(0, -off))

    def behind(self, arm: Arm, best: Arm, seeds: list[str]) -> float:
        """Steps of the one over those of the other to the lowest loss that both reach."""
        ratio = speedup(self.curve(arm, seeds), self.curve(best, seeds))
        return CAP if ratio is None else min(CAP, ratio)

    def octaves(self, candidate: str, log2_rate: float, seconds: bool = False) -> float:
        """log2 regret at any rate: linear between the recorded ones."""
        low = math.floor(log2_rate + 1e-9)
        share = max(log2_rate - low, 0.0)
        value = math.log2(self.regret((candidate, low), seconds))
        return value if share < 1e-6 else (1 - share) * value + share * math.log2(self.regret((candidate, low + 1), seconds))

    def parts(self) -> list[int]:
        return sorted(int(m) for m in self.record["short"])

    def short(self, part: int, arm: Arm) -> tuple[float, float, list[float]] | None:
        """Of a copy of steps / part steps at this rate: final validation loss, first training loss, training losses in
        eighths.
        """
        table = self.record["short"].get(str(part), {}).get(arm[0])
        if table is None:
            return None
        rates = [int(k) for k in table]
        if arm[1] > max(rates):
            return math.inf, self.start, [math.inf] * 8
        entry = table[str(max(arm[1], min(rates)))]
        return number(entry[0][-1]), number(entry[1]), [number(x) for x in entry[2]]


def load(path: Path = DATA) -> list[Race]:
    text = gzip.decompress(path.read_bytes()).decode() if path.suffix == ".gz" else path.read_text()
    records = [json.loads(line) for line in text.splitlines()]
    return [Race(r) for r in records if "error" not in r]
