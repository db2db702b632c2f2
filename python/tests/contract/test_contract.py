# SPDX-License-Identifier: Apache-2.0
"""Every optimizer of the catalog is held to every check of normdescent.testing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import normdescent as nd
import pytest
import torch
from normdescent import testing
from normdescent._options import ENTRIES

CLASSES = [entry.class_name for entry in ENTRIES.values()]

# {class: {check: reason}}, strict: what passes must not stand here.
EXPECTED_FAILURES: dict[str, dict[str, str]] = {}


def maker(name: str, **more: Any) -> Callable[..., torch.optim.Optimizer]:
    def make(params: Any, **options: Any) -> torch.optim.Optimizer:
        optimizer: torch.optim.Optimizer = getattr(nd, name)(params, **more, **options)
        return optimizer

    return make


@pytest.mark.parametrize("check", testing.CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", CLASSES)
def test_contract(name: str, check: Callable[[testing.Make], None], request: pytest.FixtureRequest) -> None:
    reason = EXPECTED_FAILURES.get(name, {}).get(check.__name__)
    if reason is not None:
        request.applymarker(pytest.mark.xfail(reason=reason, strict=True))
    check(maker(name))


FLOAT64 = "narrow state is of float32 parameters"
WITH_OPTIONS: list[tuple[str, dict[str, Any], dict[str, str]]] = [
    ("SGD", dict(momentum=0.9), {}),
    ("SGD", dict(momentum=0.9, dampening=0.9), {"check_schedulers": "a cycled momentum leaves its dampening behind"}),
    ("SGD", dict(momentum=0.9, nesterov=True, weight_decay=0.1), {}),
    ("NormalizedSGD", dict(momentum=0.9), {}),
    ("NormalizedSGD", dict(scope="per-tensor", weight_decay=0.1), {}),
    ("RowNormalizedSGD", dict(momentum=0.9, axis="columns"), {}),
    ("Signum", dict(nesterov=True, l2_penalty=0.1), {}),
    ("Signum", dict(correction="mars", gamma=0.025), {}),
    ("AdaGradNorm", dict(momentum=0.9), {}),
    ("AdamW", dict(state_format="bfloat16"), {"check_types": FLOAT64, "check_state_dict": FLOAT64}),
    ("Muon", dict(method="halley", adjust_lr_fn="match_rms_adamw"), {}),
    ("Shampoo", dict(interval=1, graft="none", block_size=3), {}),
]


@pytest.mark.parametrize("check", testing.CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize(("name", "options", "failures"), WITH_OPTIONS, ids=lambda value: str(value)[:60])
def test_contract_with_options(
    name: str,
    options: dict[str, Any],
    failures: dict[str, str],
    check: Callable[[testing.Make], None],
    request: pytest.FixtureRequest,
) -> None:
    if check.__name__ in failures:
        request.applymarker(pytest.mark.xfail(reason=failures[check.__name__], strict=True))
    check(maker(name, **options))


def test_a_broken_optimizer_is_caught() -> None:
    """The checks can fail: an optimizer that keeps its momentum outside of `state` loses it."""

    class Forgetful(torch.optim.Optimizer):
        def __init__(self, params: Any, lr: float = 0.1, maximize: bool = False) -> None:
            super().__init__(params, dict(lr=lr, maximize=maximize))
            self.momentum: dict[Any, torch.Tensor] = {}

        @torch.no_grad()
        def step(self, closure: Any = None) -> None:  # type: ignore[override]
            for group in self.param_groups:
                for p in group["params"]:
                    m = self.momentum.setdefault(p, torch.zeros_like(p)).mul_(0.9).add_(p.grad)
                    p.sub_(group["lr"] * m)

    with pytest.raises(AssertionError, match="check_state_dict"):
        testing.check_optimizer(lambda params, **options: Forgetful(params, **options))
