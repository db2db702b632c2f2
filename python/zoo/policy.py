# SPDX-License-Identifier: Apache-2.0
"""The policy's mathematics as the core has it: features, default rates, lags of short copies, the joint Gaussian. See docs/decisions/policy.md."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from zoo import gaussian
from zoo.constants import CANDIDATES
from zoo.gaussian import Array
from zoo.regret import Arm, Race

OFFSETS = (-4, -3, -2, -1, 0, 1, 2, 3)
CAP = 4.0  # octaves of steps
PARTS = (4, 8, 16, 32)
FEATURES: dict[str, Callable[[Race], float]] = {
    "log2_steps": lambda r: math.log2(r.steps),
    "log2_batch": lambda r: math.log2(r.batch),
    "log2_parameters": lambda r: math.log2(r.features["parameters"]),
    "share_matrix": lambda r: r.features["matrix"] / r.features["parameters"],
    "share_embedding": lambda r: r.features["embedding"] / r.features["parameters"],
    "share_head": lambda r: r.features["head"] / r.features["parameters"],
    "log2_min_dim": lambda r: math.log2(1 + r.features["min_dim"]),
}
PROBED: dict[str, Callable[[Race], float]] = {
    "noise_density": lambda r: min(r.features["noise_density"], 1.0),
    "log2_noise_to_signal": lambda r: math.log2(max(r.features["noise_to_signal"], 2.0**-10)),
}


@dataclass
class Copy:
    """What one run of steps / part steps gave: validation losses before and after it, its length, training losses in eighths."""

    final: float
    start: float
    steps: int
    train: Sequence[float]


def octave_of_loss(best: Copy) -> float:
    """How far the loss of the best run falls in one doubling of steps: the geometric mean of its average octave and of its late fall."""
    average = (best.start - best.final) / math.log2(best.steps + 1)
    late = (best.train[2] + best.train[3] - best.train[6] - best.train[7]) / 2 / math.log2(7 / 3)
    return math.sqrt(max(late, 0.1 * average) * average)


def lags(copies: dict[Arm, Copy]) -> dict[Arm, float]:
    """Octaves of steps by which each run is behind the best of them."""
    finite = [a for a, c in copies.items() if math.isfinite(c.final) and c.final < c.start]
    if not finite:
        return dict.fromkeys(copies, 0.0)
    best = copies[min(finite, key=lambda a: copies[a].final)]
    unit = octave_of_loss(best)
    return {a: min(CAP, (c.final - best.final) / unit) if math.isfinite(c.final) else CAP for a, c in copies.items()}


class Standard:
    """Standardized, clipped features."""

    def __init__(self, races: list[Race], names: dict[str, Callable[[Race], float]]) -> None:
        self.names = names
        raw = np.array([[f(r) for f in names.values()] for r in races])
        self.mean, self.scale = raw.mean(0), raw.std(0) + 1e-6

    def __call__(self, race: Race) -> Array:
        raw = np.array([f(race) for f in self.names.values()])
        return np.clip((raw - self.mean) / self.scale, -3.0, 3.0)


def copy_of(race: Race, part: int, arm: Arm) -> Copy | None:
    if part == 1:
        a, off = race.nearest(arm)
        run = race.record["full"]["0"][a[0]][str(a[1])]
        final = math.inf if off > 0 or run[0][-1] is None else run[0][-1]
        return Copy(final, race.start, race.steps, [math.inf if x is None else x for x in run[2]])
    got = race.short(part, arm)
    return None if got is None else Copy(got[0], race.start, race.steps // part, got[2])


def octaves(race: Race, arm: Arm) -> float:
    return min(CAP, math.log2(race.regret(arm)))


class Rules:
    """Default rates: ridge regression of the best rates on features, then moved to where the mean regret is smallest."""

    def __init__(self, races: list[Race], standard: Standard, ridge: float = 10.0, tables: dict[str, dict[Arm, float]] | None = None) -> None:
        self.weights: dict[str, Array] = {}
        self.intercept: dict[str, float] = {}
        x = np.array([standard(r) for r in races])
        for c in CANDIDATES:
            target = np.array([r.tuned[c] for r in races], float)
            mean = target.mean()
            w = np.linalg.solve(x.T @ x + ridge * np.eye(x.shape[1]), x.T @ (target - mean))
            fitted = mean + x @ w

            def cost(shift: float, c: str = c, fitted: Array = fitted) -> float:
                values = [octaves(r, (c, round(f + shift))) if tables is None else look(tables[r.name], c, round(f + shift)) for r, f in zip(races, fitted, strict=True)]
                return float(np.mean(values))

            shift = min(np.arange(-1.25, 0.76, 0.25), key=cost)
            self.weights[c], self.intercept[c] = w, float(mean + shift)

    def rate(self, candidate: str, x: Array) -> int:
        return round(self.intercept[candidate] + float(self.weights[candidate] @ x))


def look(table: dict[Arm, float], c: str, k: int) -> float:
    if (c, k) in table:
        return table[c, k]
    ks = [kk for cc, kk in table if cc == c]
    return CAP if k > max(ks) else min(CAP, table[c, min(ks)] + min(ks) - k)


def regrets(race: Race) -> dict[Arm, float]:
    """log2 regret of every recorded arm."""
    return {(c, k): octaves(race, (c, k)) for c in race.candidates for k in race.rates(c)}


class Policy:
    def __init__(
        self,
        races: list[Race],
        tables: dict[str, dict[Arm, float]],
        names: dict[str, Callable[[Race], float]] = FEATURES,
        factors: int = 8,
        ridge: float = 10.0,
        prior: float = 1.0,
        rounds: int = 40,
    ) -> None:
        self.standard = Standard(races, names)
        self.rules = Rules(races, self.standard, ridge, tables)
        self.count = len(names)
        self.arms = [(c, d) for c in CANDIDATES for d in OFFSETS]
        rows = []
        for race in races:
            x = self.standard(race)
            row = list(x) + [look(tables[race.name], c, self.rules.rate(c, x) + d) for c, d in self.arms]
            for part in PARTS:
                row += self.lag_row(race, part, x)
            rows.append(row)
        self.model = gaussian.fit(np.array(rows), factors, rounds, prior)

    def lag_row(self, race: Race, part: int, x: Array) -> list[float]:
        copies = {(c, d): copy_of(race, part, (c, self.rules.rate(c, x) + d)) for c, d in self.arms}
        if any(v is None for v in copies.values()):
            return [math.nan] * len(self.arms)
        found = lags(copies)  # type: ignore[arg-type]
        return [found[a] for a in self.arms]

    def index(self, part: int, arm: int) -> int:
        """Where an arm's quantity stands: part 1 for the regret at full length."""
        block = 0 if part == 1 else 1 + PARTS.index(part)
        return self.count + block * len(self.arms) + arm


