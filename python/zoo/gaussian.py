# SPDX-License-Identifier: Apache-2.0
"""Factor analysis with missing values: value_q = mean_q + loading_q . f + noise_q e. Fitted by EM, conditioned in the space of factors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass
class FactorModel:
    mean: Array  # (quantities,)
    loading: Array  # (quantities, factors)
    variance: Array  # (quantities,) of the noises

    def posterior(self, where: Array, values: Array, free: Array | None = None) -> tuple[Array, Array]:
        """Mean and covariance of the factors given values at the indices `where`. Values with the same `free` >= 0 share an unknown constant."""
        factors = self.loading.shape[1]
        constants = 0 if free is None or len(free) == 0 else int(free.max()) + 1
        loading = np.zeros((len(where), factors + constants))
        loading[:, :factors] = self.loading[where]
        precision = np.eye(factors + constants)
        if free is not None:
            for i, constant in enumerate(free):
                if constant >= 0:
                    loading[i, factors + int(constant)] = 1.0
            precision[range(factors, factors + constants), range(factors, factors + constants)] = 0.01
        weighted = loading / self.variance[where][:, None]
        covariance = np.linalg.inv(precision + loading.T @ weighted)
        mean = covariance @ (weighted.T @ (values - self.mean[where]))
        return mean[:factors], covariance[:factors, :factors]


def fit(data: Array, factors: int, rounds: int = 60, prior: float = 1.0, floor: float = 0.02, start: FactorModel | None = None) -> FactorModel:
    """EM; NaN is missing. `prior` is the variance of a normal prior on loadings (in units of each quantity), `floor` of noises."""
    count, quantities = data.shape
    seen = np.isfinite(data)
    filled = np.where(seen, data, 0.0)
    number = np.maximum(seen.sum(0), 1)
    mean = filled.sum(0) / number
    spread = np.maximum((np.where(seen, data - mean, 0.0) ** 2).sum(0) / number, floor)
    if start is None:
        centred = np.where(seen, data - mean, 0.0) / np.sqrt(spread)
        _, _, directions = np.linalg.svd(centred, full_matrices=False)
        scores = centred @ directions[:factors].T
        scale = np.sqrt((scores**2).mean(0) + 1e-9)
        loading = (directions[:factors].T * scale) * np.sqrt(spread)[:, None]
        if loading.shape[1] < factors:
            loading = np.pad(loading, ((0, 0), (0, factors - loading.shape[1])))
        variance = np.maximum(spread - (loading**2).sum(1), 0.3 * spread)
    else:
        mean, loading, variance = start.mean, start.loading.copy(), start.variance.copy()
    for _ in range(rounds):
        weight = np.where(seen, 1.0 / variance, 0.0)  # (count, quantities)
        precision = np.einsum("nq,qi,qj->nij", weight, loading, loading, optimize=True) + np.eye(factors)
        covariance = np.linalg.inv(precision)
        scores = np.einsum("nij,nj->ni", covariance, (weight * (filled - mean)) @ loading)
        # regression of every quantity on (1, f)
        extended = np.concatenate([np.ones((count, 1)), scores], 1)
        second = np.einsum("ni,nj->nij", extended, extended)
        second[:, 1:, 1:] += covariance
        gram = np.einsum("nq,nij->qij", seen.astype(float), second, optimize=True)
        ridge = np.zeros_like(gram)
        ridge[:, range(1, factors + 1), range(1, factors + 1)] = (variance / (prior * spread))[:, None]
        right = np.einsum("nq,ni->qi", filled, extended, optimize=True)
        solved = np.linalg.solve(gram + ridge, right[..., None])[..., 0]
        mean, loading = solved[:, 0], solved[:, 1:]
        residual = np.where(seen, data - (extended @ solved.T), 0.0) ** 2
        extra = np.einsum("nq,qi,qj,nij->q", seen.astype(float), loading, loading, covariance, optimize=True)
        variance = np.maximum((residual.sum(0) + extra + 2 * 0.1 * spread) / (number + 2), floor * spread + 1e-4)
    return FactorModel(mean, loading, variance)
