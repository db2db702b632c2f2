# SPDX-License-Identifier: Apache-2.0
# Written by `python3 -m normdescent.stubs` from the catalog; a test compares.
from pathlib import Path
from typing import Any, Literal, Mapping, Optional

import torch

from ._catalog import CatalogEntry as CatalogEntry
from ._catalog import Option as Option
from ._catalog import catalog as catalog
from ._optimizer import CatalogOptimizer as CatalogOptimizer
from ._optimizer import ParameterPlan as ParameterPlan
from ._optimizer import Parameters

library_path: Path
classes: dict[str, type[CatalogOptimizer]]

def make(name: str, params: Parameters, **options: Any) -> CatalogOptimizer: ...
def msign(g: torch.Tensor, method: str = ..., steps: int = ...) -> torch.Tensor: ...
def step_norm(x: torch.Tensor, geometry: str) -> float: ...
def dual_norm(g: torch.Tensor, geometry: str) -> float: ...
def dual_unit(g: torch.Tensor, geometry: str) -> torch.Tensor: ...

class SGD(CatalogOptimizer):
    """SGD: x <- x - eta b, b = beta b + g

    lr  step size eta at the peak of the schedule; in [0, inf)
    beta  momentum, heavy ball b <- beta b + g; in [0, 1)
    nesterov  look one momentum step ahead; one of true, false
    decoupled_decay  lambda in x <- (1 - eta lambda) x; in [0, inf)
    """

    def __init__(
        self,
        params: Parameters,
        lr: float = 0.1,
        *,
        roles: Optional[Mapping[str, str]] = None,
        beta: float = 0.0,
        nesterov: bool = False,
        decoupled_decay: float = 0.0,
    ) -> None: ...

class NormalizedSGD(CatalogOptimizer):
    """Normalized SGD: x <- x - eta m / ||m||_2

    lr  step size eta at the peak of the schedule; in [0, inf)
    beta  momentum, m <- beta m + (1 - beta) g, before normalizing; in [0, 1)
    scope  what has norm 1: all parameters together, or each tensor; one of global, per-tensor
    decoupled_decay  lambda in x <- (1 - eta lambda) x; in [0, inf)
    """

    def __init__(
        self,
        params: Parameters,
        lr: float = 0.1,
        *,
        roles: Optional[Mapping[str, str]] = None,
        beta: float = 0.0,
        scope: Literal["global", "per-tensor"] = "global",
        decoupled_decay: float = 0.0,
    ) -> None: ...

class SignSGD(CatalogOptimizer):
    """SignSGD: x <- x - eta sign(g)

    lr  step size eta at the peak of the schedule; in [0, inf)
    decoupled_decay  lambda in x <- (1 - eta lambda) x; in [0, inf)
    """

    def __init__(
        self,
        params: Parameters,
        lr: float = 0.001,
        *,
        roles: Optional[Mapping[str, str]] = None,
        decoupled_decay: float = 0.0,
    ) -> None: ...

class Signum(CatalogOptimizer):
    """Signum: x <- x - eta sign(m), m = beta m + (1 - beta) g

    lr  step size eta at the peak of the schedule; in [0, inf)
    beta  momentum, m <- beta m + (1 - beta) g; in [0, 1)
    decoupled_decay  lambda in x <- (1 - eta lambda) x; in [0, inf)
    """

    def __init__(
        self,
        params: Parameters,
        lr: float = 0.001,
        *,
        roles: Optional[Mapping[str, str]] = None,
        beta: float = 0.9,
        decoupled_decay: float = 0.0,
    ) -> None: ...

class Lion(CatalogOptimizer):
    """Lion: x <- x - eta sign(beta1 m + (1 - beta1) g), then m = beta2 m + (1 - beta2) g

    lr  step size eta at the peak of the schedule; in [0, inf)
    beta1  weight of the old momentum inside the sign; in [0, 1)
    beta2  momentum, m <- beta2 m + (1 - beta2) g; in [0, 1)
    decoupled_decay  lambda in x <- (1 - eta lambda) x; in [0, inf)
    """

    def __init__(
        self,
        params: Parameters,
        lr: float = 0.0003,
        *,
        roles: Optional[Mapping[str, str]] = None,
        beta1: float = 0.9,
        beta2: float = 0.99,
        decoupled_decay: float = 0.0,
    ) -> None: ...

