# SPDX-License-Identifier: Apache-2.0
# Written by `python3 -m normdescent.stubs` from the catalog; a test compares.
from pathlib import Path
from typing import Any, Literal, Mapping, Optional

import torch

from ._catalog import CatalogEntry as CatalogEntry
from ._catalog import Option as Option
from ._catalog import catalog as catalog
from ._groups import Parameters
from ._monitor import TrainingMonitor as TrainingMonitor
from ._optimizer import CatalogOptimizer as CatalogOptimizer
from ._report import ParameterCounters as ParameterCounters
from ._report import ParameterPlan as ParameterPlan

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
    beta  momentum; in [0, 1)
    nesterov  look one momentum step ahead; one of true, false
    decoupled_decay  lambda in x <- (1 - eta lambda) x; in [0, inf)
    momentum_form  m <- beta m + (1 - beta) g, or b <- beta b + g; one of ema, heavy-ball
    start  what the EMA starts from; one of zero, first-gradient
    correction  what is averaged: g; g at the point extrapolated (needs a closure); g corrected by
        its difference to the previous point (closure) or to the previous batch; one of none,
        extrapolation, variance-reduction, mars
    gamma  strength of the correction: c = g + gamma beta/(1 - beta) (g - g_old); in [0, inf)
    decay_form  decay by eta lambda, by eta lambda times the step's scale, or by eta^2 lambda; one
        of decoupled, scaled, squared
    l2_penalty  g <- g + l2_penalty x before anything else: coupled, not a decay; in [0, inf)
    clip_norm  l2 norm that all gradients together may have; 0: any; in [0, inf)
    clip_tensor_norm  l2 norm that the gradient of each tensor may have; 0: any; in [0, inf)
    orientation  how weights are stored: rows are outputs or inputs; one of out-in, in-out
    on_nonfinite  a gradient with NaN or infinity changes nothing and is skipped, or ends the run;
        one of skip, stop
    bfloat16_rounding  how bfloat16 parameters keep small steps: a float copy, or rounding up or
        down at random; one of master, stochastic
    rounding_seed  seed of stochastic rounding; a whole number in [0, 2147483647]
    state_format  what momentum and second moment are kept in: the parameters' type, or half of it,
        rounded to nearest or at random; one of full, bfloat16, bfloat16-stochastic
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
        momentum_form: Literal["ema", "heavy-ball"] = "heavy-ball",
        start: Literal["zero", "first-gradient"] = "zero",
        correction: Literal["none", "extrapolation", "variance-reduction", "mars"] = "none",
        gamma: float = 1.0,
        decay_form: Literal["decoupled", "scaled", "squared"] = "decoupled",
        l2_penalty: float = 0.0,
        clip_norm: float = 0.0,
        clip_tensor_norm: float = 0.0,
        orientation: Literal["out-in", "in-out"] = "out-in",
        on_nonfinite: Literal["skip", "stop"] = "skip",
        bfloat16_rounding: Literal["master", "stochastic"] = "master",
        rounding_seed: int = 0,
        state_format: Literal["full", "bfloat16", "bfloat16-stochastic"] = "full",
    ) -> None: ...

class NormalizedSGD(CatalogOptimizer):
    """Normalized SGD: x <- x - eta m / ||m||_2

    lr  step size eta at the peak of the schedule; in [0, inf)
    beta  momentum, before normalizing; in [0, 1)
    nesterov  look one momentum step ahead; one of true, false
    scope  what has norm 1: all parameters together, or each tensor; one of global, per-tensor
    decoupled_decay  lambda in x <- (1 - eta lambda) x; in [0, inf)
    momentum_form  m <- beta m + (1 - beta) g, or b <- beta b + g; one of ema, heavy-ball
    start  what the EMA starts from; one of zero, first-gradient
    correction  what is averaged: g; g at the point extrapolated (needs a closure); g corrected by
        its difference to the previous point (closure) or to the previous batch; one of none,
        extrapolation, variance-reduction, mars
    gamma  strength of the correction: c = g + gamma beta/(1 - beta) (g - g_old); in [0, inf)
    decay_form  decay by eta lambda, by eta lambda times the step's scale, or by eta^2 lambda; one
        of decoupled, scaled, squared
    l2_penalty  g <- g + l2_penalty x before anything else: coupled, not a decay; in [0, inf)
    clip_norm  l2 norm that all gradients together may have; 0: any; in [0, inf)
    clip_tensor_norm  l2 norm that the gradient of each tensor may have; 0: any; in [0, inf)
    orientation  how weights are stored: rows are outputs or inputs; one of out-in, in-out
    on_nonfinite  a gradient with NaN or infinity changes nothing and is skipped, or ends the run;
        one of skip, stop
    bfloat16_rounding  how bfloat16 parameters keep small steps: a float copy, or rounding up or
        down at random; one of master, stochastic
    rounding_seed  seed of stochastic rounding; a whole number in [0, 2147483647]
    state_format  what momentum and second moment are kept in: the parameters' type, or half of it,
        rounded to nearest or at random; one of full, bfloat16, bfloat16-stochastic
    """

    def __init__(
        self,
        params: Parameters,
        lr: float = 0.1,
        *,
        roles: Optional[Mapping[str, str]] = None,
        beta: float = 0.0,
        nesterov: bool = False,
        scope: Literal["global", "per-tensor"] = "global",
        decoupled_decay: float = 0.0,
        momentum_form: Literal["ema", "heavy-ball"] = "ema",
        start: Literal["zero", "first-gradient"] = "zero",
        correction: Literal["none", "extrapolation", "variance-reduction", "mars"] = "none",
        gamma: float = 1.0,
        decay_form: Literal["decoupled", "scaled", "squared"] = "decoupled",
        l2_penalty: float = 0.0,
        clip_norm: float = 0.0,
        clip_tensor_norm: float = 0.0,
        orientation: Literal["out-in", "in-out"] = "out-in",
        on_nonfinite: Literal["skip", "stop"] = "skip",
        bfloat16_rounding: Literal["master", "stochastic"] = "master",
        rounding_seed: int = 0,
        state_format: Literal["full", "bfloat16", "bfloat16-stochastic"] = "full",
    ) -> None: ...

