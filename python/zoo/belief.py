# SPDX-License-Identifier: Apache-2.0
"""What is believed of a problem: each optimizer's lead and best rate at the horizon, before and after short copies. See docs/decisions/policy.md.

log2 regret of candidate c at log2 rate k:  lead_c + shape_c(k - best_c).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from zoo.constants import CANDIDATES
from zoo.gaussian import Array
from zoo.policy import CAP, FEATURES, PARTS, Copy, Standard, copy_of, lags, look
from zoo.regret import Arm, Race

GRID = np.arange(-5.0, 5.01, 0.5)  # of best_c, relative to the rule's rate
REACH = 6  # of shapes, in octaves
LEVELS = (1, *PARTS)


def interpolate(shape: Array, d: Array) -> Array:
    """A shape tabulated at -REACH ... REACH, linear between."""
    return np.interp(d, np.arange(-REACH, REACH + 1), shape)


def ridge(x: Array, y: Array, strength: float) -> tuple[float, Array]:
    mean = float(y.mean())
    return mean, np.linalg.solve(x.T @ x + strength * np.eye(x.shape[1]), x.T @ (y - mean))


def shape_of(tables: list[dict[Arm, float]], tops: list[dict[str, int]], candidate: str, shrink: Array | None = None, strength: float = 6.0) -> Array:
    """Mean of table[best + d] - table[best]; drawn towards `shrink` with the weight of `strength` problems."""
    rows = []
    for table, top in zip(tables, tops, strict=True):
        base = table[candidate, top[candidate]]
        if base < CAP - 0.5:
            rows.append([max(0.0, look(table, candidate, top[candidate] + d) - base) for d in range(-REACH, REACH + 1)])
    if not rows and shrink is None:
        return np.minimum(CAP, 0.5 * np.abs(np.arange(-REACH, REACH + 1.0)))
    total = np.sum(rows, 0) if rows else np.zeros(2 * REACH + 1)
    return total / len(rows) if shrink is None else (total + strength * shrink) / (len(rows) + strength)


class Fit:
    """Constants of the policy from races; `constants()` is what the core reads."""

    def __init__(
        self,
        races: list[Race],
        regrets: dict[str, dict[Arm, float]],
        lag_tables: dict[str, dict[int, dict[Arm, float]]],
        names: dict[str, Callable[[Race], float]] = FEATURES,
        rate_ridge: float = 10.0,
        lead_ridge: float = 20.0,
    ) -> None:
        self.standard = Standard(races, names)
        x = np.array([self.standard(r) for r in races])
        n, degrees = len(races), x.shape[1]
        self.rate: dict[str, tuple[float, Array]] = {}
        self.lead: dict[str, tuple[float, Array]] = {}
        residual, lead_residual, leads = np.zeros((n, len(CANDIDATES))), np.zeros((n, len(CANDIDATES))), np.zeros((n, len(CANDIDATES)))
        for i, c in enumerate(CANDIDATES):
            best = np.array([r.tuned[c] for r in races], float)
            good = np.array([regrets[r.name][c, r.tuned[c]] < CAP - 0.5 for r in races])
            self.rate[c] = ridge(x[good], best[good], rate_ridge)
            residual[:, i] = np.where(good, best - self.rate[c][0] - x @ self.rate[c][1], np.nan)
            leads[:, i] = [min(regrets[r.name][c, r.tuned[c]], 3.0) for r in races]
            self.lead[c] = ridge(x, leads[:, i], lead_ridge)
            lead_residual[:, i] = leads[:, i] - self.lead[c][0] - x @ self.lead[c][1]
        inflate = n / max(n - degrees - 1, 1)
        residual = np.clip(residual, -5, 5)
        common = np.nanmean(residual, 1)
        own = residual - common[:, None]
        self.own = math.sqrt(np.nanmean(own**2) * 1.2 * inflate)
        self.common = math.sqrt(max(np.nanmean(common**2) * inflate - self.own**2 / len(CANDIDATES), 0.1))
        s = lead_residual.T @ lead_residual / n * inflate
        self.covariance = 0.8 * s + 0.2 * np.diag(np.diag(s))
        tables, tops = [regrets[r.name] for r in races], [r.tuned for r in races]
        pooled = np.mean([shape_of(tables, tops, c) for c in CANDIDATES], 0)
        self.shape = {c: shape_of(tables, tops, c, pooled) for c in CANDIDATES}
        self.levels: dict[int, dict[str, Any]] = {}
        for part in LEVELS:
            self.levels[part] = self._level(part, races, lag_tables, leads)

    def _level(self, part: int, races: list[Race], lag_tables: dict[str, dict[int, dict[Arm, float]]], leads: Array) -> dict[str, Any]:
        own = [(i, lag_tables[r.name][part]) for i, r in enumerate(races) if part in lag_tables[r.name]]
        tops, shifts, rows, theirs = [], [], [], []
        for i, table in own:
            top = {c: min((k for cc, k in table if cc == c), key=lambda k, c=c: table[c, k]) for c in CANDIDATES}
            tops.append(top)
            shifts += [top[c] - races[i].tuned[c] for c in CANDIDATES if leads[i, CANDIDATES.index(c)] < 3.0]
            a = np.array([min(table[c, top[c]], 3.0) for c in CANDIDATES])
            rows.append(a - a.mean())
            theirs.append(leads[i] - leads[i].mean())
        if len(own) < 4:
            return {}
        tables = [t for _, t in own]
        pooled = np.mean([shape_of(tables, tops, c) for c in CANDIDATES], 0)
        shift = float(np.median(np.clip(shifts, -3, 4))) * 0.5 + 0.5 * float(np.mean(np.clip(shifts, -3, 4)))
        spread = float(np.std(np.clip(shifts, -4, 5)))
        a, lead = np.array(rows), np.array(theirs)
        offset = a.mean(0)
        slope = float((lead * (a - offset)).sum() / ((lead**2).sum() + 1e-9))
        noise = float(np.sqrt(((a - offset - slope * lead) ** 2).mean()))
        return {"shape": pooled, "shift": shift, "spread": spread, "offset": offset, "slope": max(slope, 0.05), "noise": noise}


class Tuning:
    """The few numbers that were chosen by hand on the curve."""

    rate_temper = 0.6
    lead_temper = 0.6
    noise = 0.25
    relative_noise = 0.4
    theta = 0.3
    spread_scale = 0.8


class Belief:
    def __init__(self, fit: Fit, race: Race, tuning: type[Tuning] = Tuning, candidates: tuple[str, ...] = CANDIDATES) -> None:
        self.fit, self.race, self.tuning, self.candidates = fit, race, tuning, candidates
        x = fit.standard(race)
        self.rule = {c: fit.rate[c][0] + float(fit.rate[c][1] @ x) for c in candidates}
        self.lead_prior = np.array([fit.lead[c][0] + float(fit.lead[c][1] @ x) for c in candidates])
        where = [CANDIDATES.index(c) for c in candidates]
        self.covariance_prior = fit.covariance[np.ix_(where, where)]
        self.copies: dict[int, dict[Arm, Copy]] = {}
        self.cost = 0.0
        self.believe()

    def believe(self) -> None:
        fit, t = self.fit, self.tuning
        found = {part: lags(copies) for part, copies in self.copies.items()}
        # rates: log likelihood of best_c - rule_c on GRID
        likelihood = {c: np.zeros(len(GRID)) for c in self.candidates}
        self.top: dict[tuple[int, str], float] = {}
        for part, table in found.items():
            level = fit.levels[part]
            spread = level["spread"] * t.spread_scale
            for c in self.candidates:
                arms = [(k, z) for (cc, k), z in table.items() if cc == c]
                if len(arms) == 0:
                    continue
                peaks = np.arange(-7.0, 8.01, 0.5)  # of the copies, relative to the rule
                k = np.array([a for a, _ in arms], float) - self.rule[c]
                z = np.array([b for _, b in arms])
                expected = interpolate(level["shape"], k[None] - peaks[:, None])
                sd = t.noise + t.relative_noise * expected
                # the candidate's own lag at its peak is unknown: between 0 and 2, profiled
                base = np.linspace(0.0, 2.0, 9)
                scores = -0.5 * (((z - base[:, None, None] - expected) / sd) ** 2).sum(2) - np.log(sd).sum(1)
                score = np.log(np.exp(scores - scores.max()).mean(0)) if True else scores.max(0)
                weight = np.exp(score - score.max())
                transfer = np.exp(-0.5 * ((peaks[None] - GRID[:, None] - level["shift"]) / spread) ** 2)
                likelihood[c] += t.rate_temper * np.log((transfer * weight).sum(1) + 1e-6)
        shifts = np.arange(-5.0, 5.01, 0.5)
        prior_common = np.exp(-0.5 * (shifts / fit.common) ** 2)
        own = np.exp(-0.5 * ((GRID[None] - shifts[:, None]) / fit.own) ** 2)
        own /= own.sum(1, keepdims=True)
        evidence = {c: own @ np.exp(likelihood[c] - likelihood[c].max()) for c in self.candidates}
        common = prior_common * np.prod([evidence[c] for c in self.candidates], axis=0)
        common /= common.sum()
        self.posterior: dict[str, Array] = {}
        for c in self.candidates:
            p = (common / np.maximum(evidence[c], 1e-300)) @ own * np.exp(likelihood[c] - likelihood[c].max())
            self.posterior[c] = p / p.sum()
        # leads
        precision = np.linalg.inv(self.covariance_prior)
        eta = precision @ self.lead_prior
        size = len(self.candidates)
        big = np.zeros((size + len(found), size + len(found)))
        big[:size, :size] = precision
        vector = np.zeros(size + len(found))
        vector[:size] = eta
        for j, (part, table) in enumerate(found.items()):
            level = fit.levels[part]
            big[size + j, size + j] += 0.01
            for i, c in enumerate(self.candidates):
                arms = [(k, z) for (cc, k), z in table.items() if cc == c]
                if not arms:
                    continue
                centre = self.rule[c] + float(self.posterior[c] @ GRID) + level["shift"]
                width = math.sqrt(max(float(self.posterior[c] @ GRID**2) - float(self.posterior[c] @ GRID) ** 2, 0.0))
                k, z = min(arms, key=lambda a: a[1])
                excess = float(self.posterior[c] @ interpolate(level["shape"], k - self.rule[c] - GRID - level["shift"]))
                value = min(z, 3.0) - (excess if len(arms) == 1 else 0.5 * excess)
                variance = (level["noise"] ** 2 + (0.5 * excess) ** 2) / t.lead_temper
                del centre, width
                h = np.zeros(size + len(found))
                h[i], h[size + j] = level["slope"], 1.0
                big += np.outer(h, h) / variance
                vector += h * (value - level["offset"][CANDIDATES.index(c)]) / variance
        covariance = np.linalg.inv(big)
        self.lead = (covariance @ vector)[:size]
        self.lead_covariance = covariance[:size, :size]
        self.expected: dict[Arm, float] = {}
        for i, c in enumerate(self.candidates):
            for k in range(math.ceil(self.rule[c]) - 5, math.floor(self.rule[c]) + 6):
                self.expected[c, k] = float(self.lead[i]) + float(self.posterior[c] @ interpolate(fit.shape[c], k - self.rule[c] - GRID))

    def rate(self, candidate: str) -> int:
        return min((k for c, k in self.expected if c == candidate), key=lambda k: self.expected[candidate, k])

    def run(self, part: int, arm: Arm) -> None:
        copy = copy_of(self.race, part, arm)
        assert copy is not None
        self.copies.setdefault(part, {})[arm] = copy
        self.cost += 1 / part

    def next(self, part: int) -> Arm:
        """The run to make now: of the candidate with most weight a run, at the unseen rate nearest to where its copies should be best."""
        done = self.copies.get(part, {})
        values = {c: self.expected[c, self.rate(c)] for c in self.candidates}
        least = min(values.values())
        counts = {c: sum(1 for cc, _ in done if cc == c) for c in self.candidates}
        c = max(self.candidates, key=lambda c: math.exp(-(values[c] - least) / self.tuning.theta) / (counts[c] + 1))
        level = self.fit.levels[part]
        centre = self.rule[c] + float(self.posterior[c] @ GRID) + level["shift"] if part > 1 else float(self.rate(c))
        free = [k for k in range(round(centre) - 6, round(centre) + 7) if (c, k) not in done]
        return c, min(free, key=lambda k: (abs(k - centre), k))

    def choice(self) -> Arm:
        full = {a: c for a, c in self.copies.get(1, {}).items() if math.isfinite(c.final)}
        if len(full) >= 2:
            return min(full, key=lambda a: full[a].final)
        return min(self.expected, key=lambda a: self.expected[a])