class Session:
    """One problem under the policy: what was run, and what is believed."""

    def __init__(self, policy: Policy, race: Race, probed: bool = True) -> None:
        self.policy, self.race = policy, race
        self.x = policy.standard(race)
        self.rates = {c: policy.rules.rate(c, self.x) for c in CANDIDATES}
        self.copies: dict[int, dict[int, Copy]] = {}
        self.cost = 0.0
        self.believe()

    def believe(self) -> None:
        p = self.policy
        where, values, free = list(range(p.count)), list(self.x), [-1] * p.count
        for constant, (part, copies) in enumerate(self.copies.items()):
            if part == 1 and False:
                continue
            found = lags({p.arms[i]: c for i, c in copies.items()})
            for i in copies:
                where.append(p.index(part, i))
                values.append(found[p.arms[i]])
                free.append(constant)
        m, s = p.model.posterior(np.array(where), np.array(values), np.array(free))
        block = slice(p.index(1, 0), p.index(1, 0) + len(p.arms))
        self.loading = p.model.loading[block]
        self.mean = p.model.mean[block] + self.loading @ m
        self.sd = np.sqrt(np.einsum("qi,ij,qj->q", self.loading, s, self.loading) + p.model.variance[block])
        self.covariance = self.loading @ s @ self.loading.T + np.diag(p.model.variance[block])

    def run(self, part: int, arm: int) -> bool:
        c, d = self.policy.arms[arm]
        copy = copy_of(self.race, part, (c, self.rates[c] + d))
        if copy is None:
            return False
        self.copies.setdefault(part, {})[arm] = copy
        self.cost += 1 / part
        return True

    def choice(self) -> Arm:
        c, d = self.policy.arms[int(np.argmin(self.mean))]
        return c, self.rates[c] + d
