# SPDX-License-Identifier: Apache-2.0
"""Fits core/data/policy.json to the recorded races: `python -m zoo.fit`. What each key means stands in core's policy.hpp and
docs/decisions/policy.md.
"""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.constants import CANDIDATES
from zoo.regret import DATA, Arm, Race, load

Array = NDArray[np.float64]
CAP = 4.0  # octaves of steps; a regret beyond 16 counts as 16
LEAD_CAP = 3.0
PARTS = (4, 8, 16, 32)
# name -> (raw value, whether its logarithm is taken)
FEATURES: dict[str, tuple[Any, bool]] = {
    "steps": (lambda r: r.steps, True),
    "batch_size": (lambda r: r.batch, True),
    "parameters": (lambda r: r.features["parameters"], True),
    "hidden_share": (lambda r: r.features["matrix"] / r.features["parameters"], False),
    "embedding_share": (lambda r: (r.features["embedding"] + r.features["head"]) / r.features["parameters"], False),
    "matrices": (lambda r: max(r.features["matrices"], 1), True),
    "constant_schedule": (lambda r: float(r.record["schedule"] == "constant"), False),
}
# What a probe of a few gradients adds; on trial in the scoreboard, not in the policy.
PROBED: dict[str, tuple[Any, bool]] = {
    "noise_density": (lambda r: min(max(r.features["noise_density"], 0.0), 1.0), False),
    "noise_to_signal": (lambda r: min(max(r.features["noise_to_signal"], 2.0**-10), 2.0**10), True),
}
RATE_FEATURES = ("steps", "batch_size", "hidden_share", "embedding_share", "constant_schedule")
# Octaves of the best rate for a doubling of the weights. The zoo's models have some 3,000, too few and too alike to tell; these
# lead from its mean to what larger models prefer (ten problems of about 1e5 weights: Muon 2^-6, AdamW 2^-8.5; the nano GPT of
# 8e5: AdamW 2^-9.7, Muon 2^-7.4, Lion 2^-11.3, SignSGD 2^-10).
RATE_SLOPES = {"muon": -0.2, "adamw": -0.45, "signsgd": -0.45, "lion": -0.45, "sgd-momentum": -0.2}
# Values that the rules may be asked about; beyond them a linear rule is a guess, so they are clipped.
CLIPS = {"steps": (50, 10000), "batch_size": (1, 512), "parameters": (300, 4000000), "matrices": (1, 32)}
LEAD_FEATURES = ("steps", "batch_size", "hidden_share", "embedding_share", "matrices")
RATE_RIDGE, LEAD_RIDGE = 5.0, 10.0  # in problems
# Where a feature is not given: what users have, rather than what the zoo has.
USUAL = {"steps": 1000, "batch_size": 32, "parameters": 131072, "matrices": 8, "constant_schedule": 0}
# What was chosen on the curve rather than fitted to moments.
SPENDING = {
    "divisors": [32, 16, 8, 4, 1],
    "fewest_steps": 10,
    "smallest_share": 0.025,
    "rate_step": 1,
    "guess_deviation": 1.5,
    "smallest_gain": 0.002,
    "clock_advantage": 1.25,
}
TRANSFER = {
    "rate_deviation": 0.5,
    "rate_deviation_slope": 0.4,
    "regret_deviation": 0.3,
    "regret_deviation_slope": 0.1,
    "noise": 0.3,
    "noise_slope": 0.3,
    "closeness_floor": 0.05,
    "closeness_scale": 0.4,
}
# Kinds that the zoo does not race follow a kind that it does: (kind, octaves of its rate, log2 of its regret, extra deviation
# of both).
RELATIVES = {
    "muonlight": ("muon", 0.0, 0.05, 0.2),
    "signum": ("lion", 0.0, 0.0, 0.2),
    "sgd": ("sgd-momentum", 3.0, 0.5, 0.5),
    "normalized-sgd": ("sgd-momentum", 1.0, 0.2, 0.7),
}


def usable(races: list[Race]) -> list[Race]:
    """Those on which somebody learned something."""
    return [r for r in races if r.final(r.best) < r.start - 0.02 * abs(r.start)]


def regrets(race: Race) -> dict[Arm, float]:
    """log2 regret of every recorded arm."""
    return {(c, k): min(CAP, math.log2(race.regret((c, k)))) for c in race.candidates for k in race.rates(c)}


def look(table: dict[Arm, float], c: str, k: int) -> float:
    if (c, k) in table:
        return table[c, k]
    rates = [kk for cc, kk in table if cc == c]
    return CAP if k > max(rates) else min(CAP, table[c, min(rates)] + min(rates) - k)


