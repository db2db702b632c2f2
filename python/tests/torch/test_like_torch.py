# SPDX-License-Identifier: Apache-2.0
"""Classes with torch's name: its defaults, its meanings, its state."""

from __future__ import annotations

import copy
import inspect
from typing import Any

import normdescent as nd
import pytest
import torch
from torch import nn

NAMES = ("SGD", "AdamW", "Adagrad", "Muon")
# {class: {parameter: reason}} of constructor parameters that differ from torch's on purpose.
EXCEPTIONS: dict[str, dict[str, str]] = {}

OPTIONS: list[tuple[str, dict[str, Any]]] = [
    ("SGD", dict(lr=0.05)),
    ("SGD", dict(lr=0.05, momentum=0.9)),
    ("SGD", dict(lr=0.05, momentum=0.9, dampening=0.9)),
    ("SGD", dict(lr=0.05, momentum=0.9, nesterov=True, weight_decay=0.1)),
    ("SGD", dict(lr=0.05, weight_decay=0.1, maximize=True)),
    ("AdamW", dict(lr=0.01)),
    ("AdamW", dict(lr=0.01, betas=(0.8, 0.95), eps=1e-3, weight_decay=0.2)),
    ("AdamW", dict(lr=0.01, maximize=True)),
    ("Adagrad", dict(lr=0.05)),
    ("Adagrad", dict(lr=0.05, weight_decay=0.1, initial_accumulator_value=0.3, eps=1e-4)),
]


def net(dtype: torch.dtype = torch.float32) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(5, 7), nn.Tanh(), nn.Linear(7, 3)).to(dtype)


def go(module: nn.Module, optimizer: torch.optim.Optimizer, steps: range) -> None:
    for t in steps:
        g = torch.Generator().manual_seed(t)
        optimizer.zero_grad()
        x = torch.randn(16, 5, generator=g, dtype=torch.float64).to(next(module.parameters()).dtype)
        torch.tanh(module(x)).square().mean().backward()
        optimizer.step()


def off(a: nn.Module, b: nn.Module) -> float:
    return max(float((p.detach() - q.detach()).abs().max()) for p, q in zip(a.parameters(), b.parameters()))


@pytest.mark.parametrize("name", NAMES)
def test_signature_and_defaults(name: str) -> None:
    if not hasattr(torch.optim, name):
        pytest.skip(f"torch {torch.__version__} has no {name}")
    ours = inspect.signature(getattr(nd, name).__init__).parameters
    theirs = inspect.signature(getattr(torch.optim, name).__init__).parameters
    for key, parameter in theirs.items():
        if key in ("self", "params") or key in EXCEPTIONS.get(name, {}):
            continue
        assert key in ours, f"torch's {name} has {key}"
        assert ours[key].default == parameter.default, f"{name}: default of {key}"
        assert ours[key].kind == parameter.kind, f"{name}: {key} is positional here and keyword-only there, or the other way"
    names = [key for key, parameter in theirs.items() if parameter.kind is parameter.POSITIONAL_OR_KEYWORD]
    assert [key for key, parameter in ours.items() if parameter.kind is parameter.POSITIONAL_OR_KEYWORD] == names


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-6), (torch.float64, 1e-12)])
@pytest.mark.parametrize(("name", "options"), OPTIONS, ids=str)
def test_steps(name: str, options: dict[str, Any], dtype: torch.dtype, tolerance: float) -> None:
    a, b = net(dtype), net(dtype)
    ours, theirs = getattr(nd, name)(a.parameters(), **options), getattr(torch.optim, name)(b.parameters(), **options)
    for t in range(20):
        go(a, ours, range(t, t + 1))
        go(b, theirs, range(t, t + 1))
        assert off(a, b) <= tolerance, f"step {t + 1}"


@pytest.mark.parametrize("done", [0, 4])
@pytest.mark.parametrize(("name", "options"), OPTIONS, ids=str)
def test_state_goes_both_ways(name: str, options: dict[str, Any], done: int) -> None:
    """A state of torch's class continues in ours, one of ours in torch's."""
    for first, second in ((nd, torch.optim), (torch.optim, nd)):
        a = net()
        one = getattr(first, name)(a.parameters(), **options)
        go(a, one, range(done))
        b = copy.deepcopy(a)
        two = getattr(second, name)(b.parameters(), **{**options, "lr": 0.7})
        two.load_state_dict(copy.deepcopy(one.state_dict()))
        go(a, one, range(done, done + 6))
        go(b, two, range(done, done + 6))
        assert off(a, b) <= 1e-6, f"{first.__name__} to {second.__name__}"


