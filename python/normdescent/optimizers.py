# SPDX-License-Identifier: Apache-2.0
# Written by tools/python_api from the catalog of the core: change that, then run the tool.
"""Every optimizer of the catalog as a torch.optim.Optimizer."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from ._optimizer import CatalogOptimizer, refuses_unknown_options
from ._routing import Parameters

__all__ = [
    "ASGO",
    "SGD",
    "AdaGradNorm",
    "Adagrad",
    "AdamW",
    "CautiousLion",
    "Lion",
    "LionMuon",
    "MARSAdamW",
    "MARSLion",
    "Muon",
    "Muonlight",
    "NormalizedSGD",
    "RowNormalizedSGD",
    "Scion",
    "ScionConstrained",
    "Shampoo",
    "SignSGD",
    "Signum",
]


@refuses_unknown_options
class SGD(CatalogOptimizer):
    """SGD: x <- x - eta b, b = beta b + g.

    Defaults and meanings are those of torch.optim.SGD; state_dict goes both ways.

    lr                step size eta at the peak of the schedule; in [0, inf)
    momentum          momentum; in [0, 1)
    dampening         0, or the momentum itself: the buffer is then an average
    weight_decay      g <- g + l2_penalty x before an estimator sees it: coupled, not a decay; in [0, inf)
    nesterov          look one momentum step ahead; one of true, false
    maximize          g <- -g before anything else: climb instead of descend; one of true, false
    foreach           taken, as torch takes it: chooses an implementation, changes no result
    differentiable    must be False
    fused             taken, as torch takes it: chooses an implementation, changes no result
    decoupled_decay   lambda in x <- (1 - eta lambda) x; in [0, inf)
    correction        what is averaged: g; g at the point extrapolated (needs a closure); g corrected by its difference to the
                      previous point (closure) or to the previous batch; one of none, extrapolation, variance-reduction, mars
    gamma             strength of the correction: c = g + gamma beta/(1 - beta) (g - g_old); in [0, inf)
    decay_form        decay by eta lambda, by eta lambda times the step's scale, or by eta^2 lambda; one of decoupled, scaled,
                      squared
    clip_tensor_norm  l2 norm that the gradient of each tensor may have; 0: any; in [0, inf)
    orientation       how weights are stored: rows are outputs or inputs; one of out-in, in-out
    state_format      what momentum and second moment are kept in: the parameters' type, or half of it, rounded to nearest or at
                      random; one of full, bfloat16, bfloat16-stochastic
    """

    kind = "sgd"

    def __init__(
        self,
        params: Parameters,
        lr: float | Tensor = 0.001,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        differentiable: bool = False,
        fused: bool | None = None,
        decoupled_decay: float = 0.0,
        correction: str = "none",
        gamma: float = 1.0,
        decay_form: str = "decoupled",
        clip_tensor_norm: float = 0.0,
        orientation: str = "out-in",
        state_format: str = "full",
        roles: Mapping[str, str] | None = None,
    ) -> None:
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "dampening": dampening,
            "weight_decay": weight_decay,
            "nesterov": nesterov,
            "maximize": maximize,
            "foreach": foreach,
            "differentiable": differentiable,
            "fused": fused,
            "decoupled_decay": decoupled_decay,
            "correction": correction,
            "gamma": gamma,
            "decay_form": decay_form,
            "clip_tensor_norm": clip_tensor_norm,
            "orientation": orientation,
            "state_format": state_format,
        }
        super().__init__(params, defaults, roles)


@refuses_unknown_options
class NormalizedSGD(CatalogOptimizer):
    """Normalized SGD: x <- x - eta m / ||m||_2.

    lr                step size eta at the peak of the schedule; in [0, inf)
    momentum          momentum, before normalizing; in [0, 1)
    weight_decay      lambda in x <- (1 - eta lambda) x; in [0, inf)
    nesterov          look one momentum step ahead; one of true, false
    maximize          g <- -g before anything else: climb instead of descend; one of true, false
    foreach           taken, as torch takes it: chooses an implementation, changes no result
    capturable        must be False
    differentiable    must be False
    fused             taken, as torch takes it: chooses an implementation, changes no result
    scope             what has norm 1: all parameters together, or each tensor; one of global, per-tensor
    momentum_form     m <- beta m + (1 - beta) g, or b <- beta b + g; one of ema, heavy-ball
    start             what the EMA starts from; one of zero, first-gradient
    correction        what is averaged: g; g at the point extrapolated (needs a closure); g corrected by its difference to the
                      previous point (closure) or to the previous batch; one of none, extrapolation, variance-reduction, mars
    gamma             strength of the correction: c = g + gamma beta/(1 - beta) (g - g_old); in [0, inf)
    decay_form        decay by eta lambda, by eta lambda times the step's scale, or by eta^2 lambda; one of decoupled, scaled,
                      squared
    l2_penalty        g <- g + l2_penalty x before an estimator sees it: coupled, not a decay; in [0, inf)
    clip_tensor_norm  l2 norm that the gradient of each tensor may have; 0: any; in [0, inf)
    orientation       how weights are stored: rows are outputs or inputs; one of out-in, in-out
    state_format      what momentum and second moment are kept in: the parameters' type, or half of it, rounded to nearest or at
                      random; one of full, bfloat16, bfloat16-stochastic
    """

    kind = "normalized-sgd"

    def __init__(
        self,
        params: Parameters,
        lr: float | Tensor = 0.1,
        momentum: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        scope: str = "global",
        momentum_form: str = "ema",
        start: str = "zero",
        correction: str = "none",
        gamma: float = 1.0,
        decay_form: str = "decoupled",
        l2_penalty: float = 0.0,
        clip_tensor_norm: float = 0.0,
        orientation: str = "out-in",
        state_format: str = "full",
        roles: Mapping[str, str] | None = None,
    ) -> None:
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "weight_decay": weight_decay,
            "nesterov": nesterov,
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "differentiable": differentiable,
            "fused": fused,
            "scope": scope,
            "momentum_form": momentum_form,
            "start": start,
            "correction": correction,
            "gamma": gamma,
            "decay_form": decay_form,
            "l2_penalty": l2_penalty,
            "clip_tensor_norm": clip_tensor_norm,
            "orientation": orientation,
            "state_format": state_format,
        }
        super().__init__(params, defaults, roles)


@refuses_unknown_options
class RowNormalizedSGD(CatalogOptimizer):
    """Row-normalized SGD: W_i <- W_i - eta M_i / ||M_i||_2 for every row i.

    lr                step size eta at the peak of the schedule; in [0, inf)
    momentum          momentum, before normalizing; in [0, 1)
    weight_decay      lambda in x <- (1 - eta lambda) x; in [0, inf)
    nesterov          look one momentum step ahead; one of true, false
    maximize          g <- -g before anything else: climb instead of descend; one of true, false
    foreach           taken, as torch takes it: chooses an implementation, changes no result
    capturable        must be False
    differentiable    must be False
    fused             taken, as torch takes it: chooses an implementation, changes no result
    axis              what has norm 1: the weights of an output, or those of an input; one of rows, columns
    momentum_form     m <- beta m + (1 - beta) g, or b <- beta b + g; one of ema, heavy-ball
    start             what the EMA starts from; one of zero, first-gradient
    correction        what is averaged: g; g at the point extrapolated (needs a closure); g corrected by its difference to the
                      previous point (closure) or to the previous batch; one of none, extrapolation, variance-reduction, mars
    gamma             strength of the correction: c = g + gamma beta/(1 - beta) (g - g_old); in [0, inf)
    decay_form        decay by eta lambda, by eta lambda times the step's scale, or by eta^2 lambda; one of decoupled, scaled,
                      squared
    l2_penalty        g <- g + l2_penalty x before an estimator sees it: coupled, not a decay; in [0, inf)
    clip_tensor_norm  l2 norm that the gradient of each tensor may have; 0: any; in [0, inf)
    orientation       how weights are stored: rows are outputs or inputs; one of out-in, in-out
    state_format      what momentum and second moment are kept in: the parameters' type, or half of it, rounded to nearest or at
                      random; one of full, bfloat16, bfloat16-stochastic
    """

    kind = "row-normalized-sgd"

    def __init__(
        self,
        params: Parameters,
        lr: float | Tensor = 0.01,
        momentum: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        axis: str = "rows",
        momentum_form: str = "ema",
        start: str = "zero",
        correction: str = "none",
        gamma: float = 1.0,
        decay_form: str = "decoupled",
        l2_penalty: float = 0.0,
        clip_tensor_norm: float = 0.0,
        orientation: str = "out-in",
        state_format: str = "full",
        roles: Mapping[str, str] | None = None,
    ) -> None:
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "weight_decay": weight_decay,
            "nesterov": nesterov,
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "differentiable": differentiable,
            "fused": fused,
            "axis": axis,
            "momentum_form": momentum_form,
            "start": start,
            "correction": correction,
            "gamma": gamma,
            "decay_form": decay_form,
            "l2_penalty": l2_penalty,
            "clip_tensor_norm": clip_tensor_norm,
            "orientation": orientation,
            "state_format": state_format,
        }
        super().__init__(params, defaults, roles)


@refuses_unknown_options
class SignSGD(CatalogOptimizer):
    """SignSGD: x <- x - eta sign(g).

    lr                step size eta at the peak of the schedule; in [0, inf)
    weight_decay      lambda in x <- (1 - eta lambda) x; in [0, inf)
    maximize          g <- -g before anything else: climb instead of descend; one of true, false
    foreach           taken, as torch takes it: chooses an implementation, changes no result
    capturable        must be False
    differentiable    must be False
    fused             taken, as torch takes it: chooses an implementation, changes no result
    decay_form        decay by eta lambda, by eta lambda times the step's scale, or by eta^2 lambda; one of decoupled, scaled,
                      squared
    l2_penalty        g <- g + l2_penalty x before an estimator sees it: coupled, not a decay; in [0, inf)
    clip_tensor_norm  l2 norm that the gradient of each tensor may have; 0: any; in [0, inf)
    orientation       how weights are stored: rows are outputs or inputs; one of out-in, in-out
    state_format      what momentum and second moment are kept in: the parameters' type, or half of it, rounded to nearest or at
                      random; one of full, bfloat16, bfloat16-stochastic
    """

    kind = "signsgd"

    def __init__(
        self,
        params: Parameters,
        lr: float | Tensor = 0.001,
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        decay_form: str = "decoupled",
        l2_penalty: float = 0.0,
        clip_tensor_norm: float = 0.0,
        orientation: str = "out-in",
        state_format: str = "full",
        roles: Mapping[str, str] | None = None,
    ) -> None:
        defaults = {
            "lr": lr,
            "weight_decay": weight_decay,
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "differentiable": differentiable,
            "fused": fused,
            "decay_form": decay_form,
            "l2_penalty": l2_penalty,
            "clip_tensor_norm": clip_tensor_norm,
            "orientation": orientation,
            "state_format": state_format,
        }
        super().__init__(params, defaults, roles)


@refuses_unknown_options
class Signum(CatalogOptimizer):
    """Signum: x <- x - eta sign(m), m = beta m + (1 - beta) g.

    lr                step size eta at the peak of the schedule; in [0, inf)
    momentum          momentum; in [0, 1)
    weight_decay      lambda in x <- (1 - eta lambda) x; in [0, inf)
    nesterov          look one momentum step ahead; one of true, false
    maximize          g <- -g before anything else: climb instead of descend; one of true, false
    foreach           taken, as torch takes it: chooses an implementation, changes no result
    capturable        must be False
    differentiable    must be False
    fused             taken, as torch takes it: chooses an implementation, changes no result
    momentum_form     m <- beta m + (1 - beta) g, or b <- beta b + g; one of ema, heavy-ball
    start             what the EMA starts from; one of zero, first-gradient
    correction        what is averaged: g; g at the point extrapolated (needs a closure); g corrected by its difference to the
                      previous point (closure) or to the previous batch; one of none, extrapolation, variance-reduction, mars
    gamma             strength of the correction: c = g + gamma beta/(1 - beta) (g - g_old); in [0, inf)
    decay_form        decay by eta lambda, by eta lambda times the step's scale, or by eta^2 lambda; one of decoupled, scaled,
                      squared
    l2_penalty        g <- g + l2_penalty x before an estimator sees it: coupled, not a decay; in [0, inf)
    clip_tensor_norm  l2 norm that the gradient of each tensor may have; 0: any; in [0, inf)
    orientation       how weights are stored: rows are outputs or inputs; one of out-in, in-out
    state_format      what momentum and second moment are kept in: the parameters' type, or half of it, rounded to nearest or at
                      random; one of full, bfloat16, bfloat16-stochastic
    """

    kind = "signum"

    def __init__(
        self,
        params: Parameters,
        lr: float | Tensor = 0.001,
        momentum: float = 0.9,
        weight_decay: float = 0.0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        momentum_form: str = "ema",
        start: str = "zero",
        correction: str = "none",
        gamma: float = 1.0,
        decay_form: str = "decoupled",
        l2_penalty: float = 0.0,
        clip_tensor_norm: float = 0.0,
        orientation: str = "out-in",
        state_format: str = "full",
        roles: Mapping[str, str] | None = None,
    ) -> None:
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "weight_decay": weight_decay,
            "nesterov": nesterov,
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "differentiable": differentiable,
            "fused": fused,
            "momentum_form": momentum_form,
            "start": start,
            "correction": correction,
            "gamma": gamma,
            "decay_form": decay_form,
            "l2_penalty": l2_penalty,
            "clip_tensor_norm": clip_tensor_norm,
            "orientation": orientation,
            "state_format": state_format,
        }
        super().__init__(params, defaults, roles)


@refuses_unknown_options
class Lion(CatalogOptimizer):
    """Lion: x <- x - eta sign(beta1 m + (1 - beta1) g), then m = beta2 m + (1 - beta2) g.

    lr                step size eta at the peak of the schedule; in [0, inf)
    betas             weight of the old momentum inside the sign; momentum, m <- beta2 m + (1 - beta2) g; each in [0, 1)
    weight_decay      lambda in x <- (1 - eta lambda) x; in [0, inf)
    maximize          g <- -g before anything else: climb instead of descend; one of true, false
    foreach           taken, as torch takes it: chooses an implementation, changes no result
    capturable        must be False
    differentiable    must be False
    fused             taken, as torch takes it: chooses an implementation, changes no result
    decay_form        decay by eta lambda, by eta lambda times the step's scale, or by eta^2 lambda; one of decoupled, scaled,
                      squared
    l2_penalty        g <- g + l2_penalty x before an estimator sees it: coupled, not a decay; in [0, inf)
    clip_tensor_norm  l2 norm that the gradient of each tensor may have; 0: any; in [0, inf)
    orientation       how weights are stored: rows are outputs or inputs; one of out-in, in-out
    state_format      what momentum and second moment are kept in: the parameters' type, or half of it, rounded to nearest or at
                      random; one of full, bfloat16, bfloat16-stochastic
    """

    kind = "lion"

    def __init__(
        self,
        params: Parameters,
        lr: float | Tensor = 0.0003,
        betas: tuple[float | Tensor, float | Tensor] = (0.9, 0.99),
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        decay_form: str = "decoupled",
        l2_penalty: float = 0.0,
        clip_tensor_norm: float = 0.0,
        orientation: str = "out-in",
        state_format: str = "full",
        roles: Mapping[str, str] | None = None,
    ) -> None:
        defaults = {
            "lr": lr,
            "betas": betas,
            "weight_decay": weight_decay,
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "differentiable": differentiable,
            "fused": fused,
            "decay_form": decay_form,
            "l2_penalty": l2_penalty,
            "clip_tensor_norm": clip_tensor_norm,
            "orientation": orientation,
            "state_format": state_format,
        }
        super().__init__(params, defaults, roles)


@refuses_unknown_options
class CautiousLion(CatalogOptimizer):
    """Cautious Lion: Lion on the coordinates where u g > 0, eta over their share of the tensor.

    lr                step size eta at the peak of the schedule; in [0, inf)
    betas             weight of the old momentum inside the sign; momentum, m <- beta2 m + (1 - beta2) g; each in [0, 1)
    weight_decay      lambda in x <- (1 - eta lambda) x; in [0, inf)
    maximize          g <- -g before anything else: climb instead of descend; one of true, false
    foreach           taken, as torch takes it: chooses an implementation, changes no result
    capturable        must be False
    differentiable    must be False
    fused             taken, as torch takes it: chooses an implementation, changes no result
    decay_form        decay by eta lambda, by eta lambda times the step's scale, or by eta^2 lambda; one of decoupled, scaled,
                      squared
    l2_penalty        g <- g + l2_penalty x before an estimator sees it: coupled, not a decay; in [0, inf)
    clip_tensor_norm  l2 norm that the gradient of each tensor may have; 0: any; in [0, inf)
    orientation       how weights are stored: rows are outputs or inputs; one of out-in, in-out
    state_format      what momentum and second moment are kept in: the parameters' type, or half of it, rounded to nearest or at
                      random; one of full, bfloat16, bfloat16-stochastic
    """

    kind = "cautious-lion"

    def __init__(
        self,
        params: Parameters,
        lr: float | Tensor = 0.0003,
        betas: tuple[float | Tensor, float | Tensor] = (0.9, 0.99),
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        decay_form: str = "decoupled",
        l2_penalty: float = 0.0,
        clip_tensor_norm: float = 0.0,
        orientation: str = "out-in",
        state_format: str = "full",
        roles: Mapping[str, str] | None = None,
    ) -> None:
        defaults = {
            "lr": lr,
            "betas": betas,
            "weight_decay": weight_decay,
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "differentiable": differentiable,
            "fused": fused,
            "decay_form": decay_form,
            "l2_penalty": l2_penalty,
            "clip_tensor_norm": clip_tensor_norm,
            "orientation": orientation,
            "state_format": state_format,
        }
        super().__init__(params, defaults, roles)


@refuses_unknown_options
class Muon(CatalogOptimizer):
    """Muon: W <- W - eta s(m, n) msign(M), M = beta M + (1 - beta) G; AdamW on the rest.

    Defaults and meanings are those of torch.optim.Muon; state_dict goes both ways.

    Wants a module or named parameters, which tell matrices, embeddings and heads apart; `roles` corrects them.

    lr                  step size eta at the peak of the schedule; in [0, inf)
    weight_decay        lambda in x <- (1 - eta lambda) x; in [0, inf)
    momentum            momentum; in [0, 1)
    nesterov            look one momentum step ahead; one of true, false
    ns_coefficients     of method 'jordan'
    eps                 as torch has it; msign needs none
    ns_steps            iterations of msign; 0 takes the method's own number, svd and resolvent take none; a whole number in [0,
                        100]
    adjust_lr_fn        scale of a matrix's step: None, 'original': sqrt(max(1, m/n)); 'match_rms_adamw': 0.2 sqrt(max(m, n)); or
                        a shape scale of the core
    method              how msign is computed: halley is closer to it, resolvent faster, svd exact and slow; one of polar-express,
                        jordan, classic, halley, resolvent, svd
    precision           of msign's products: full, bfloat16, or auto: bfloat16 for method 'jordan', as in torch, of float32
                        parameters
    radius              further factor on a matrix's step; in [0, inf)
    adamw_lr_ratio      learning rate of AdamW on the other parameters over learning_rate; in [0, inf)
    adamw_betas         first moment, m <- beta1 m + (1 - beta1) g, of AdamW on the other parameters; second moment, v <- beta2 v
                        + (1 - beta2) g^2, of AdamW on the other parameters; each in [0, 1)
    adamw_eps           added to the root of the second moment, of AdamW on the other parameters; in (0, inf)
    adamw_weight_decay  lambda in x <- (1 - eta lambda) x, of AdamW on the other parameters; in [0, inf)
    correction          what is averaged: g; g at the point extrapolated (needs a closure); g corrected by its difference to the
                        previous point (closure) or to the previous batch; one of none, extrapolation, variance-reduction, mars
    gamma               strength of the correction: c = g + gamma beta/(1 - beta) (g - g_old); in [0, inf)
    decay_form          decay by eta lambda, by eta lambda times the step's scale, or by eta^2 lambda; one of decoupled, scaled,
                        squared
    maximize            g <- -g before anything else: climb instead of descend; one of true, false
    l2_penalty          g <- g + l2_penalty x before an estimator sees it: coupled, not a decay; in [0, inf)
    clip_tensor_norm    l2 norm that the gradient of each tensor may have; 0: any; in [0, inf)
    orientation         how weights are stored: rows are outputs or inputs; one of out-in, in-out
    state_format        what momentum and second moment are kept in: the parameters' type, or half of it, rounded to nearest or at
                        random; one of full, bfloat16, bfloat16-stochastic
    """

    kind = "muon"

    def __init__(
        self,
        params: Parameters,
        lr: float | Tensor = 0.001,
        weight_decay: float = 0.1,
        momentum: float = 0.95,
        nesterov: bool = True,
        ns_coefficients: tuple[float, float, float] = (3.4445, -4.775, 2.0315),
        eps: float = 1e-07,
        ns_steps: int = 5,
        adjust_lr_fn: str | None = None,
        *,
        method: str = "jordan",
        precision: str = "auto",
        radius: float = 1.0,
        adamw_lr_ratio: float = 1.0,
        adamw_betas: tuple[float, float] = (0.9, 0.99),
        adamw_eps: float = 1e-08,
        adamw_weight_decay: float = 0.0,
        correction: str = "none",
        gamma: float = 1.0,
        decay_form: str = "decoupled",
        maximize: bool = False,
        l2_penalty: float = 0.0,
        clip_tensor_norm: float = 0.0,
        orientation: str = "out-in",
        state_format: str = "full",
        roles: Mapping[str, str] | None = None,
    ) -> None:
        defaults = {
            "lr": lr,
            "weight_decay": weight_decay,
            "momentum": momentum,
            "nesterov": nesterov,
            "ns_coefficients": ns_coefficients,
            "eps": eps,
            "ns_steps": ns_steps,
            "adjust_lr_fn": adjust_lr_fn,
            "method": method,
            "precision": precision,
            "radius": radius,
            "adamw_lr_ratio": adamw_lr_ratio,
            "adamw_betas": adamw_betas,
            "adamw_eps": adamw_eps,
            "adamw_weight_decay": adamw_weight_decay,
            "correction": correction,
            "gamma": gamma,
            "decay_form": decay_form,
            "maximize": maximize,
            "l2_penalty": l2_penalty,
            "clip_tensor_norm": clip_tensor_norm,
            "orientation": orientation,
            "state_format": state_format,
        }
        super().__init__(params, defaults, roles)


@refuses_unknown_options
class Muonlight(CatalogOptimizer):
    """Muonlight: W <- W - eta s(m, n) msign(G + beta B), B = beta B + G; AdamW on the rest.

    Wants a module or named parameters, which tell matrices, embeddings and heads apart; `roles` corrects them.

    lr                  step size eta at the peak of the schedule; in [0, inf)
    momentum            momentum; in [0, 1)
    weight_decay        lambda in x <- (1 - eta lambda) x; in [0, inf)
    maximize            g <- -g before anything else: climb instead of descend; one of true, false
    foreach             taken, as torch takes it: chooses an implementation, changes no result
    capturable          must be False
    differentiable      must be False
    fused               taken, as torch takes it: chooses an implementation, changes no result
    method              how msign is computed: halley is closer to it, resolvent faster, svd exact and slow; one of polar-express,
                        jordan, classic, halley, resolvent, svd
    ns_steps            iterations of msign; 0 takes the method's own number, svd and resolvent take none; a whole number in [0,
                        100]
    precision           operands of msign's large products; bfloat16 is for float32 parameters and not for svd; one of full,
                        bfloat16
    shape_scale         factor s(m, n) on an m x n matrix's step; one of none, sqrt-max-one, match-adamw-rms, sqrt-out-over-in,
                        sqrt-max, one-over-in, sqrt-out, one-over-sqrt-in
    radius              further factor on a matrix's step; in [0, inf)
    adamw_lr_ratio      learning rate of AdamW on the other parameters over learning_rate; in [0, inf)
    adamw_betas         first moment, m <- beta1 m + (1 - beta1) g, of AdamW on the other parameters; second moment, v <- beta2 v
                        + (1 - beta2) g^2, of AdamW on the other parameters; each in [0, 1)
    adamw_eps           added to the root of the second moment, of AdamW on the other parameters; in (0, inf)
    adamw_weight_decay  lambda in x <- (1 - eta lambda) x, of AdamW on the other parameters; in [0, inf)
    correction          what is averaged: g; g at the point extrapolated (needs a closure); g corrected by its difference to the
                        previous point (closure) or to the previous batch; one of none, extrapolation, variance-reduction, mars
    gamma               strength of the correction: c = g + gamma beta/(1 - beta) (g - g_old); in [0, inf)
    decay_form          decay by eta lambda, by eta lambda times the step's scale, or by eta^2 lambda; one of decoupled, scaled,
                        squared
    l2_penalty          g <- g + l2_penalty x before an estimator sees it: coupled, not a decay; in [0, inf)
    clip_tensor_norm    l2 norm that the gradient of each tensor may have; 0: any; in [0, inf)
    orientation         how weights are stored: rows are outputs or inputs; one of out-in, in-out
    state_format        what momentum and second moment are kept in: the parameters' type, or half of it, rounded to nearest or at
                        random; one of full, bfloat16, bfloat16-stochastic
    """

    kind = "muonlight"

    def __init__(
        self,
        params: Parameters,
        lr: float | Tensor = 0.001,
        momentum: float = 0.95,
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        method: str = "halley",
        ns_steps: int = 0,
        precision: str = "full",
        shape_scale: str = "match-adamw-rms",
        radius: float = 1.0,
        adamw_lr_ratio: float = 1.0,
        adamw_betas: tuple[float, float] = (0.9, 0.99),
        adamw_eps: float = 1e-08,
        adamw_weight_decay: float = 0.0,
        correction: str = "none",
        gamma: float = 1.0,
        decay_form: str = "decoupled",
        l2_penalty: float = 0.0,
        clip_tensor_norm: float = 0.0,
        orientation: str = "out-in",
        state_format: str = "full",
        roles: Mapping[str, str] | None = None,
    ) -> None:
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "weight_decay": weight_decay,
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "differentiable": differentiable,
            "fused": fused,
            "method": method,
            "ns_steps": ns_steps,
            "precision": precision,
            "shape_scale": shape_scale,
            "radius": radius,
            "adamw_lr_ratio": adamw_lr_ratio,
            "adamw_betas": adamw_betas,
            "adamw_eps": adamw_eps,
            "adamw_weight_decay": adamw_weight_decay,
            "correction": correction,
            "gamma": gamma,
            "decay_form": decay_form,
            "l2_penalty": l2_penalty,
            "clip_tensor_norm": clip_tensor_norm,
            "orientation": orientation,
            "state_format": state_format,
        }
        super().__init__(params, defaults, roles)


@refuses_unknown_options
class AdamW(CatalogOptimizer):
    """AdamW: x <- x - eta m / (sqrt(v) + epsilon), m and v bias-corrected.

    Defaults and meanings are those of torch.optim.AdamW; state_dict goes both ways.

    lr                step size eta at the peak of the schedule; in [0, inf)
    betas             first moment, m <- beta1 m + (1 - beta1) g; second moment, v <- beta2 v + (1 - beta2) g^2; each in [0, 1)
    eps               added to the root of the second moment; in (0, inf)
    weight_decay      lambda in x <- (1 - eta lambda) x; in [0, inf)
    amsgrad           must be False: the maximum of second moments is not kept
    maximize          g <- -g before anything else: climb instead of descend; one of true, false
    foreach           taken, as torch takes it: chooses an implementation, changes no result
    capturable        must be False
    differentiable    must be False
    fused             taken, as torch takes it: chooses an implementation, changes no result
    decay_form        decay by eta lambda, by eta lambda times the step's scale, or by eta^2 lambda; one of decoupled, scaled,
                      squared
    l2_penalty        g <- g + l2_penalty x before an estimator sees it: coupled, not a decay; in [0, inf)
    clip_tensor_norm  l2 norm that the gradient of each tensor may have; 0: any; in [0, inf)
    orientation       how weights are stored: rows are outputs or inputs; one of out-in, in-out
    state_format      what momentum and second moment are kept in: the parameters' type, or half of it, rounded to nearest or at
                      random; one of full, bfloat16, bfloat16-stochastic
    """

    kind = "adamw"

    def __init__(
        self,
        params: Parameters,
        lr: float | Tensor = 0.001,
        betas: tuple[float | Tensor, float | Tensor] = (0.9, 0.999),
        eps: float = 1e-08,
        weight_decay: float = 0.01,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        decay_form: str = "decoupled",
        l2_penalty: float = 0.0,
        clip_tensor_norm: float = 0.0,
        orientation: str = "out-in",
        state_format: str = "full",
        roles: Mapping[str, str] | None = None,
    ) -> None:
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "amsgrad": amsgrad,
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "differentiable": differentiable,
            "fused": fused,
            "decay_form": decay_form,
            "l2_penalty": l2_penalty,
            "clip_tensor_norm": clip_tensor_norm,
            "orientation": orientation,
            "state_format": state_format,
        }
        super().__init__(params, defaults, roles)


@refuses_unknown_options
class Adagrad(CatalogOptimizer):
    """AdaGrad: x <- x - eta g / (b + delta), b^2 = b^2 + g^2.

    Defaults and meanings are those of torch.optim.Adagrad; state_dict goes both ways.

    lr                         step size eta at the peak of the schedule; in [0, inf)
    lr_decay                   must be 0; use a scheduler
    weight_decay               g <- g + l2_penalty x before an estimator sees it: coupled, not a decay; in [0, inf)
    initial_accumulator_value  what the sums of squares start from
    eps                        added to b before dividing by it; in (0, inf)
    foreach                    taken, as torch takes it: chooses an implementation, changes no result
    maximize                   g <- -g before anything else: climb instead of descend; one of true, false
    differentiable             must be False
    fused                      taken, as torch takes it: chooses an implementation, changes no result
    momentum                   momentum, above the fraction; in [0, 1)
    decoupled_decay            lambda in x <- (1 - eta lambda) x; in [0, inf)
    decay_form                 decay by eta lambda, by eta lambda times the step's scale, or by eta^2 lambda; one of decoupled,
                               scaled, squared
    clip_tensor_norm           l2 norm that the gradient of each tensor may have; 0: any; in [0, inf)
    orientation                how weights are stored: rows are outputs or inputs; one of out-in, in-out
    state_format               what momentum and second moment are kept in: the parameters' type, or half of it, rounded to
                               nearest or at random; one of full, bfloat16, bfloat16-stochastic
    """

    kind = "adagrad"

    def __init__(
        self,
        params: Parameters,
        lr: float | Tensor = 0.01,
        lr_decay: float = 0,
        weight_decay: float = 0,
        initial_accumulator_value: float = 0,
        eps: float = 1e-10,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        momentum: float = 0.0,
        decoupled_decay: float = 0.0,
        decay_form: str = "decoupled",
        clip_tensor_norm: float = 0.0,
        orientation: str = "out-in",
        state_format: str = "full",
        roles: Mapping[str, str] | None = None,
    ) -> None:
        defaults = {
            "lr": lr,
            "lr_decay": lr_decay,
            "weight_decay": weight_decay,
            "initial_accumulator_value": initial_accumulator_value,
            "eps": eps,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "fused": fused,
            "momentum": momentum,
            "decoupled_decay": decoupled_decay,
            "decay_form": decay_form,
            "clip_tensor_norm": clip_tensor_norm,
            "orientation": orientation,
            "state_format": state_format,
        }
        super().__init__(params, defaults, roles)


@refuses_unknown_options
class AdaGradNorm(CatalogOptimizer):
    """AdaGrad-Norm: x <- x - eta g / (b + delta), b^2 = b^2 + ||g||_2^2.

    lr                step size eta at the peak of the schedule; in [0, inf)
    momentum          momentum, above the fraction; in [0, 1)
    eps               added to b before dividing by it; in (0, inf)
    weight_decay      lambda in x <- (1 - eta lambda) x; in [0, inf)
    maximize          g <- -g before anything else: climb instead of descend; one of true, false
    foreach           taken, as torch takes it: chooses an implementation, changes no result
    capturable        must be False
    differentiable    must be False
    fused             taken, as torch takes it: chooses an implementation, changes no result
    scope             whose gradients b counts: those of all parameters, or of each tensor; one of global, per-tensor
    decay_form        decay by eta lambda, by eta lambda times the step's scale, or by eta^2 lambda; one of decoupled, scaled,
                      squared
    l2_penalty        g <- g + l2_penalty x before an estimator sees it: coupled, not a decay; in [0, inf)
    clip_tensor_norm  l2 norm that the gradient of each tensor may have; 0: any; in [0, inf)
    orientation       how weights are stored: rows are outputs or inputs; one of out-in, in-out
    state_format      what momentum and second moment are kept in: the parameters' type, or half of it, rounded to nearest or at
                      random; one of full, bfloat16, bfloat16-stochastic
    """

    kind = "adagrad-norm"

    def __init__(
        self,
        params: Parameters,
        lr: float | Tensor = 0.1,
        momentum: float = 0.0,
        eps: float = 1e-10,
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        scope: str = "global",
        decay_form: str = "decoupled",
        l2_penalty: float = 0.0,
        clip_tensor_norm: float = 0.0,
        orientation: str = "out-in",
        state_format: str = "full",
        roles: Mapping[str, str] | None = None,
    ) -> None:
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "eps": eps,
            "weight_decay": weight_decay,
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "differentiable": differentiable,
            "fused": fused,
            "scope": scope,
            "decay_form": decay_form,
            "l2_penalty": l2_penalty,
            "clip_tensor_norm": clip_tensor_norm,
            "orientation": orientation,
            "state_format": state_format,
        }
        super().__init__(params, defaults, roles)


@refuses_unknown_options
class MARSLion(CatalogOptimizer):
    """MARS-Lion: x <- x - eta sign(m), m = beta m + (1 - beta) c, c = g + gamma beta/(1 - beta) (g - g_old).

    lr                step size eta at the peak of the schedule; in [0, inf)
    momentum          momentum of corrected gradients; in [0, 1)
    weight_decay      lambda in x <- (1 - eta lambda) x; in [0, inf)
    maximize          g <- -g before anything else: climb instead of descend; one of true, false
    foreach           taken, as torch takes it: chooses an implementation, changes no result
    capturable        must be False
    differentiable    must be False
    fused             taken, as torch takes it: chooses an implementation, changes no result
    gamma             strength of the correction: c = g + gamma beta/(1 - beta) (g - g_old); in [0, inf)
    decay_form        decay by eta lambda, by eta lambda times the step's scale, or by eta^2 lambda; one of decoupled, scaled,
                      squared
    l2_penalty        g <- g + l2_penalty x before an estimator sees it: coupled, not a decay; in [0, inf)
    clip_tensor_norm  l2 norm that the gradient of each tensor may have; 0: any; in [0, inf)
    orientation       how weights are stored: rows are outputs or inputs; one of out-in, in-out
    state_format      what momentum and second moment are kept in: the parameters' type, or half of it, rounded to nearest or at
                      random; one of full, bfloat16, bfloat16-stochastic
    """

    kind = "mars-lion"

    def __init__(
        self,
        params: Parameters,
        lr: float | Tensor = 0.0003,
        momentum: float = 0.95,
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        gamma: float = 0.025,
        decay_form: str = "decoupled",
        l2_penalty: float = 0.0,
        clip_tensor_norm: float = 1.0,
        orientation: str = "out-in",
        state_format: str = "full",
        roles: Mapping[str, str] | None = None,
    ) -> None:
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "weight_decay": weight_decay,
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "differentiable": differentiable,
            "fused": fused,
            "gamma": gamma,
            "decay_form": decay_form,
            "l2_penalty": l2_penalty,
            "clip_tensor_norm": clip_tensor_norm,
            "orientation": orientation,
            "state_format": state_format,
        }
        super().__init__(params, defaults, roles)


@refuses_unknown_options
class MARSAdamW(CatalogOptimizer):
    """MARS-AdamW: AdamW on c = g + gamma beta1/(1 - beta1) (g - g_old).

    lr                step size eta at the peak of the schedule; in [0, inf)
    betas             first moment, m <- beta1 m + (1 - beta1) c; second moment, v <- beta2 v + (1 - beta2) c^2; each in [0, 1)
    eps               added to the root of the second moment; in (0, inf)
    weight_decay      lambda in x <- (1 - eta lambda) x; in [0, inf)
    maximize          g <- -g before anything else: climb instead of descend; one of true, false
    foreach           taken, as torch takes it: chooses an implementation, changes no result
    capturable        must be False
    differentiable    must be False
    fused             taken, as torch takes it: chooses an implementation, changes no result
    gamma             strength of the correction: c = g + gamma beta/(1 - beta) (g - g_old); in [0, inf)
    decay_form        decay by eta lambda, by eta lambda times the step's scale, or by eta^2 lambda; one of decoupled, scaled,
                      squared
    l2_penalty        g <- g + l2_penalty x before an estimator sees it: coupled, not a decay; in [0, inf)
    clip_tensor_norm  l2 norm that the gradient of each tensor may have; 0: any; in [0, inf)
    orientation       how weights are stored: rows are outputs or inputs; one of out-in, in-out
    state_format      what momentum and second moment are kept in: the parameters' type, or half of it, rounded to nearest or at
                      random; one of full, bfloat16, bfloat16-stochastic
    """

    kind = "mars-adamw"

    def __init__(
        self,
        params: Parameters,
        lr: float | Tensor = 0.003,
        betas: tuple[float | Tensor, float | Tensor] = (0.95, 0.99),
        eps: float = 1e-08,
        weight_decay: float = 0.01,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        gamma: float = 0.025,
        decay_form: str = "decoupled",
        l2_penalty: float = 0.0,
        clip_tensor_norm: float = 1.0,
        orientation: str = "out-in",
        state_format: str = "full",
        roles: Mapping[str, str] | None = None,
    ) -> None:
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "differentiable": differentiable,
            "fused": fused,
            "gamma": gamma,
            "decay_form": decay_form,
            "l2_penalty": l2_penalty,
            "clip_tensor_norm": clip_tensor_norm,
            "orientation": orientation,
            "state_format": state_format,
        }
        super().__init__(params, defaults, roles)


@refuses_unknown_options
class Scion(CatalogOptimizer):
    """Scion: W <- W - eta rho D(M), D the oracle of each role's ball.

    Wants a module or named parameters, which tell matrices, embeddings and heads apart; `roles` corrects them.

    lr                step size eta at the peak of the schedule; in [0, inf)
    momentum          momentum; 1 - alpha; in [0, 1)
    weight_decay      lambda in x <- (1 - eta lambda) x; in [0, inf)
    maximize          g <- -g before anything else: climb instead of descend; one of true, false
    foreach           taken, as torch takes it: chooses an implementation, changes no result
    capturable        must be False
    differentiable    must be False
    fused             taken, as torch takes it: chooses an implementation, changes no result
    matrix_ball       norm whose ball the step goes across; one of spectral, sign, rows, columns
    matrix_radius     radius rho of that ball; in [0, inf)
    embedding_ball    norm whose ball the step goes across; one of spectral, sign, rows, columns
    embedding_radius  radius rho of that ball; in [0, inf)
    head_ball         norm whose ball the step goes across; one of spectral, sign, rows, columns
    head_radius       radius rho of that ball; in [0, inf)
    vector_radius     radius rho of that ball; in [0, inf)
    method            how msign is computed: halley is closer to it, resolvent faster, svd exact and slow; one of polar-express,
                      jordan, classic, halley, resolvent, svd
    ns_steps          iterations of msign; 0 takes the method's own number, svd and resolvent take none; a whole number in [0,
                      100]
    precision         operands of msign's large products; bfloat16 is for float32 parameters and not for svd; one of full,
                      bfloat16
    momentum_form     m <- beta m + (1 - beta) g, or b <- beta b + g; one of ema, heavy-ball
    start             what the EMA starts from; one of zero, first-gradient
    correction        what is averaged: g; g at the point extrapolated (needs a closure); g corrected by its difference to the
                      previous point (closure) or to the previous batch; one of none, extrapolation, variance-reduction, mars
    gamma             strength of the correction: c = g + gamma beta/(1 - beta) (g - g_old); in [0, inf)
    decay_form        decay by eta lambda, by eta lambda times the step's scale, or by eta^2 lambda; one of decoupled, scaled,
                      squared
    l2_penalty        g <- g + l2_penalty x before an estimator sees it: coupled, not a decay; in [0, inf)
    clip_tensor_norm  l2 norm that the gradient of each tensor may have; 0: any; in [0, inf)
    orientation       how weights are stored: rows are outputs or inputs; one of out-in, in-out
    state_format      what momentum and second moment are kept in: the parameters' type, or half of it, rounded to nearest or at
                      random; one of full, bfloat16, bfloat16-stochastic
    """

    kind = "scion"

    def __init__(
        self,
        params: Parameters,
        lr: float | Tensor = 0.001,
        momentum: float = 0.9,
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        matrix_ball: str = "spectral",
        matrix_radius: float = 3.0,
        embedding_ball: str = "columns",
        embedding_radius: float = 1.0,
        head_ball: str = "sign",
        head_radius: float = 10.0,
        vector_radius: float = 1.0,
        method: str = "halley",
        ns_steps: int = 0,
        precision: str = "full",
        momentum_form: str = "ema",
        start: str = "zero",
        correction: str = "none",
        gamma: float = 1.0,
        decay_form: str = "decoupled",
        l2_penalty: float = 0.0,
        clip_tensor_norm: float = 0.0,
        orientation: str = "out-in",
        state_format: str = "full",
        roles: Mapping[str, str] | None = None,
    ) -> None:
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "weight_decay": weight_decay,
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "differentiable": differentiable,
            "fused": fused,
            "matrix_ball": matrix_ball,
            "matrix_radius": matrix_radius,
            "embedding_ball": embedding_ball,
            "embedding_radius": embedding_radius,
            "head_ball": head_ball,
            "head_radius": head_radius,
            "vector_radius": vector_radius,
            "method": method,
            "ns_steps": ns_steps,
            "precision": precision,
            "momentum_form": momentum_form,
            "start": start,
            "correction": correction,
            "gamma": gamma,
            "decay_form": decay_form,
            "l2_penalty": l2_penalty,
            "clip_tensor_norm": clip_tensor_norm,
            "orientation": orientation,
            "state_format": state_format,
        }
        super().__init__(params, defaults, roles)


@refuses_unknown_options
class ScionConstrained(CatalogOptimizer):
    """Scion, constrained: W <- (1 - eta) W - eta rho D(M): ||W|| stays within rho.

    Wants a module or named parameters, which tell matrices, embeddings and heads apart; `roles` corrects them.

    lr                eta in x <- (1 - eta) x - eta rho D; in [0, 1]
    momentum          momentum; 1 - alpha; in [0, 1)
    maximize          g <- -g before anything else: climb instead of descend; one of true, false
    foreach           taken, as torch takes it: chooses an implementation, changes no result
    capturable        must be False
    differentiable    must be False
    fused             taken, as torch takes it: chooses an implementation, changes no result
    matrix_ball       norm whose ball the step goes across; one of spectral, sign, rows, columns
    matrix_radius     radius rho of that ball; in [0, inf)
    embedding_ball    norm whose ball the step goes across; one of spectral, sign, rows, columns
    embedding_radius  radius rho of that ball; in [0, inf)
    head_ball         norm whose ball the step goes across; one of spectral, sign, rows, columns
    head_radius       radius rho of that ball; in [0, inf)
    vector_radius     radius rho of that ball; in [0, inf)
    method            how msign is computed: halley is closer to it, resolvent faster, svd exact and slow; one of polar-express,
                      jordan, classic, halley, resolvent, svd
    ns_steps          iterations of msign; 0 takes the method's own number, svd and resolvent take none; a whole number in [0,
                      100]
    precision         operands of msign's large products; bfloat16 is for float32 parameters and not for svd; one of full,
                      bfloat16
    momentum_form     m <- beta m + (1 - beta) g, or b <- beta b + g; one of ema, heavy-ball
    start             what the EMA starts from; one of zero, first-gradient
    correction        what is averaged: g; g at the point extrapolated (needs a closure); g corrected by its difference to the
                      previous point (closure) or to the previous batch; one of none, extrapolation, variance-reduction, mars
    gamma             strength of the correction: c = g + gamma beta/(1 - beta) (g - g_old); in [0, inf)
    l2_penalty        g <- g + l2_penalty x before an estimator sees it: coupled, not a decay; in [0, inf)
    clip_tensor_norm  l2 norm that the gradient of each tensor may have; 0: any; in [0, inf)
    orientation       how weights are stored: rows are outputs or inputs; one of out-in, in-out
    state_format      what momentum and second moment are kept in: the parameters' type, or half of it, rounded to nearest or at
                      random; one of full, bfloat16, bfloat16-stochastic
    """

    kind = "scion-constrained"

    def __init__(
        self,
        params: Parameters,
        lr: float | Tensor = 0.001,
        momentum: float = 0.9,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        matrix_ball: str = "spectral",
        matrix_radius: float = 3.0,
        embedding_ball: str = "columns",
        embedding_radius: float = 1.0,
        head_ball: str = "sign",
        head_radius: float = 10.0,
        vector_radius: float = 1.0,
        method: str = "halley",
        ns_steps: int = 0,
        precision: str = "full",
        momentum_form: str = "ema",
        start: str = "zero",
        correction: str = "none",
        gamma: float = 1.0,
        l2_penalty: float = 0.0,
        clip_tensor_norm: float = 0.0,
        orientation: str = "out-in",
        state_format: str = "full",
        roles: Mapping[str, str] | None = None,
    ) -> None:
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "differentiable": differentiable,
            "fused": fused,
            "matrix_ball": matrix_ball,
            "matrix_radius": matrix_radius,
            "embedding_ball": embedding_ball,
            "embedding_radius": embedding_radius,
            "head_ball": head_ball,
            "head_radius": head_radius,
            "vector_radius": vector_radius,
            "method": method,
            "ns_steps": ns_steps,
            "precision": precision,
            "momentum_form": momentum_form,
            "start": start,
            "correction": correction,
            "gamma": gamma,
            "l2_penalty": l2_penalty,
            "clip_tensor_norm": clip_tensor_norm,
            "orientation": orientation,
            "state_format": state_format,
        }
        super().__init__(params, defaults, roles)


@refuses_unknown_options
class LionMuon(CatalogOptimizer):
    """LionMuon: every P-th step W <- W - eta s(m, n) msign(U), else W <- W - eta sign_rate sign(U).

    Wants a module or named parameters, which tell matrices, embeddings and heads apart; `roles` corrects them.

    lr                step size eta at the peak of the schedule; in [0, inf)
    betas             weight of the old momentum inside the direction; momentum, m <- beta2 m + (1 - beta2) g; each in [0, 1)
    weight_decay      lambda in x <- (1 - eta lambda) x; in [0, inf)
    maximize          g <- -g before anything else: climb instead of descend; one of true, false
    foreach           taken, as torch takes it: chooses an implementation, changes no result
    capturable        must be False
    differentiable    must be False
    fused             taken, as torch takes it: chooses an implementation, changes no result
    period            every period-th step of a matrix is msign, the others are sign; a whole number in [1, 1000]
    sign_rate         learning rate of sign steps over learning_rate; in [0, inf)
    method            how msign is computed: halley is closer to it, resolvent faster, svd exact and slow; one of polar-express,
                      jordan, classic, halley, resolvent, svd
    ns_steps          iterations of msign; 0 takes the method's own number, svd and resolvent take none; a whole number in [0,
                      100]
    precision         operands of msign's large products; bfloat16 is for float32 parameters and not for svd; one of full,
                      bfloat16
    shape_scale       factor s(m, n) on an m x n matrix's step; one of none, sqrt-max-one, match-adamw-rms, sqrt-out-over-in,
                      sqrt-max, one-over-in, sqrt-out, one-over-sqrt-in
    decay_form        decay by eta lambda, by eta lambda times the step's scale, or by eta^2 lambda; one of decoupled, scaled,
                      squared
    l2_penalty        g <- g + l2_penalty x before an estimator sees it: coupled, not a decay; in [0, inf)
    clip_tensor_norm  l2 norm that the gradient of each tensor may have; 0: any; in [0, inf)
    orientation       how weights are stored: rows are outputs or inputs; one of out-in, in-out
    state_format      what momentum and second moment are kept in: the parameters' type, or half of it, rounded to nearest or at
                      random; one of full, bfloat16, bfloat16-stochastic
    """

    kind = "lionmuon"

    def __init__(
        self,
        params: Parameters,
        lr: float | Tensor = 0.001,
        betas: tuple[float | Tensor, float | Tensor] = (0.9, 0.99),
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        period: int = 2,
        sign_rate: float = 0.2,
        method: str = "halley",
        ns_steps: int = 0,
        precision: str = "full",
        shape_scale: str = "match-adamw-rms",
        decay_form: str = "decoupled",
        l2_penalty: float = 0.0,
        clip_tensor_norm: float = 0.0,
        orientation: str = "out-in",
        state_format: str = "full",
        roles: Mapping[str, str] | None = None,
    ) -> None:
        defaults = {
            "lr": lr,
            "betas": betas,
            "weight_decay": weight_decay,
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "differentiable": differentiable,
            "fused": fused,
            "period": period,
            "sign_rate": sign_rate,
            "method": method,
            "ns_steps": ns_steps,
            "precision": precision,
            "shape_scale": shape_scale,
            "decay_form": decay_form,
            "l2_penalty": l2_penalty,
            "clip_tensor_norm": clip_tensor_norm,
            "orientation": orientation,
            "state_format": state_format,
        }
        super().__init__(params, defaults, roles)


@refuses_unknown_options
class ASGO(CatalogOptimizer):
    """ASGO: W <- W - eta s(m, n) V^(-1/2) M, V the average of G G^T; AdamW on the rest.

    Wants a module or named parameters, which tell matrices, embeddings and heads apart; `roles` corrects them.

    lr                  step size eta at the peak of the schedule; in [0, inf)
    momentum            momentum; in [0, 1)
    weight_decay        lambda in x <- (1 - eta lambda) x; in [0, inf)
    nesterov            look one momentum step ahead; one of true, false
    maximize            g <- -g before anything else: climb instead of descend; one of true, false
    foreach             taken, as torch takes it: chooses an implementation, changes no result
    capturable          must be False
    differentiable      must be False
    fused               taken, as torch takes it: chooses an implementation, changes no result
    beta2               average of G G^T and G^T G, unbiased; 1: their sum; in [0, 1]
    delta               added to eigenvalues before the root, see damping; in (0, inf)
    damping             delta times the largest eigenvalue, or delta itself; one of relative, absolute
    interval            steps from one computation of the roots to the next; a whole number in [1, 1000]
    block_size          longer sides are cut into blocks of this length; a whole number in [1, 65536]
    graft               norm of a matrix's step before scale and radius: its own, the estimate's, or 0.2 sqrt(m n); one of none,
                        sgd, adamw-rms
    shape_scale         factor s(m, n) on an m x n matrix's step; one of none, sqrt-max-one, match-adamw-rms, sqrt-out-over-in,
                        sqrt-max, one-over-in, sqrt-out, one-over-sqrt-in
    radius              further factor on a matrix's step; in [0, inf)
    adamw_lr_ratio      learning rate of AdamW on the other parameters over learning_rate; in [0, inf)
    adamw_betas         first moment, m <- beta1 m + (1 - beta1) g, of AdamW on the other parameters; second moment, v <- beta2 v
                        + (1 - beta2) g^2, of AdamW on the other parameters; each in [0, 1)
    adamw_eps           added to the root of the second moment, of AdamW on the other parameters; in (0, inf)
    adamw_weight_decay  lambda in x <- (1 - eta lambda) x, of AdamW on the other parameters; in [0, inf)
    momentum_form       m <- beta m + (1 - beta) g, or b <- beta b + g; one of ema, heavy-ball
    start               what the EMA starts from; one of zero, first-gradient
    correction          what is averaged: g; g at the point extrapolated (needs a closure); g corrected by its difference to the
                        previous point (closure) or to the previous batch; one of none, extrapolation, variance-reduction, mars
    gamma               strength of the correction: c = g + gamma beta/(1 - beta) (g - g_old); in [0, inf)
    decay_form          decay by eta lambda, by eta lambda times the step's scale, or by eta^2 lambda; one of decoupled, scaled,
                        squared
    l2_penalty          g <- g + l2_penalty x before an estimator sees it: coupled, not a decay; in [0, inf)
    clip_tensor_norm    l2 norm that the gradient of each tensor may have; 0: any; in [0, inf)
    orientation         how weights are stored: rows are outputs or inputs; one of out-in, in-out
    state_format        what momentum and second moment are kept in: the parameters' type, or half of it, rounded to nearest or at
                        random; one of full, bfloat16, bfloat16-stochastic
    """

    kind = "asgo"

    def __init__(
        self,
        params: Parameters,
        lr: float | Tensor = 0.001,
        momentum: float = 0.95,
        weight_decay: float = 0.0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        beta2: float = 0.99,
        delta: float = 1e-06,
        damping: str = "relative",
        interval: int = 1,
        block_size: int = 1024,
        graft: str = "none",
        shape_scale: str = "match-adamw-rms",
        radius: float = 1.0,
        adamw_lr_ratio: float = 1.0,
        adamw_betas: tuple[float, float] = (0.9, 0.99),
        adamw_eps: float = 1e-08,
        adamw_weight_decay: float = 0.0,
        momentum_form: str = "ema",
        start: str = "zero",
        correction: str = "none",
        gamma: float = 1.0,
        decay_form: str = "decoupled",
        l2_penalty: float = 0.0,
        clip_tensor_norm: float = 0.0,
        orientation: str = "out-in",
        state_format: str = "full",
        roles: Mapping[str, str] | None = None,
    ) -> None:
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "weight_decay": weight_decay,
            "nesterov": nesterov,
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "differentiable": differentiable,
            "fused": fused,
            "beta2": beta2,
            "delta": delta,
            "damping": damping,
            "interval": interval,
            "block_size": block_size,
            "graft": graft,
            "shape_scale": shape_scale,
            "radius": radius,
            "adamw_lr_ratio": adamw_lr_ratio,
            "adamw_betas": adamw_betas,
            "adamw_eps": adamw_eps,
            "adamw_weight_decay": adamw_weight_decay,
            "momentum_form": momentum_form,
            "start": start,
            "correction": correction,
            "gamma": gamma,
            "decay_form": decay_form,
            "l2_penalty": l2_penalty,
            "clip_tensor_norm": clip_tensor_norm,
            "orientation": orientation,
            "state_format": state_format,
        }
        super().__init__(params, defaults, roles)


@refuses_unknown_options
class Shampoo(CatalogOptimizer):
    """Shampoo: W <- W - eta L^(-1/4) M R^(-1/4) at AdamW's RMS, L, R the averages of G G^T, G^T G; AdamW on the rest.

    Wants a module or named parameters, which tell matrices, embeddings and heads apart; `roles` corrects them.

    lr                  step size eta at the peak of the schedule; in [0, inf)
    momentum            momentum; in [0, 1)
    weight_decay        lambda in x <- (1 - eta lambda) x; in [0, inf)
    nesterov            look one momentum step ahead; one of true, false
    maximize            g <- -g before anything else: climb instead of descend; one of true, false
    foreach             taken, as torch takes it: chooses an implementation, changes no result
    capturable          must be False
    differentiable      must be False
    fused               taken, as torch takes it: chooses an implementation, changes no result
    beta2               average of G G^T and G^T G, unbiased; 1: their sum; in [0, 1]
    delta               added to eigenvalues before the root, see damping; in (0, inf)
    damping             delta times the largest eigenvalue, or delta itself; one of relative, absolute
    interval            steps from one computation of the roots to the next; a whole number in [1, 1000]
    block_size          longer sides are cut into blocks of this length; a whole number in [1, 65536]
    graft               norm of a matrix's step before scale and radius: its own, the estimate's, or 0.2 sqrt(m n); one of none,
                        sgd, adamw-rms
    shape_scale         factor s(m, n) on an m x n matrix's step; one of none, sqrt-max-one, match-adamw-rms, sqrt-out-over-in,
                        sqrt-max, one-over-in, sqrt-out, one-over-sqrt-in
    radius              further factor on a matrix's step; in [0, inf)
    adamw_lr_ratio      learning rate of AdamW on the other parameters over learning_rate; in [0, inf)
    adamw_betas         first moment, m <- beta1 m + (1 - beta1) g, of AdamW on the other parameters; second moment, v <- beta2 v
                        + (1 - beta2) g^2, of AdamW on the other parameters; each in [0, 1)
    adamw_eps           added to the root of the second moment, of AdamW on the other parameters; in (0, inf)
    adamw_weight_decay  lambda in x <- (1 - eta lambda) x, of AdamW on the other parameters; in [0, inf)
    momentum_form       m <- beta m + (1 - beta) g, or b <- beta b + g; one of ema, heavy-ball
    start               what the EMA starts from; one of zero, first-gradient
    correction          what is averaged: g; g at the point extrapolated (needs a closure); g corrected by its difference to the
                        previous point (closure) or to the previous batch; one of none, extrapolation, variance-reduction, mars
    gamma               strength of the correction: c = g + gamma beta/(1 - beta) (g - g_old); in [0, inf)
    decay_form          decay by eta lambda, by eta lambda times the step's scale, or by eta^2 lambda; one of decoupled, scaled,
                        squared
    l2_penalty          g <- g + l2_penalty x before an estimator sees it: coupled, not a decay; in [0, inf)
    clip_tensor_norm    l2 norm that the gradient of each tensor may have; 0: any; in [0, inf)
    orientation         how weights are stored: rows are outputs or inputs; one of out-in, in-out
    state_format        what momentum and second moment are kept in: the parameters' type, or half of it, rounded to nearest or at
                        random; one of full, bfloat16, bfloat16-stochastic
    """

    kind = "shampoo"

    def __init__(
        self,
        params: Parameters,
        lr: float | Tensor = 0.001,
        momentum: float = 0.9,
        weight_decay: float = 0.0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        beta2: float = 0.99,
        delta: float = 1e-06,
        damping: str = "relative",
        interval: int = 10,
        block_size: int = 1024,
        graft: str = "adamw-rms",
        shape_scale: str = "none",
        radius: float = 1.0,
        adamw_lr_ratio: float = 1.0,
        adamw_betas: tuple[float, float] = (0.9, 0.99),
        adamw_eps: float = 1e-08,
        adamw_weight_decay: float = 0.0,
        momentum_form: str = "ema",
        start: str = "zero",
        correction: str = "none",
        gamma: float = 1.0,
        decay_form: str = "decoupled",
        l2_penalty: float = 0.0,
        clip_tensor_norm: float = 0.0,
        orientation: str = "out-in",
        state_format: str = "full",
        roles: Mapping[str, str] | None = None,
    ) -> None:
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "weight_decay": weight_decay,
            "nesterov": nesterov,
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "differentiable": differentiable,
            "fused": fused,
            "beta2": beta2,
            "delta": delta,
            "damping": damping,
            "interval": interval,
            "block_size": block_size,
            "graft": graft,
            "shape_scale": shape_scale,
            "radius": radius,
            "adamw_lr_ratio": adamw_lr_ratio,
            "adamw_betas": adamw_betas,
            "adamw_eps": adamw_eps,
            "adamw_weight_decay": adamw_weight_decay,
            "momentum_form": momentum_form,
            "start": start,
            "correction": correction,
            "gamma": gamma,
            "decay_form": decay_form,
            "l2_penalty": l2_penalty,
            "clip_tensor_norm": clip_tensor_norm,
            "orientation": orientation,
            "state_format": state_format,
        }
        super().__init__(params, defaults, roles)