class RowNormalizedSGD(CatalogOptimizer):
    """Row-normalized SGD: W_i <- W_i - eta M_i / ||M_i||_2 for every row i

    lr  step size eta at the peak of the schedule; in [0, inf)
    beta  momentum, before normalizing; in [0, 1)
    nesterov  look one momentum step ahead; one of true, false
    axis  what has norm 1: the weights of an output, or those of an input; one of rows, columns
    decoupled_decay  lambda in x <- (1 - eta lambda) x; in [0, inf)
    momentum_form  m <- beta m + (1 - beta) g, or b <- beta b + g; one of ema, heavy-ball
    start  what the EMA starts from; one of zero, first-gradient
    correction  what is averaged: g; g at the point extrapolated (needs a closure); g corrected by
        its difference to the previous point (closure) or to the previous batch; one of none,
        extrapolation, variance-reduction, mars
    gamma  strength of the correction: c = g + gamma beta/(1 - beta) (g - g_old); in [0, inf)
    decay_form  decay by eta lambda, by eta lambda times the step's scale, or by eta^2 lambda; one
        of decoupled, scaled, squared
    l2_penalty  g <- g + l2_penalty x before anything else: coupled, not a decay; in [0, inf)
    clip_norm  l2 norm that all gradients together may have; 0: any; in [0, inf)
    clip_tensor_norm  l2 norm that the gradient of each tensor may have; 0: any; in [0, inf)
    orientation  how weights are stored: rows are outputs or inputs; one of out-in, in-out
    on_nonfinite  a gradient with NaN or infinity changes nothing and is skipped, or ends the run;
        one of skip, stop
    bfloat16_rounding  how bfloat16 parameters keep small steps: a float copy, or rounding up or
        down at random; one of master, stochastic
    rounding_seed  seed of stochastic rounding; a whole number in [0, 2147483647]
    state_format  what momentum and second moment are kept in: the parameters' type, or half of it,
        rounded to nearest or at random; one of full, bfloat16, bfloat16-stochastic
    """

    def __init__(
        self,
        params: Parameters,
        lr: float = 0.01,
        *,
        roles: Optional[Mapping[str, str]] = None,
        beta: float = 0.0,
        nesterov: bool = False,
        axis: Literal["rows", "columns"] = "rows",
        decoupled_decay: float = 0.0,
        momentum_form: Literal["ema", "heavy-ball"] = "ema",
        start: Literal["zero", "first-gradient"] = "zero",
        correction: Literal["none", "extrapolation", "variance-reduction", "mars"] = "none",
        gamma: float = 1.0,
        decay_form: Literal["decoupled", "scaled", "squared"] = "decoupled",
        l2_penalty: float = 0.0,
        clip_norm: float = 0.0,
        clip_tensor_norm: float = 0.0,
        orientation: Literal["out-in", "in-out"] = "out-in",
        on_nonfinite: Literal["skip", "stop"] = "skip",
        bfloat16_rounding: Literal["master", "stochastic"] = "master",
        rounding_seed: int = 0,
        state_format: Literal["full", "bfloat16", "bfloat16-stochastic"] = "full",
    ) -> None: ...

class SignSGD(CatalogOptimizer):
    """SignSGD: x <- x - eta sign(g)

    lr  step size eta at the peak of the schedule; in [0, inf)
    decoupled_decay  lambda in x <- (1 - eta lambda) x; in [0, inf)
    decay_form  decay by eta lambda, by eta lambda times the step's scale, or by eta^2 lambda; one
        of decoupled, scaled, squared
    l2_penalty  g <- g + l2_penalty x before anything else: coupled, not a decay; in [0, inf)
    clip_norm  l2 norm that all gradients together may have; 0: any; in [0, inf)
    clip_tensor_norm  l2 norm that the gradient of each tensor may have; 0: any; in [0, inf)
    orientation  how weights are stored: rows are outputs or inputs; one of out-in, in-out
    on_nonfinite  a gradient with NaN or infinity changes nothing and is skipped, or ends the run;
        one of skip, stop
    bfloat16_rounding  how bfloat16 parameters keep small steps: a float copy, or rounding up or
        down at random; one of master, stochastic
    rounding_seed  seed of stochastic rounding; a whole number in [0, 2147483647]
    state_format  what momentum and second moment are kept in: the parameters' type, or half of it,
        rounded to nearest or at random; one of full, bfloat16, bfloat16-stochastic
    """

    def __init__(
        self,
        params: Parameters,
        lr: float = 0.001,
        *,
        roles: Optional[Mapping[str, str]] = None,
        decoupled_decay: float = 0.0,
        decay_form: Literal["decoupled", "scaled", "squared"] = "decoupled",
        l2_penalty: float = 0.0,
        clip_norm: float = 0.0,
        clip_tensor_norm: float = 0.0,
        orientation: Literal["out-in", "in-out"] = "out-in",
        on_nonfinite: Literal["skip", "stop"] = "skip",
        bfloat16_rounding: Literal["master", "stochastic"] = "master",
        rounding_seed: int = 0,
        state_format: Literal["full", "bfloat16", "bfloat16-stochastic"] = "full",
    ) -> None: ...

class Signum(CatalogOptimizer):
    """Signum: x <- x - eta sign(m), m = beta m + (1 - beta) g

    lr  step size eta at the peak of the schedule; in [0, inf)
    beta  momentum; in [0, 1)
    nesterov  look one momentum step ahead; one of true, false
    decoupled_decay  lambda in x <- (1 - eta lambda) x; in [0, inf)
    momentum_form  m <- beta m + (1 - beta) g, or b <- beta b + g; one of ema, heavy-ball
    start  what the EMA starts from; one of zero, first-gradient
    correction  what is averaged: g; g at the point extrapolated (needs a closure); g corrected by
        its difference to the previous point (closure) or to the previous batch; one of none,
        extrapolation, variance-reduction, mars
    gamma  strength of the correction: c = g + gamma beta/(1 - beta) (g - g_old); in [0, inf)
    decay_form  decay by eta lambda, by eta lambda times the step's scale, or by eta^2 lambda; one
        of decoupled, scaled, squared
    l2_penalty  g <- g + l2_penalty x before anything else: coupled, not a decay; in [0, inf)
    clip_norm  l2 norm that all gradients together may have; 0: any; in [0, inf)
    clip_tensor_norm  l2 norm that the gradient of each tensor may have; 0: any; in [0, inf)
    orientation  how weights are stored: rows are outputs or inputs; one of out-in, in-out
    on_nonfinite  a gradient with NaN or infinity changes nothing and is skipped, or ends the run;
        one of skip, stop
    bfloat16_rounding  how bfloat16 parameters keep small steps: a float copy, or rounding up or
        down at random; one of master, stochastic
    rounding_seed  seed of stochastic rounding; a whole number in [0, 2147483647]
    state_format  what momentum and second moment are kept in: the parameters' type, or half of it,
        rounded to nearest or at random; one of full, bfloat16, bfloat16-stochastic
    """

    def __init__(
        self,
        params: Parameters,
        lr: float = 0.001,
        *,
        roles: Optional[Mapping[str, str]] = None,
        beta: float = 0.9,
        nesterov: bool = False,
        decoupled_decay: float = 0.0,
        momentum_form: Literal["ema", "heavy-ball"] = "ema",
        start: Literal["zero", "first-gradient"] = "zero",
        correction: Literal["none", "extrapolation", "variance-reduction", "mars"] = "none",
        gamma: float = 1.0,
        decay_form: Literal["decoupled", "scaled", "squared"] = "decoupled",
        l2_penalty: float = 0.0,
        clip_norm: float = 0.0,
        clip_tensor_norm: float = 0.0,
        orientation: Literal["out-in", "in-out"] = "out-in",
        on_nonfinite: Literal["skip", "stop"] = "skip",
        bfloat16_rounding: Literal["master", "stochastic"] = "master",
        rounding_seed: int = 0,
        state_format: Literal["full", "bfloat16", "bfloat16-stochastic"] = "full",
    ) -> None: ...