class Ridge:
    """A linear rule on features around their means; slopes are in raw units, drawn to 0 in standardized ones."""

    def __init__(self, x: Array, names: tuple[str, ...], y: Array, strength: float) -> None:
        scale = x.std(0) + 1e-9
        z = (x - x.mean(0)) / scale
        self.slopes = np.linalg.solve(z.T @ z + strength * np.eye(z.shape[1]), z.T @ (y - y.mean())) / scale
        self.names = names
        self.intercept = float(y.mean() - (x.mean(0) @ self.slopes))
        hat = np.linalg.solve(z.T @ z + strength * np.eye(z.shape[1]), z.T)
        degrees = 1.0 + float(np.trace(z @ hat))
        residual = y - self(x)
        self.deviation = math.sqrt(float(residual @ residual) / max(len(y) - degrees, 1.0))

    def __call__(self, x: Array) -> Array:
        return self.intercept + x @ self.slopes

    def rule(self, centres: dict[str, float]) -> dict[str, float]:
        """As the policy file has it: at the features' centres, and slopes."""
        at = self.intercept + sum(s * centres[n] for s, n in zip(self.slopes, self.names, strict=True))
        return {"intercept": round(at, 3)} | {n: round(float(s), 4) for s, n in zip(self.slopes, self.names, strict=True)}


def value(race: Race, name: str) -> float:
    """A feature as the rules see it: clipped, its logarithm where that is taken."""
    raw, is_log = (FEATURES | PROBED)[name]
    low, high = CLIPS.get(name, (-math.inf, math.inf))
    clipped = min(max(float(raw(race)), low), high)
    return math.log2(clipped) if is_log else clipped


def matrix(races: list[Race], names: tuple[str, ...]) -> Array:
    return np.array([[value(r, n) for n in names] for r in races], float)


def curvature(tables: list[tuple[dict[Arm, float], int, float]], candidate: str, sign: int, pooled: float | None) -> float:
    """Least squares of what rates beside the best cost on distance squared; towards the pooled value with the weight of ten
    problems.
    """
    top = bottom = 0.0
    distances = (1, 2, 3) if sign < 0 else (1, 2)
    for table, best, lead in tables:
        for d in distances:
            value = max(0.0, look(table, candidate, best + sign * d) - lead)
            weight = 1.0 / d**3
            top += weight * min(value, 3.0) * d * d
            bottom += weight * d**4
    if pooled is not None:
        extra = 10 * sum(d**4 / d**3 for d in distances)
        top, bottom = top + extra * pooled, bottom + extra
    return top / max(bottom, 1e-9)


def fit(
    races: list[Race], tables: dict[str, dict[Arm, float]], transfer: dict[str, float] | None = None, extra: tuple[str, ...] = ()
) -> dict[str, Any]:
    """The policy file as a dictionary. `extra` are names of PROBED that are features, too."""
    transfer = {**TRANSFER, **(transfer or {})}
    looked_at = {**FEATURES, **{n: PROBED[n] for n in extra}}
    raw = matrix(races, tuple(looked_at))
    centres = {n: round(float(m), 3) for n, m in zip(looked_at, raw.mean(0), strict=True)}
    rate_features, lead_features = RATE_FEATURES + extra, LEAD_FEATURES + extra
    features = {}
    for n, (_, is_log) in looked_at.items():
        features[n] = {"log2": is_log, "centre": centres[n], "usual": round(2 ** centres[n], 1) if is_log else centres[n]}
        if n in CLIPS:
            features[n] |= {"low": CLIPS[n][0], "high": CLIPS[n][1]}
    for n, value in USUAL.items():
        features[n]["usual"] = value
    size = matrix(races, ("parameters",))[:, 0] - centres["parameters"]
    xr, xl = matrix(races, rate_features), matrix(races, lead_features)
    leads = {c: np.array([min(tables[r.name][c, r.tuned[c]], LEAD_CAP) for r in races]) for c in CANDIDATES}
    rows = {
        c: [
            (tables[r.name], r.tuned[c], tables[r.name][c, r.tuned[c]]) for r in races if tables[r.name][c, r.tuned[c]] < LEAD_CAP
        ]
        for c in CANDIDATES
    }
    everything = {sign: float(np.mean([curvature(rows[c], c, sign, None) for c in CANDIDATES])) for sign in (-1, 1)}
    kinds: dict[str, Any] = {}
    residuals = []
    for c in CANDIDATES:
        good = leads[c] < LEAD_CAP
        best = np.array([r.tuned[c] for r in races], float)
        rate = Ridge(xr[good], rate_features, (best - RATE_SLOPES[c] * size)[good], RATE_RIDGE)
        lead = Ridge(xl, lead_features, leads[c], LEAD_RIDGE)
        residuals.append(leads[c] - lead(xl))
        rate_shift, regret_shift = shifts(races, c, leads)
        edge, width = divergence(races, c)
        kinds[c] = {
            "log2_rate": rate.rule(centres) | {"parameters": RATE_SLOPES[c]},
            "rate_deviation": round(rate.deviation, 3),
            "log2_regret": lead.rule(centres),
            "regret_deviation": round(max(lead.deviation, 0.2), 3),
            "cost": {
                "below": round(curvature(rows[c], c, -1, everything[-1]), 4),
                "above": round(curvature(rows[c], c, 1, everything[1]), 4),
                "knee": 3,
            },
            "rate_shift": rate_shift,
            "regret_shift": regret_shift,
            "step_time": round(float(np.exp(np.median([math.log(r.seconds(c) / r.seconds("adamw")) for r in races]))), 3),
            "diverges_above": edge,
            "divergence_width": width,
        }
    correlation = 0.8 * np.corrcoef(np.array(residuals))
    pairs = [
        [a, b, round(float(correlation[i, j]), 2)]
        for i, a in enumerate(CANDIDATES)
        for j, b in enumerate(CANDIDATES)
        if i < j and abs(correlation[i, j]) > 0.05
    ]
    for kind, (like, octaves, behind, extra) in RELATIVES.items():
        copy = json.loads(json.dumps(kinds[like]))
        copy["log2_rate"]["intercept"] = round(copy["log2_rate"]["intercept"] + octaves, 3)
        copy["log2_regret"]["intercept"] = round(copy["log2_regret"]["intercept"] + behind, 3)
        copy["rate_deviation"] = round(copy["rate_deviation"] + extra, 3)
        copy["regret_deviation"] = round(copy["regret_deviation"] + extra, 3)
        kinds[kind] = copy
        pairs.append([like, kind, 0.7])
    kinds["custom"] = {
        "rate_deviation": 1.5,
        "log2_regret": {"intercept": round(float(np.mean([leads[c].mean() for c in CANDIDATES])), 3)},
        "regret_deviation": 0.9,
        "cost": {"below": round(everything[-1], 4), "above": round(everything[1], 4), "knee": 3},
        "rate_shift": round(float(np.mean([kinds[c]["rate_shift"] for c in CANDIDATES])), 3),
        "regret_shift": 0,
        "step_time": 1.2,
        "diverges_above": 3,
        "divergence_width": 1,
    }
    return {
        "version": 1,
        "features": features,
        "kinds": kinds,
        "correlations": pairs,
        "same_kind_correlation": 0.8,
        "transfer": transfer,
        "spending": SPENDING,
    }