@pytest.mark.skipif(not hasattr(torch.optim, "Muon"), reason="torch.optim.Muon came with 2.9")
@pytest.mark.parametrize("shape", [(8, 8), (6, 20), (20, 6)])
@pytest.mark.parametrize("options", [{}, dict(adjust_lr_fn="match_rms_adamw", nesterov=False, weight_decay=0.0)], ids=str)
def test_muon_is_torchs_up_to_bfloat16(shape: tuple[int, int], options: dict[str, Any]) -> None:
    """torch iterates in bfloat16, we in float32: directions agree to about its rounding times five steps."""
    start = torch.randn(*shape, generator=torch.Generator().manual_seed(1))
    p, q = nn.Parameter(start.clone()), nn.Parameter(start.clone())
    ours, theirs = nd.Muon([("w", p)], lr=0.1, **options), torch.optim.Muon([q], lr=0.1, **options)
    for t in range(5):
        p.grad = torch.randn(*shape, generator=torch.Generator().manual_seed(10 + t))
        q.grad = p.grad.clone()
        ours.step(), theirs.step()
        cosine = torch.nn.functional.cosine_similarity((p - start).flatten(), (q - start).flatten(), dim=0)
        assert cosine > 0.999, f"step {t + 1}: cosine {cosine:.5f}"
    assert abs(float(((p - start).norm() / (q - start).norm()).detach()) - 1) < 0.02


def test_neutral_keys_of_other_configurations() -> None:
    """What torch's keys say and what changes nothing is taken; what would change something is refused by name."""
    for key, value in (("foreach", True), ("fused", True), ("capturable", False), ("differentiable", False), ("amsgrad", False)):
        nd.AdamW([{"params": [nn.Parameter(torch.ones(2))], key: value}])
        nd.Lion([{"params": [nn.Parameter(torch.ones(2))], key: value}])
    for key in ("capturable", "differentiable", "amsgrad"):
        with pytest.raises(ValueError, match=key):
            nd.AdamW([nn.Parameter(torch.ones(2))], **{key: True})
        with pytest.raises(ValueError, match=key):
            nd.Lion([{"params": [nn.Parameter(torch.ones(2))], key: True}])
    with pytest.raises(ValueError, match="must not both"):
        nd.SGD([nn.Parameter(torch.ones(2))], foreach=True, fused=True)
    for name, key in (("SGD", "dampening"), ("Adagrad", "lr_decay")):
        with pytest.raises(ValueError, match=key):
            getattr(nd, name)([nn.Parameter(torch.ones(2))], **{key: 0.3})


@pytest.mark.parametrize("key", ["momentum", "nesterov", "ns_steps", "alpha", "no_such"])
def test_keys_of_another_class(key: str) -> None:
    with pytest.raises(ValueError, match=key):
        nd.AdamW([{"params": [nn.Parameter(torch.ones(2))], key: 1}])
    optimizer = nd.AdamW([nn.Parameter(torch.ones(2))])
    if key != "no_such":  # put there later: known to be an option of somebody, and not ours
        optimizer.param_groups[0][key] = 0.9
        optimizer.param_groups[0]["params"][0].grad = torch.ones(2)
        with pytest.raises(ValueError, match=key):
            optimizer.step()


def test_compiled_module_and_swa() -> None:
    a, b = net(), net()
    averaged = torch.optim.swa_utils.AveragedModel(a)
    one, two = nd.AdamW(a.parameters(), lr=0.01), torch.optim.AdamW(b.parameters(), lr=0.01)
    for t in range(5):
        go(a, one, range(t, t + 1))
        go(b, two, range(t, t + 1))
        averaged.update_parameters(a)
    assert off(a, b) <= 1e-6
    compiled = torch.compile(a, backend="eager")
    go(compiled, one, range(5, 6))
    go(b, two, range(5, 6))
    assert off(a, b) <= 1e-6