class Lion(CatalogOptimizer):
    """Lion: x <- x - eta sign(beta1 m + (1 - beta1) g), then m = beta2 m + (1 - beta2) g

    lr  step size eta at the peak of the schedule; in [0, inf)
    beta1  weight of the old momentum inside the sign; in [0, 1)
    beta2  momentum, m <- beta2 m + (1 - beta2) g; in [0, 1)
    decoupled_decay  lambda in x <- (1 - eta lambda) x; in [0, inf)
    decay_form  decay by eta lambda, by eta lambda times the step's scale, or by eta^2 lambda; one
        of decoupled, scaled, squared
    l2_penalty  g <- g + l2_penalty x before anything else: coupled, not a decay; in [0, inf)
    clip_norm  l2 norm that all gradients together may have; 0: any; in [0, inf)
    clip_tensor_norm  l2 norm that the gradient of each tensor may have; 0: any; in [0, inf)
    orientation  how weights are stored: rows are outputs or inputs; one of out-in, in-out
    on_nonfinite  a gradient with NaN or infinity changes nothing and is skipped, or ends the run;
        one of skip, stop
    bfloat16_rounding  how bfloat16 parameters keep small steps: a float copy, or rounding up or
        down at random; one of master, stochastic
    rounding_seed  seed of stochastic rounding; a whole number in [0, 2147483647]
    state_format  what momentum and second moment are kept in: the parameters' type, or half of it,
        rounded to nearest or at random; one of full, bfloat16, bfloat16-stochastic
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
        decay_form: Literal["decoupled", "scaled", "squared"] = "decoupled",
        l2_penalty: float = 0.0,
        clip_norm: float = 0.0,
        clip_tensor_norm: float = 0.0,
        orientation: Literal["out-in", "in-out"] = "out-in",
        on_nonfinite: Literal["skip", "stop"] = "skip",
        bfloat16_rounding: Literal["master", "stochastic"] = "master",
        rounding_seed: int = 0,
        state_format: Literal["full", "bfloat16", "bfloat16-stochastic"] = "full",
    ) -> None: ...

class Muon(CatalogOptimizer):
    """Muon: W <- W - eta s(m, n) msign(M), M = beta M + (1 - beta) G; AdamW on the rest

    lr  step size eta at the peak of the schedule; in [0, inf)
    beta  momentum; in [0, 1)
    nesterov  look one momentum step ahead; one of true, false
    method  how msign is computed: halley is closer to it, resolvent faster, svd exact and slow; one
        of polar-express, jordan, classic, halley, resolvent, svd
    steps  iterations of msign; 0 takes the method's own number, svd and resolvent take none; a
        whole number in [0, 100]
    precision  operands of msign's large products; bfloat16 is for float32 parameters and not for
        svd; one of full, bfloat16
    shape_scale  factor s(m, n) on an m x n matrix's step; one of none, sqrt-max-one, match-adamw-
        rms, sqrt-out-over-in, sqrt-max, one-over-in, sqrt-out, one-over-sqrt-in
    radius  further factor on a matrix's step; in [0, inf)
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
    momentum_form  m <- beta m + (1 - beta) g, or b <- beta b + g; one of ema, heavy-ball
    start  what the EMA starts from; one of zero, first-gradient
    correction  what is averaged: g; g at the point extrapolated (needs a closure); g corrected by
        its difference to the previous point (closure) or to the previous batch; one of none,
        extrapolation, variance-reduction, mars
    gamma  strength of the correction: c = g + gamma beta/(1 - beta) (g - g_old); in [0, inf)
    decay_form  decay by eta lambda, by eta lambda times the step's scale, or by eta^2 lambda; one
        of decoupled, scaled, squared
    l2_penalty  g <- g + l2_penalty x before anything else: coupled, not a decay; in [0, inf)
    clip_norm  l2 norm that all gradients together may have; 0: any; in [0, inf)
    clip_tensor_norm  l2 norm that the gradient of each tensor may have; 0: any; in [0, inf)
    orientation  how weights are stored: rows are outputs or inputs; one of out-in, in-out
    on_nonfinite  a gradient with NaN or infinity changes nothing and is skipped, or ends the run;
        one of skip, stop
    bfloat16_rounding  how bfloat16 parameters keep small steps: a float copy, or rounding up or
        down at random; one of master, stochastic
    rounding_seed  seed of stochastic rounding; a whole number in [0, 2147483647]
    state_format  what momentum and second moment are kept in: the parameters' type, or half of it,
        rounded to nearest or at random; one of full, bfloat16, bfloat16-stochastic
    """

    def __init__(
        self,
        params: Parameters,
        lr: float = 0.001,
        *,
        roles: Optional[Mapping[str, str]] = None,
        beta: float = 0.95,
        nesterov: bool = False,
        method: Literal[
            "polar-express",
            "jordan",
            "classic",
            "halley",
            "resolvent",
            "svd",
        ] = "halley",
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
        radius: float = 1.0,
        decoupled_decay: float = 0.0,
        fallback_rate: float = 1.0,
        fallback_beta1: float = 0.9,
        fallback_beta2: float = 0.99,
        fallback_epsilon: float = 1e-08,
        fallback_decoupled_decay: float = 0.0,
        momentum_form: Literal["ema", "heavy-ball"] = "ema",
        start: Literal["zero", "first-gradient"] = "zero",
        correction: Literal["none", "extrapolation", "variance-reduction", "mars"] = "none",
        gamma: float = 1.0,
        decay_form: Literal["decoupled", "scaled", "squared"] = "decoupled",
        l2_penalty: float = 0.0,
        clip_norm: float = 0.0,
        clip_tensor_norm: float = 0.0,
        orientation: Literal["out-in", "in-out"] = "out-in",
        on_nonfinite: Literal["skip", "stop"] = "skip",
        bfloat16_rounding: Literal["master", "stochastic"] = "master",
        rounding_seed: int = 0,
        state_format: Literal["full", "bfloat16", "bfloat16-stochastic"] = "full",
    ) -> None: ...

class Muonlight(CatalogOptimizer):
    """Muonlight: W <- W - eta s(m, n) msign(G + beta B), B = beta B + G; AdamW on the rest

    lr  step size eta at the peak of the schedule; in [0, inf)
    beta  momentum; in [0, 1)
    method  how msign is computed: halley is closer to it, resolvent faster, svd exact and slow; one
        of polar-express, jordan, classic, halley, resolvent, svd
    steps  iterations of msign; 0 takes the method's own number, svd and resolvent take none; a
        whole number in [0, 100]
    precision  operands of msign's large products; bfloat16 is for float32 parameters and not for
        svd; one of full, bfloat16
    shape_scale  factor s(m, n) on an m x n matrix's step; one of none, sqrt-max-one, match-adamw-
        rms, sqrt-out-over-in, sqrt-max, one-over-in, sqrt-out, one-over-sqrt-in
    radius  further factor on a matrix's step; in [0, inf)
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
    correction  what is averaged: g; g at the point extrapolated (needs a closure); g corrected by
        its difference to the previous point (closure) or to the previous batch; one of none,
        extrapolation, variance-reduction, mars
    gamma  strength of the correction: c = g + gamma beta/(1 - beta) (g - g_old); in [0, inf)
    decay_form  decay by eta lambda, by eta lambda times the step's scale, or by eta^2 lambda; one
        of decoupled, scaled, squared
    l2_penalty  g <- g + l2_penalty x before anything else: coupled, not a decay; in [0, inf)
    clip_norm  l2 norm that all gradients together may have; 0: any; in [0, inf)
    clip_tensor_norm  l2 norm that the gradient of each tensor may have; 0: any; in [0, inf)
    orientation  how weights are stored: rows are outputs or inputs; one of out-in, in-out
    on_nonfinite  a gradient with NaN or infinity changes nothing and is skipped, or ends the run;
        one of skip, stop
    bfloat16_rounding  how bfloat16 parameters keep small steps: a float copy, or rounding up or
        down at random; one of master, stochastic
    rounding_seed  seed of stochastic rounding; a whole number in [0, 2147483647]
    state_format  what momentum and second moment are kept in: the parameters' type, or half of it,
        rounded to nearest or at random; one of full, bfloat16, bfloat16-stochastic
    """

    def __init__(
        self,
        params: Parameters,
        lr: float = 0.001,
        *,
        roles: Optional[Mapping[str, str]] = None,
        beta: float = 0.95,
        method: Literal[
            "polar-express",
            "jordan",
            "classic",
            "halley",
            "resolvent",
            "svd",
        ] = "halley",
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
        radius: float = 1.0,
        decoupled_decay: float = 0.0,
        fallback_rate: float = 1.0,
        fallback_beta1: float = 0.9,
        fallback_beta2: float = 0.99,
        fallback_epsilon: float = 1e-08,
        fallback_decoupled_decay: float = 0.0,
        correction: Literal["none", "extrapolation", "variance-reduction", "mars"] = "none",
        gamma: float = 1.0,
        decay_form: Literal["decoupled", "scaled", "squared"] = "decoupled",
        l2_penalty: float = 0.0,
        clip_norm: float = 0.0,
        clip_tensor_norm: float = 0.0,
        orientation: Literal["out-in", "in-out"] = "out-in",
        on_nonfinite: Literal["skip", "stop"] = "skip",
        bfloat16_rounding: Literal["master", "stochastic"] = "master",
        rounding_seed: int = 0,
        state_format: Literal["full", "bfloat16", "bfloat16-stochastic"] = "full",
    ) -> None: ...

class AdamW(CatalogOptimizer):
    """AdamW: x <- x - eta m / (sqrt(v) + epsilon), m and v bias-corrected

    lr  step size eta at the peak of the schedule; in [0, inf)
    beta1  first moment, m <- beta1 m + (1 - beta1) g; in [0, 1)
    beta2  second moment, v <- beta2 v + (1 - beta2) g^2; in [0, 1)
    epsilon  added to the root of the second moment; in (0, inf)
    decoupled_decay  lambda in x <- (1 - eta lambda) x; in [0, inf)
    decay_form  decay by eta lambda, by eta lambda times the step's scale, or by eta^2 lambda; one
        of decoupled, scaled, squared
    l2_penalty  g <- g + l2_penalty x before anything else: coupled, not a decay; in [0, inf)
    clip_norm  l2 norm that all gradients together may have; 0: any; in [0, inf)
    clip_tensor_norm  l2 norm that the gradient of each tensor may have; 0: any; in [0, inf)
    orientation  how weights are stored: rows are outputs or inputs; one of out-in, in-out
    on_nonfinite  a gradient with NaN or infinity changes nothing and is skipped, or ends the run;
        one of skip, stop
    bfloat16_rounding  how bfloat16 parameters keep small steps: a float copy, or rounding up or
        down at random; one of master, stochastic
    rounding_seed  seed of stochastic rounding; a whole number in [0, 2147483647]
    state_format  what momentum and second moment are kept in: the parameters' type, or half of it,
        rounded to nearest or at random; one of full, bfloat16, bfloat16-stochastic
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
        decay_form: Literal["decoupled", "scaled", "squared"] = "decoupled",
        l2_penalty: float = 0.0,
        clip_norm: float = 0.0,
        clip_tensor_norm: float = 0.0,
        orientation: Literal["out-in", "in-out"] = "out-in",
        on_nonfinite: Literal["skip", "stop"] = "skip",
        bfloat16_rounding: Literal["master", "stochastic"] = "master",
        rounding_seed: int = 0,
        state_format: Literal["full", "bfloat16", "bfloat16-stochastic"] = "full",
    ) -> None: ...

