# SPDX-License-Identifier: Apache-2.0
"""Experience: recorded problems, each moved by a few octaves, as hypotheses about a new one; weighted by how well they explain what was seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from zoo.constants import CANDIDATES
from zoo.gaussian import Array
from zoo.policy import CAP, OFFSETS, PARTS, Copy, Race, Rules, Standard, copy_of, lags, look
from zoo.regret import Arm

ARMS = [(c, d) for c in CANDIDATES for d in OFFSETS]
SHIFTS = (-2, -1, 0, 1, 2)


@dataclass
class Widths:
    features: float = 1.5
    shift: float = 0.8
    lag: dict[int, float] | None = None
    squash: float = 1.0

    def of(self, part: int) -> float:
        return (self.lag or {1: 0.15, 2: 0.2, 4: 0.25, 8: 0.3, 16: 0.35, 32: 0.4})[part]


class Tables:
    """Of one race: log2 regrets and lags of short copies by candidate and absolute rate; made once."""

    def __init__(self, race: Race, regrets: dict[Arm, float]) -> None:
        self.race, self.regrets = race, regrets
        self.lags: dict[int, dict[Arm, float]] = {}
        for part in PARTS:
            table = race.record["short"].get(str(part))
            if table is None:
                continue
            copies = {(c, int(k)): copy_of(race, part, (c, int(k))) for c in race.candidates for k in table[c]}
            self.lags[part] = lags(copies)  # type: ignore[arg-type]
        copies = {(c, k): copy_of(race, 1, (c, k)) for c in race.candidates for k in race.rates(c)}
        self.lags[1] = lags(copies)  # type: ignore[arg-type]


def squash(z: Array, at: float) -> Array:
    return z / (1 + z / at)


class Experience:
    def __init__(self, tables: list[Tables], standard: Standard, rules: Rules) -> None:
        self.standard, self.rules = standard, rules
        n = len(tables)
        self.x = np.array([standard(t.race) for t in tables])
        self.y = np.zeros((n, len(SHIFTS), len(ARMS)))
        self.z = {part: np.full((n, len(SHIFTS), len(ARMS)), np.nan) for part in (1, *PARTS)}
        for i, t in enumerate(tables):
            rates = {c: rules.rate(c, self.x[i]) for c in CANDIDATES}
            for s, shift in enumerate(SHIFTS):
                for a, (c, d) in enumerate(ARMS):
                    k = rates[c] + d + shift
                    self.y[i, s, a] = look(t.regrets, c, k)
                    for part, table in t.lags.items():
                        self.z[part][i, s, a] = look(table, c, k)

    def weights(self, x: Array, seen: dict[int, tuple[list[int], Array]], widths: Widths, keep: Array) -> Array:
        """Over (problem, shift). `seen`: part -> arms, lags."""
        distance = ((self.x - x) ** 2).sum(1) / widths.features**2
        score = -0.5 * (distance[:, None] + np.array(SHIFTS)[None] ** 2 / widths.shift**2)
        for part, (arms, values) in seen.items():
            theirs = self.z[part][:, :, arms]
            missing = np.isnan(theirs).any(2)
            if missing.all():
                continue
            theirs = theirs - theirs.min(2, keepdims=True)
            error = ((squash(theirs, widths.squash) - squash(values - values.min(), widths.squash)) ** 2).sum(2) / widths.of(part) ** 2
            fill = np.mean(error[~missing])
            score -= 0.5 * np.where(missing, fill, error)
        score[~keep] = -np.inf
        w = np.exp(score - score.max())
        return w / w.sum()


class ExperienceSession:
    def __init__(self, experience: Experience, race: Race, widths: Widths, keep: Array) -> None:
        self.e, self.race, self.widths, self.keep = experience, race, widths, keep
        self.x = experience.standard(race)
        self.rates = {c: experience.rules.rate(c, self.x) for c in CANDIDATES}
        self.copies: dict[int, dict[int, Copy]] = {}
        self.cost = 0.0
        self.believe()

    def believe(self) -> None:
        seen = {}
        for part, copies in self.copies.items():
            found = lags({ARMS[i]: c for i, c in copies.items()})
            arms = list(copies)
            seen[part] = (arms, np.array([found[ARMS[i]] for i in arms]))
        self.w = self.e.weights(self.x, seen, self.widths, self.keep)
        self.mean = np.einsum("ns,nsa->a", self.w, self.e.y)
        second = np.einsum("ns,nsa->a", self.w, self.e.y**2)
        self.sd = np.sqrt(np.maximum(second - self.mean**2, 1e-6))

    def run(self, part: int, arm: int) -> bool:
        c, d = ARMS[arm]
        copy = copy_of(self.race, part, (c, self.rates[c] + d))
        if copy is None:
            return False
        self.copies.setdefault(part, {})[arm] = copy
        self.cost += 1 / part
        return True

    def choice(self) -> Arm:
        c, d = ARMS[int(np.argmin(self.mean))]
        return c, self.rates[c] + d


class EnsembleSession(ExperienceSession):
    """The hypotheses' weighted mean and covariance, conditioned as a Gaussian on the lags that were seen, with noise."""

    temper = 0.0  # how much of the likelihood goes into the weights

    def believe(self) -> None:
        e = self.e
        seen: dict[int, tuple[list[int], Array]] = {}
        for part, copies in self.copies.items():
            found = lags({ARMS[i]: c for i, c in copies.items()})
            seen[part] = (list(copies), np.array([found[ARMS[i]] for i in copies]))
        if self.temper > 0:
            wide = Widths(self.widths.features, self.widths.shift, {p: self.widths.of(p) / self.temper**0.5 for p in (1, *PARTS)}, self.widths.squash)
            w = e.weights(self.x, seen, wide, self.keep)
        else:
            w = e.weights(self.x, {}, self.widths, self.keep)
        flat = w.reshape(-1)
        y = e.y.reshape(len(flat), -1)
        mean = flat @ y
        dy = y - mean
        covariance = (dy * flat[:, None]).T @ dy
        if seen:
            parts, values, noise = [], [], []
            for part, (arms, lag) in seen.items():
                z = e.z[part].reshape(len(flat), -1)[:, arms]
                z = z - z.min(1, keepdims=True)
                z = squash(z, self.widths.squash)
                good = ~np.isnan(z).any(1)
                if good.sum() < 5:
                    continue
                average = (flat[good] @ z[good]) / flat[good].sum()
                z = np.where(good[:, None], z, average)
                parts.append(z - average)
                values.append(squash(lag - lag.min(), self.widths.squash) - average)
                noise += [self.widths.of(part) ** 2] * len(arms)
            if parts:
                dz, innovation = np.concatenate(parts, 1), np.concatenate(values)
                czz = (dz * flat[:, None]).T @ dz + np.diag(noise)
                cyz = (dy * flat[:, None]).T @ dz
                gain = np.linalg.solve(czz, cyz.T).T
                mean = mean + gain @ innovation
                covariance = covariance - gain @ cyz.T
        self.w, self.mean, self.covariance = w, mean, covariance
        self.sd = np.sqrt(np.maximum(np.diag(covariance), 1e-6))


__all__ = ["ARMS", "CAP", "Experience", "EnsembleSession", "ExperienceSession", "Tables", "Widths"]