class Muon(CatalogOptimizer):
    """Muon: W <- W - eta s(m, n) msign(M), M = beta M + (1 - beta) G; AdamW on the rest

    lr  step size eta at the peak of the schedule; in [0, inf)
    beta  momentum; in [0, 1)
    nesterov  look one momentum step ahead; one of true, false
    method  how msign is computed; svd is exact and slow; one of polar-express, jordan, classic,
        halley, svd
    steps  iterations of msign; 0 takes the method's own number, svd takes none; a whole number in
        [0, 100]
    precision  operands of msign's large products; bfloat16 is for float32 parameters and not for
        svd; one of full, bfloat16
    shape_scale  factor s(m, n) on an m x n matrix's step; one of none, sqrt-max-one, match-adamw-
        rms, sqrt-out-over-in, sqrt-max, one-over-in, sqrt-out, one-over-sqrt-in
    decoupled_decay  lambda in x <- (1 - eta lambda) x; in [0, inf)
    fallback_rate  learning rate of AdamW on the other parameters over learning_rate; in [0, inf)
    fallback_beta1  first moment, m <- beta1 m + (1 - beta1) g, of AdamW on the other parameters; in
        [0, 1)
    fallback_beta2  second moment, v <- beta2 v + (1 - beta2) g^2, of AdamW on the other parameters;
        in [0, 1)
    fallback_epsilon  added to the root of the second moment, of AdamW on the other parameters; in
        (0, inf)
    fallback_decoupled_decay  lambda in x <- (1 - eta lambda) x, of AdamW on the other parameters;
        in [0, inf)
    """

    def __init__(
        self,
        params: Parameters,
        lr: float = 0.001,
        *,
        roles: Optional[Mapping[str, str]] = None,
        beta: float = 0.95,
        nesterov: bool = False,
        method: Literal["polar-express", "jordan", "classic", "halley", "svd"] = "halley",
        steps: int = 0,
        precision: Literal["full", "bfloat16"] = "full",
        shape_scale: Literal[
            "none",
            "sqrt-max-one",
            "match-adamw-rms",
            "sqrt-out-over-in",
            "sqrt-max",
            "one-over-in",
            "sqrt-out",
            "one-over-sqrt-in",
        ] = "match-adamw-rms",
        decoupled_decay: float = 0.0,
        fallback_rate: float = 1.0,
        fallback_beta1: float = 0.9,
        fallback_beta2: float = 0.99,
        fallback_epsilon: float = 1e-08,
        fallback_decoupled_decay: float = 0.0,
    ) -> None: ...

class Muonlight(CatalogOptimizer):
    """Muonlight: W <- W - eta s(m, n) msign(G + beta B), B = beta B + G; AdamW on the rest

    lr  step size eta at the peak of the schedule; in [0, inf)
    beta  momentum; in [0, 1)
    method  how msign is computed; svd is exact and slow; one of polar-express, jordan, classic,
        halley, svd
    steps  iterations of msign; 0 takes the method's own number, svd takes none; a whole number in
        [0, 100]
    precision  operands of msign's large products; bfloat16 is for float32 parameters and not for
        svd; one of full, bfloat16
    shape_scale  factor s(m, n) on an m x n matrix's step; one of none, sqrt-max-one, match-adamw-
        rms, sqrt-out-over-in, sqrt-max, one-over-in, sqrt-out, one-over-sqrt-in
    decoupled_decay  lambda in x <- (1 - eta lambda) x; in [0, inf)
    fallback_rate  learning rate of AdamW on the other parameters over learning_rate; in [0, inf)
    fallback_beta1  first moment, m <- beta1 m + (1 - beta1) g, of AdamW on the other parameters; in
        [0, 1)
    fallback_beta2  second moment, v <- beta2 v + (1 - beta2) g^2, of AdamW on the other parameters;
        in [0, 1)
    fallback_epsilon  added to the root of the second moment, of AdamW on the other parameters; in
        (0, inf)
    fallback_decoupled_decay  lambda in x <- (1 - eta lambda) x, of AdamW on the other parameters;
        in [0, inf)
    """

    def __init__(
        self,
        params: Parameters,
        lr: float = 0.001,
        *,
        roles: Optional[Mapping[str, str]] = None,
        beta: float = 0.95,
        method: Literal["polar-express", "jordan", "classic", "halley", "svd"] = "halley",
        steps: int = 0,
        precision: Literal["full", "bfloat16"] = "full",
        shape_scale: Literal[
            "none",
            "sqrt-max-one",
            "match-adamw-rms",
            "sqrt-out-over-in",
            "sqrt-max",
            "one-over-in",
            "sqrt-out",
            "one-over-sqrt-in",
        ] = "match-adamw-rms",
        decoupled_decay: float = 0.0,
        fallback_rate: float = 1.0,
        fallback_beta1: float = 0.9,
        fallback_beta2: float = 0.99,
        fallback_epsilon: float = 1e-08,
        fallback_decoupled_decay: float = 0.0,
    ) -> None: ...

class AdamW(CatalogOptimizer):
    """AdamW: x <- x - eta m / (sqrt(v) + epsilon), m and v bias-corrected

    lr  step size eta at the peak of the schedule; in [0, inf)
    beta1  first moment, m <- beta1 m + (1 - beta1) g; in [0, 1)
    beta2  second moment, v <- beta2 v + (1 - beta2) g^2; in [0, 1)
    epsilon  added to the root of the second moment; in (0, inf)
    decoupled_decay  lambda in x <- (1 - eta lambda) x; in [0, inf)
    """

    def __init__(
        self,
        params: Parameters,
        lr: float = 0.001,
        *,
        roles: Optional[Mapping[str, str]] = None,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-08,
        decoupled_decay: float = 0.01,
    ) -> None: ...