class AdaGrad(CatalogOptimizer):
    """AdaGrad: x <- x - eta g / (b + delta), b^2 = b^2 + g^2

    lr  step size eta at the peak of the schedule; in [0, inf)
    beta  momentum, above the fraction; in [0, 1)
    delta  added to b before dividing by it; in (0, inf)
    decoupled_decay  lambda in x <- (1 - eta lambda) x; in [0, inf)
    decay_form  decay by eta lambda, by eta lambda times the step's scale, or by eta^2 lambda; one
        of decoupled, scaled, squared
    l2_penalty  g <- g + l2_penalty x before anything else: coupled, not a decay; in [0, inf)
    clip_norm  l2 norm that all gradients together may have; 0: any; in [0, inf)
    clip_tensor_norm  l2 norm that the gradient of each tensor may have; 0: any; in [0, inf)
    orientation  how weights are stored: rows are outputs or inputs; one of out-in, in-out
    on_nonfinite  a gradient with NaN or infinity changes nothing and is skipped, or ends the run;
        one of skip, stop
    bfloat16_rounding  how bfloat16 parameters keep small steps: a float copy, or rounding up or
        down at random; one of master, stochastic
    rounding_seed  seed of stochastic rounding; a whole number in [0, 2147483647]
    state_format  what momentum and second moment are kept in: the parameters' type, or half of it,
        rounded to nearest or at random; one of full, bfloat16, bfloat16-stochastic
    """

    def __init__(
        self,
        params: Parameters,
        lr: float = 0.01,
        *,
        roles: Optional[Mapping[str, str]] = None,
        beta: float = 0.0,
        delta: float = 1e-10,
        decoupled_decay: float = 0.0,
        decay_form: Literal["decoupled", "scaled", "squared"] = "decoupled",
        l2_penalty: float = 0.0,
        clip_norm: float = 0.0,
        clip_tensor_norm: float = 0.0,
        orientation: Literal["out-in", "in-out"] = "out-in",
        on_nonfinite: Literal["skip", "stop"] = "skip",
        bfloat16_rounding: Literal["master", "stochastic"] = "master",
        rounding_seed: int = 0,
        state_format: Literal["full", "bfloat16", "bfloat16-stochastic"] = "full",
    ) -> None: ...