def shifts(races: list[Race], candidate: str, leads: dict[str, Array]) -> tuple[float, float]:
    """For each halving of the length: octaves that the best rate rises (drawn to that of all: 0.25), and log2 of steps that
    the candidate loses.
    """
    rises, weights = [0.25 * 40], [40.0]
    for i, race in enumerate(races):
        if leads[candidate][i] >= LEAD_CAP:
            continue
        for part in PARTS:
            table = race.record["short"].get(str(part))
            if table is None:
                continue
            finals = {int(k): v[0][-1] for k, v in table[candidate].items() if v[0][-1] is not None}
            if not finals:
                continue
            halvings = math.log2(part)
            rise = min(finals, key=lambda k, f=finals: f[k]) - race.tuned[candidate]
            rises.append(min(max(rise, -2.0), 4.0) / halvings * halvings**0.5)
            weights.append(halvings**0.5)
    return round(sum(rises) / sum(weights), 3), 0.0


def divergence(races: list[Race], candidate: str) -> tuple[float, float]:
    """Octaves above the best rate where half of the runs are lost, and the width of that edge: by a logistic fit."""
    distance, lost = [], []
    for race in races:
        for k in race.rates(candidate):
            if k > race.tuned[candidate]:
                distance.append(k - race.tuned[candidate])
                lost.append(not race.final((candidate, k)) < 3 * abs(race.start) + 1)
    d, y = np.array(distance, float), np.array(lost, float)
    if y.sum() < 3:
        return 4.5, 1.2
    best = (math.inf, 4.5, 1.2)
    for edge in np.arange(1.5, 7.1, 0.25):
        for width in (0.5, 0.8, 1.2, 1.6, 2.0):
            p = np.clip(0.5 * (1 + np.array([math.erf(v) for v in (d - edge) / width / math.sqrt(2)])), 1e-3, 1 - 1e-3)
            score = -float(np.mean(y * np.log(p) + (1 - y) * np.log(1 - p)))
            best = min(best, (score, float(edge), width))
    return best[1], best[2]


def written(policy: dict[str, Any]) -> str:
    """JSON with a line for each feature and kind."""
    parts = []
    for key, value in policy.items():
        if key in ("features", "kinds"):
            rows = ",\n".join(f"    {json.dumps(k)}: {json.dumps(v)}" for k, v in value.items())
            parts.append(f"  {json.dumps(key)}: {{\n{rows}\n  }}")
        else:
            parts.append(f"  {json.dumps(key)}: {json.dumps(value)}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--races", type=Path, default=DATA)
    parser.add_argument("--out", type=Path, default=DATA.parent / "policy.json")
    arguments = parser.parse_args()
    races = usable(load(arguments.races))
    policy = fit(races, {r.name: regrets(r) for r in races})
    arguments.out.write_text(written(policy))
    print(f"{len(races)} races -> {arguments.out}")


if __name__ == "__main__":
    main()