class AdaGradNorm(CatalogOptimizer):
    """AdaGrad-Norm: x <- x - eta g / (b + delta), b^2 = b^2 + ||g||_2^2

    lr  step size eta at the peak of the schedule; in [0, inf)
    beta  momentum, above the fraction; in [0, 1)
    delta  added to b before dividing by it; in (0, inf)
    scope  whose gradients b counts: those of all parameters, or of each tensor; one of global, per-
        tensor
    decoupled_decay  lambda in x <- (1 - eta lambda) x; in [0, inf)
    decay_form  decay by eta lambda, by eta lambda times the step's scale, or by eta^2 lambda; one
        of decoupled, scaled, squared
    l2_penalty  g <- g + l2_penalty x before anything else: coupled, not a decay; in [0, inf)
    clip_norm  l2 norm that all gradients together may have; 0: any; in [0, inf)
    clip_tensor_norm  l2 norm that the gradient of each tensor may have; 0: any; in [0, inf)
    orientation  how weights are stored: rows are outputs or inputs; one of out-in, in-out
    on_nonfinite  a gradient with NaN or infinity changes nothing and is skipped, or ends the run;
        one of skip, stop
    bfloat16_rounding  how bfloat16 parameters keep small steps: a float copy, or rounding up or
        down at random; one of master, stochastic
    rounding_seed  seed of stochastic rounding; a whole number in [0, 2147483647]
    state_format  what momentum and second moment are kept in: the parameters' type, or half of it,
        rounded to nearest or at random; one of full, bfloat16, bfloat16-stochastic
    """

    def __init__(
        self,
        params: Parameters,
        lr: float = 0.1,
        *,
        roles: Optional[Mapping[str, str]] = None,
        beta: float = 0.0,
        delta: float = 1e-10,
        scope: Literal["global", "per-tensor"] = "global",
        decoupled_decay: float = 0.0,
        decay_form: Literal["decoupled", "scaled", "squared"] = "decoupled",
        l2_penalty: float = 0.0,
        clip_norm: float = 0.0,
        clip_tensor_norm: float = 0.0,
        orientation: Literal["out-in", "in-out"] = "out-in",
        on_nonfinite: Literal["skip", "stop"] = "skip",
        bfloat16_rounding: Literal["master", "stochastic"] = "master",
        rounding_seed: int = 0,
        state_format: Literal["full", "bfloat16", "bfloat16-stochastic"] = "full",
    ) -> None: ...

class MARSLion(CatalogOptimizer):
    """MARS-Lion: x <- x - eta sign(m), m = beta m + (1 - beta) c, c = g + gamma beta/(1 - beta) (g
    - g_old)

    lr  step size eta at the peak of the schedule; in [0, inf)
    beta  momentum of corrected gradients; in [0, 1)
    gamma  strength of the correction: c = g + gamma beta/(1 - beta) (g - g_old); in [0, inf)
    decoupled_decay  lambda in x <- (1 - eta lambda) x; in [0, inf)
    decay_form  decay by eta lambda, by eta lambda times the step's scale, or by eta^2 lambda; one
        of decoupled, scaled, squared
    l2_penalty  g <- g + l2_penalty x before anything else: coupled, not a decay; in [0, inf)
    clip_norm  l2 norm that all gradients together may have; 0: any; in [0, inf)
    clip_tensor_norm  l2 norm that the gradient of each tensor may have; 0: any; in [0, inf)
    orientation  how weights are stored: rows are outputs or inputs; one of out-in, in-out
    on_nonfinite  a gradient with NaN or infinity changes nothing and is skipped, or ends the run;
        one of skip, stop
    bfloat16_rounding  how bfloat16 parameters keep small steps: a float copy, or rounding up or
        down at random; one of master, stochastic
    rounding_seed  seed of stochastic rounding; a whole number in [0, 2147483647]
    state_format  what momentum and second moment are kept in: the parameters' type, or half of it,
        rounded to nearest or at random; one of full, bfloat16, bfloat16-stochastic
    """

    def __init__(
        self,
        params: Parameters,
        lr: float = 0.0003,
        *,
        roles: Optional[Mapping[str, str]] = None,
        beta: float = 0.95,
        gamma: float = 0.025,
        decoupled_decay: float = 0.0,
        decay_form: Literal["decoupled", "scaled", "squared"] = "decoupled",
        l2_penalty: float = 0.0,
        clip_norm: float = 0.0,
        clip_tensor_norm: float = 1.0,
        orientation: Literal["out-in", "in-out"] = "out-in",
        on_nonfinite: Literal["skip", "stop"] = "skip",
        bfloat16_rounding: Literal["master", "stochastic"] = "master",
        rounding_seed: int = 0,
        state_format: Literal["full", "bfloat16", "bfloat16-stochastic"] = "full",
    ) -> None: ...

class MARSAdamW(CatalogOptimizer):
    """MARS-AdamW: AdamW on c = g + gamma beta1/(1 - beta1) (g - g_old)

    lr  step size eta at the peak of the schedule; in [0, inf)
    beta1  first moment, m <- beta1 m + (1 - beta1) c; in [0, 1)
    beta2  second moment, v <- beta2 v + (1 - beta2) c^2; in [0, 1)
    epsilon  added to the root of the second moment; in (0, inf)
    gamma  strength of the correction: c = g + gamma beta/(1 - beta) (g - g_old); in [0, inf)
    decoupled_decay  lambda in x <- (1 - eta lambda) x; in [0, inf)
    decay_form  decay by eta lambda, by eta lambda times the step's scale, or by eta^2 lambda; one
        of decoupled, scaled, squared
    l2_penalty  g <- g + l2_penalty x before anything else: coupled, not a decay; in [0, inf)
    clip_norm  l2 norm that all gradients together may have; 0: any; in [0, inf)
    clip_tensor_norm  l2 norm that the gradient of each tensor may have; 0: any; in [0, inf)
    orientation  how weights are stored: rows are outputs or inputs; one of out-in, in-out
    on_nonfinite  a gradient with NaN or infinity changes nothing and is skipped, or ends the run;
        one of skip, stop
    bfloat16_rounding  how bfloat16 parameters keep small steps: a float copy, or rounding up or
        down at random; one of master, stochastic
    rounding_seed  seed of stochastic rounding; a whole number in [0, 2147483647]
    state_format  what momentum and second moment are kept in: the parameters' type, or half of it,
        rounded to nearest or at random; one of full, bfloat16, bfloat16-stochastic
    """

    def __init__(
        self,
        params: Parameters,
        lr: float = 0.003,
        *,
        roles: Optional[Mapping[str, str]] = None,
        beta1: float = 0.95,
        beta2: float = 0.99,
        epsilon: float = 1e-08,
        gamma: float = 0.025,
        decoupled_decay: float = 0.01,
        decay_form: Literal["decoupled", "scaled", "squared"] = "decoupled",
        l2_penalty: float = 0.0,
        clip_norm: float = 0.0,
        clip_tensor_norm: float = 1.0,
        orientation: Literal["out-in", "in-out"] = "out-in",
        on_nonfinite: Literal["skip", "stop"] = "skip",
        bfloat16_rounding: Literal["master", "stochastic"] = "master",
        rounding_seed: int = 0,
        state_format: Literal["full", "bfloat16", "bfloat16-stochastic"] = "full",
    ) -> None: ...

class Scion(CatalogOptimizer):
    """Scion: W <- W - eta rho D(M), D the oracle of each role's ball

    lr  step size eta at the peak of the schedule; in [0, inf)
    beta  momentum; 1 - alpha; in [0, 1)
    matrix_ball  norm whose ball the step goes across; one of spectral, sign, rows, columns
    matrix_radius  radius rho of that ball; in [0, inf)
    embedding_ball  norm whose ball the step goes across; one of spectral, sign, rows, columns
    embedding_radius  radius rho of that ball; in [0, inf)
    head_ball  norm whose ball the step goes across; one of spectral, sign, rows, columns
    head_radius  radius rho of that ball; in [0, inf)
    vector_radius  radius rho of that ball; in [0, inf)
    method  how msign is computed: halley is closer to it, resolvent faster, svd exact and slow; one
        of polar-express, jordan, classic, halley, resolvent, svd
    steps  iterations of msign; 0 takes the method's own number, svd and resolvent take none; a
        whole number in [0, 100]
    precision  operands of msign's large products; bfloat16 is for float32 parameters and not for
        svd; one of full, bfloat16
    decoupled_decay  lambda in x <- (1 - eta lambda) x; in [0, inf)
    momentum_form  m <- beta m + (1 - beta) g, or b <- beta b + g; one of ema, heavy-ball
    start  what the EMA starts from; one of zero, first-gradient
    correction  what is averaged: g; g at the point extrapolated (needs a closure); g corrected by
        its difference to the previous point (closure) or to the previous batch; one of none,
        extrapolation, variance-reduction, mars
    gamma  strength of the correction: c = g + gamma beta/(1 - beta) (g - g_old); in [0, inf)
    decay_form  decay by eta lambda, by eta lambda times the step's scale, or by eta^2 lambda; one
        of decoupled, scaled, squared
    l2_penalty  g <- g + l2_penalty x before anything else: coupled, not a decay; in [0, inf)
    clip_norm  l2 norm that all gradients together may have; 0: any; in [0, inf)
    clip_tensor_norm  l2 norm that the gradient of each tensor may have; 0: any; in [0, inf)
    orientation  how weights are stored: rows are outputs or inputs; one of out-in, in-out
    on_nonfinite  a gradient with NaN or infinity changes nothing and is skipped, or ends the run;
        one of skip, stop
    bfloat16_rounding  how bfloat16 parameters keep small steps: a float copy, or rounding up or
        down at random; one of master, stochastic
    rounding_seed  seed of stochastic rounding; a whole number in [0, 2147483647]
    state_format  what momentum and second moment are kept in: the parameters' type, or half of it,
        rounded to nearest or at random; one of full, bfloat16, bfloat16-stochastic
    """

    def __init__(
        self,
        params: Parameters,
        lr: float = 0.001,
        *,
        roles: Optional[Mapping[str, str]] = None,
        beta: float = 0.9,
        matrix_ball: Literal["spectral", "sign", "rows", "columns"] = "spectral",
        matrix_radius: float = 3.0,
        embedding_ball: Literal["spectral", "sign", "rows", "columns"] = "columns",
        embedding_radius: float = 1.0,
        head_ball: Literal["spectral", "sign", "rows", "columns"] = "sign",
        head_radius: float = 10.0,
        vector_radius: float = 1.0,
        method: Literal[
            "polar-express",
            "jordan",
            "classic",
            "halley",
            "resolvent",
            "svd",
        ] = "halley",
        steps: int = 0,
        precision: Literal["full", "bfloat16"] = "full",
        decoupled_decay: float = 0.0,
        momentum_form: Literal["ema", "heavy-ball"] = "ema",
        start: Literal["zero", "first-gradient"] = "zero",
        correction: Literal["none", "extrapolation", "variance-reduction", "mars"] = "none",
        gamma: float = 1.0,
        decay_form: Literal["decoupled", "scaled", "squared"] = "decoupled",
        l2_penalty: float = 0.0,
        clip_norm: float = 0.0,
        clip_tensor_norm: float = 0.0,
        orientation: Literal["out-in", "in-out"] = "out-in",
        on_nonfinite: Literal["skip", "stop"] = "skip",
        bfloat16_rounding: Literal["master", "stochastic"] = "master",
        rounding_seed: int = 0,
        state_format: Literal["full", "bfloat16", "bfloat16-stochastic"] = "full",
    ) -> None: ...

class ScionConstrained(CatalogOptimizer):
    """Scion, constrained: W <- (1 - eta) W - eta rho D(M): ||W|| stays within rho

    lr  eta in x <- (1 - eta) x - eta rho D; in [0, 1]
    beta  momentum; 1 - alpha; in [0, 1)
    matrix_ball  norm whose ball the step goes across; one of spectral, sign, rows, columns
    matrix_radius  radius rho of that ball; in [0, inf)
    embedding_ball  norm whose ball the step goes across; one of spectral, sign, rows, columns
    embedding_radius  radius rho of that ball; in [0, inf)
    head_ball  norm whose ball the step goes across; one of spectral, sign, rows, columns
    head_radius  radius rho of that ball; in [0, inf)
    vector_radius  radius rho of that ball; in [0, inf)
    method  how msign is computed: halley is closer to it, resolvent faster, svd exact and slow; one
        of polar-express, jordan, classic, halley, resolvent, svd
    steps  iterations of msign; 0 takes the method's own number, svd and resolvent take none; a
        whole number in [0, 100]
    precision  operands of msign's large products; bfloat16 is for float32 parameters and not for
        svd; one of full, bfloat16
    momentum_form  m <- beta m + (1 - beta) g, or b <- beta b + g; one of ema, heavy-ball
    start  what the EMA starts from; one of zero, first-gradient
    correction  what is averaged: g; g at the point extrapolated (needs a closure); g corrected by
        its difference to the previous point (closure) or to the previous batch; one of none,
        extrapolation, variance-reduction, mars
    gamma  strength of the correction: c = g + gamma beta/(1 - beta) (g - g_old); in [0, inf)
    l2_penalty  g <- g + l2_penalty x before anything else: coupled, not a decay; in [0, inf)
    clip_norm  l2 norm that all gradients together may have; 0: any; in [0, inf)
    clip_tensor_norm  l2 norm that the gradient of each tensor may have; 0: any; in [0, inf)
    orientation  how weights are stored: rows are outputs or inputs; one of out-in, in-out
    on_nonfinite  a gradient with NaN or infinity changes nothing and is skipped, or ends the run;
        one of skip, stop
    bfloat16_rounding  how bfloat16 parameters keep small steps: a float copy, or rounding up or
        down at random; one of master, stochastic
    rounding_seed  seed of stochastic rounding; a whole number in [0, 2147483647]
    state_format  what momentum and second moment are kept in: the parameters' type, or half of it,
        rounded to nearest or at random; one of full, bfloat16, bfloat16-stochastic
    """

    def __init__(
        self,
        params: Parameters,
        lr: float = 0.001,
        *,
        roles: Optional[Mapping[str, str]] = None,
        beta: float = 0.9,
        matrix_ball: Literal["spectral", "sign", "rows", "columns"] = "spectral",
        matrix_radius: float = 3.0,
        embedding_ball: Literal["spectral", "sign", "rows", "columns"] = "columns",
        embedding_radius: float = 1.0,
        head_ball: Literal["spectral", "sign", "rows", "columns"] = "sign",
        head_radius: float = 10.0,
        vector_radius: float = 1.0,
        method: Literal[
            "polar-express",
            "jordan",
            "classic",
            "halley",
            "resolvent",
            "svd",
        ] = "halley",
        steps: int = 0,
        precision: Literal["full", "bfloat16"] = "full",
        momentum_form: Literal["ema", "heavy-ball"] = "ema",
        start: Literal["zero", "first-gradient"] = "zero",
        correction: Literal["none", "extrapolation", "variance-reduction", "mars"] = "none",
        gamma: float = 1.0,
        l2_penalty: float = 0.0,
        clip_norm: float = 0.0,
        clip_tensor_norm: float = 0.0,
        orientation: Literal["out-in", "in-out"] = "out-in",
        on_nonfinite: Literal["skip", "stop"] = "skip",
        bfloat16_rounding: Literal["master", "stochastic"] = "master",
        rounding_seed: int = 0,
        state_format: Literal["full", "bfloat16", "bfloat16-stochastic"] = "full",
    ) -> None: ...

class LionMuon(CatalogOptimizer):
    """LionMuon: every P-th step W <- W - eta s(m, n) msign(U), else W <- W - eta sign_rate sign(U)

    lr  step size eta at the peak of the schedule; in [0, inf)
    beta1  weight of the old momentum inside the direction; in [0, 1)
    beta2  momentum, m <- beta2 m + (1 - beta2) g; in [0, 1)
    period  every period-th step of a matrix is msign, the others are sign; a whole number in [1,
        1000]
    sign_rate  learning rate of sign steps over learning_rate; in [0, inf)
    method  how msign is computed: halley is closer to it, resolvent faster, svd exact and slow; one
        of polar-express, jordan, classic, halley, resolvent, svd
    steps  iterations of msign; 0 takes the method's own number, svd and resolvent take none; a
        whole number in [0, 100]
    precision  operands of msign's large products; bfloat16 is for float32 parameters and not for
        svd; one of full, bfloat16
    shape_scale  factor s(m, n) on an m x n matrix's step; one of none, sqrt-max-one, match-adamw-
        rms, sqrt-out-over-in, sqrt-max, one-over-in, sqrt-out, one-over-sqrt-in
    decoupled_decay  lambda in x <- (1 - eta lambda) x; in [0, inf)
    decay_form  decay by eta lambda, by eta lambda times the step's scale, or by eta^2 lambda; one
        of decoupled, scaled, squared
    l2_penalty  g <- g + l2_penalty x before anything else: coupled, not a decay; in [0, inf)
    clip_norm  l2 norm that all gradients together may have; 0: any; in [0, inf)
    clip_tensor_norm  l2 norm that the gradient of each tensor may have; 0: any; in [0, inf)
    orientation  how weights are stored: rows are outputs or inputs; one of out-in, in-out
    on_nonfinite  a gradient with NaN or infinity changes nothing and is skipped, or ends the run;
        one of skip, stop
    bfloat16_rounding  how bfloat16 parameters keep small steps: a float copy, or rounding up or
        down at random; one of master, stochastic
    rounding_seed  seed of stochastic rounding; a whole number in [0, 2147483647]
    state_format  what momentum and second moment are kept in: the parameters' type, or half of it,
        rounded to nearest or at random; one of full, bfloat16, bfloat16-stochastic
    """

    def __init__(
        self,
        params: Parameters,
        lr: float = 0.001,
        *,
        roles: Optional[Mapping[str, str]] = None,
        beta1: float = 0.9,
        beta2: float = 0.99,
        period: int = 2,
        sign_rate: float = 0.2,
        method: Literal[
            "polar-express",
            "jordan",
            "classic",
            "halley",
            "resolvent",
            "svd",
        ] = "halley",
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
        decay_form: Literal["decoupled", "scaled", "squared"] = "decoupled",
        l2_penalty: float = 0.0,
        clip_norm: float = 0.0,
        clip_tensor_norm: float = 0.0,
        orientation: Literal["out-in", "in-out"] = "out-in",
        on_nonfinite: Literal["skip", "stop"] = "skip",
        bfloat16_rounding: Literal["master", "stochastic"] = "master",
        rounding_seed: int = 0,
        state_format: Literal["full", "bfloat16", "bfloat16-stochastic"] = "full",
    ) -> None: ...

class ASGO(CatalogOptimizer):
    """ASGO: W <- W - eta s(m, n) V^(-1/2) M, V the average of G G^T; AdamW on the rest

    lr  step size eta at the peak of the schedule; in [0, inf)
    beta  momentum; in [0, 1)
    nesterov  look one momentum step ahead; one of true, false
    beta2  average of G G^T and G^T G, unbiased; 1: their sum; in [0, 1]
    delta  added to eigenvalues before the root, see damping; in (0, inf)
    damping  delta times the largest eigenvalue, or delta itself; one of relative, absolute
    interval  steps from one computation of the roots to the next; a whole number in [1, 1000]
    block_size  longer sides are cut into blocks of this length; a whole number in [1, 65536]
    graft  norm of a matrix's step before scale and radius: its own, the estimate's, or 0.2 sqrt(m
        n); one of none, sgd, adamw-rms
    shape_scale  factor s(m, n) on an m x n matrix's step; one of none, sqrt-max-one, match-adamw-
        rms, sqrt-out-over-in, sqrt-max, one-over-in, sqrt-out, one-over-sqrt-in
    radius  further factor on a matrix's step; in [0, inf)
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
    momentum_form  m <- beta m + (1 - beta) g, or b <- beta b + g; one of ema, heavy-ball
    start  what the EMA starts from; one of zero, first-gradient
    correction  what is averaged: g; g at the point extrapolated (needs a closure); g corrected by
        its difference to the previous point (closure) or to the previous batch; one of none,
        extrapolation, variance-reduction, mars
    gamma  strength of the correction: c = g + gamma beta/(1 - beta) (g - g_old); in [0, inf)
    decay_form  decay by eta lambda, by eta lambda times the step's scale, or by eta^2 lambda; one
        of decoupled, scaled, squared
    l2_penalty  g <- g + l2_penalty x before anything else: coupled, not a decay; in [0, inf)
    clip_norm  l2 norm that all gradients together may have; 0: any; in [0, inf)
    clip_tensor_norm  l2 norm that the gradient of each tensor may have; 0: any; in [0, inf)
    orientation  how weights are stored: rows are outputs or inputs; one of out-in, in-out
    on_nonfinite  a gradient with NaN or infinity changes nothing and is skipped, or ends the run;
        one of skip, stop
    bfloat16_rounding  how bfloat16 parameters keep small steps: a float copy, or rounding up or
        down at random; one of master, stochastic
    rounding_seed  seed of stochastic rounding; a whole number in [0, 2147483647]
    state_format  what momentum and second moment are kept in: the parameters' type, or half of it,
        rounded to nearest or at random; one of full, bfloat16, bfloat16-stochastic
    """

    def __init__(
        self,
        params: Parameters,
        lr: float = 0.001,
        *,
        roles: Optional[Mapping[str, str]] = None,
        beta: float = 0.95,
        nesterov: bool = False,
        beta2: float = 0.99,
        delta: float = 1e-06,
        damping: Literal["relative", "absolute"] = "relative",
        interval: int = 1,
        block_size: int = 1024,
        graft: Literal["none", "sgd", "adamw-rms"] = "none",
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
        radius: float = 1.0,
        decoupled_decay: float = 0.0,
        fallback_rate: float = 1.0,
        fallback_beta1: float = 0.9,
        fallback_beta2: float = 0.99,
        fallback_epsilon: float = 1e-08,
        fallback_decoupled_decay: float = 0.0,
        momentum_form: Literal["ema", "heavy-ball"] = "ema",
        start: Literal["zero", "first-gradient"] = "zero",
        correction: Literal["none", "extrapolation", "variance-reduction", "mars"] = "none",
        gamma: float = 1.0,
        decay_form: Literal["decoupled", "scaled", "squared"] = "decoupled",
        l2_penalty: float = 0.0,
        clip_norm: float = 0.0,
        clip_tensor_norm: float = 0.0,
        orientation: Literal["out-in", "in-out"] = "out-in",
        on_nonfinite: Literal["skip", "stop"] = "skip",
        bfloat16_rounding: Literal["master", "stochastic"] = "master",
        rounding_seed: int = 0,
        state_format: Literal["full", "bfloat16", "bfloat16-stochastic"] = "full",
    ) -> None: ...

class Shampoo(CatalogOptimizer):
    """Shampoo: W <- W - eta L^(-1/4) M R^(-1/4) at AdamW's RMS, L, R the averages of G G^T, G^T G;
    AdamW on the rest

    lr  step size eta at the peak of the schedule; in [0, inf)
    beta  momentum; in [0, 1)
    nesterov  look one momentum step ahead; one of true, false
    beta2  average of G G^T and G^T G, unbiased; 1: their sum; in [0, 1]
    delta  added to eigenvalues before the root, see damping; in (0, inf)
    damping  delta times the largest eigenvalue, or delta itself; one of relative, absolute
    interval  steps from one computation of the roots to the next; a whole number in [1, 1000]
    block_size  longer sides are cut into blocks of this length; a whole number in [1, 65536]
    graft  norm of a matrix's step before scale and radius: its own, the estimate's, or 0.2 sqrt(m
        n); one of none, sgd, adamw-rms
    shape_scale  factor s(m, n) on an m x n matrix's step; one of none, sqrt-max-one, match-adamw-
        rms, sqrt-out-over-in, sqrt-max, one-over-in, sqrt-out, one-over-sqrt-in
    radius  further factor on a matrix's step; in [0, inf)
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
    momentum_form  m <- beta m + (1 - beta) g, or b <- beta b + g; one of ema, heavy-ball
    start  what the EMA starts from; one of zero, first-gradient
    correction  what is averaged: g; g at the point extrapolated (needs a closure); g corrected by
        its difference to the previous point (closure) or to the previous batch; one of none,
        extrapolation, variance-reduction, mars
    gamma  strength of the correction: c = g + gamma beta/(1 - beta) (g - g_old); in [0, inf)
    decay_form  decay by eta lambda, by eta lambda times the step's scale, or by eta^2 lambda; one
        of decoupled, scaled, squared
    l2_penalty  g <- g + l2_penalty x before anything else: coupled, not a decay; in [0, inf)
    clip_norm  l2 norm that all gradients together may have; 0: any; in [0, inf)
    clip_tensor_norm  l2 norm that the gradient of each tensor may have; 0: any; in [0, inf)
    orientation  how weights are stored: rows are outputs or inputs; one of out-in, in-out
    on_nonfinite  a gradient with NaN or infinity changes nothing and is skipped, or ends the run;
        one of skip, stop
    bfloat16_rounding  how bfloat16 parameters keep small steps: a float copy, or rounding up or
        down at random; one of master, stochastic
    rounding_seed  seed of stochastic rounding; a whole number in [0, 2147483647]
    state_format  what momentum and second moment are kept in: the parameters' type, or half of it,
        rounded to nearest or at random; one of full, bfloat16, bfloat16-stochastic
    """

    def __init__(
        self,
        params: Parameters,
        lr: float = 0.001,
        *,
        roles: Optional[Mapping[str, str]] = None,
        beta: float = 0.9,
        nesterov: bool = False,
        beta2: float = 0.99,
        delta: float = 1e-06,
        damping: Literal["relative", "absolute"] = "relative",
        interval: int = 10,
        block_size: int = 1024,
        graft: Literal["none", "sgd", "adamw-rms"] = "adamw-rms",
        shape_scale: Literal[
            "none",
            "sqrt-max-one",
            "match-adamw-rms",
            "sqrt-out-over-in",
            "sqrt-max",
            "one-over-in",
            "sqrt-out",
            "one-over-sqrt-in",
        ] = "none",
        radius: float = 1.0,
        decoupled_decay: float = 0.0,
        fallback_rate: float = 1.0,
        fallback_beta1: float = 0.9,
        fallback_beta2: float = 0.99,
        fallback_epsilon: float = 1e-08,
        fallback_decoupled_decay: float = 0.0,
        momentum_form: Literal["ema", "heavy-ball"] = "ema",
        start: Literal["zero", "first-gradient"] = "zero",
        correction: Literal["none", "extrapolation", "variance-reduction", "mars"] = "none",
        gamma: float = 1.0,
        decay_form: Literal["decoupled", "scaled", "squared"] = "decoupled",
        l2_penalty: float = 0.0,
        clip_norm: float = 0.0,
        clip_tensor_norm: float = 0.0,
        orientation: Literal["out-in", "in-out"] = "out-in",
        on_nonfinite: Literal["skip", "stop"] = "skip",
        bfloat16_rounding: Literal["master", "stochastic"] = "master",
        rounding_seed: int = 0,
        state_format: Literal["full", "bfloat16", "bfloat16-stochastic"] = "full",
    ) -> None: ...
