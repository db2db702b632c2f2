# SPDX-License-Identifier: Apache-2.0
"""The executor for other devices, on CPU tensors, is held to the core's rules; on CUDA where there is one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import normdescent as nd
import pytest
import torch
from normdescent import _core, _device, testing
from normdescent._optimizer import CatalogOptimizer
from normdescent._options import ENTRIES
from torch import nn

SHAPES = [(12, 8), (8,), (20, 8), (8, 20), (4, 3, 2, 2), (1, 7), (12, 8), ()]
NAMES = ["a.weight", "a.bias", "wte.weight", "lm_head.weight", "conv.weight", "gain.weight", "b.weight", "scale"]
# Products, sums and signs: the same bits. (torch's square root on the CPU is MKL's, which may be off by one in the last place.)
SAME_BITS = {"sgd", "signsgd", "signum", "lion", "mars-lion"}
# Inverse roots of matrices that are nearly singular lose digits in float32, in both executors.
ILL_CONDITIONED = {"asgo", "shampoo"}
MORE: list[tuple[str, dict[str, Any]]] = [
    ("sgd", dict(momentum=0.9, nesterov=True, weight_decay=0.1)),
    ("sgd", dict(momentum=0.9, dampening=0.9, maximize=True)),
    ("signum", dict(nesterov=True, l2_penalty=0.1)),
    ("signum", dict(start="first-gradient", correction="mars")),
    ("normalized-sgd", dict(scope="per-tensor", momentum=0.9)),
    ("row-normalized-sgd", dict(axis="columns", momentum=0.9)),
    ("adamw", dict(state_format="bfloat16")),
    ("adamw", dict(decay_form="squared", weight_decay=0.5)),
    ("adagrad-norm", dict(scope="per-tensor")),
    ("muon", dict(method="resolvent", decay_form="scaled", weight_decay=0.1)),
    ("muon", dict(method="jordan", nesterov=True)),
    ("muon", dict(method="polar-express")),
    ("muon", dict(method="svd")),
    ("asgo", dict(block_size=5)),
    ("shampoo", dict(interval=3, graft="sgd")),
    ("shampoo", dict(interval=1, block_size=5, damping="absolute", delta=1e-3)),
    ("lionmuon", dict(period=3)),
]


@pytest.fixture
def everywhere(monkeypatch: pytest.MonkeyPatch) -> Callable[[bool], None]:
    return lambda on: monkeypatch.setattr(CatalogOptimizer, "_uses_torch_everywhere", on)


@pytest.mark.parametrize(
    ("kind", "options"), [*((kind, {}) for kind in ENTRIES), *MORE], ids=lambda value: str(value)
)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_as_the_core(kind: str, options: dict[str, Any], dtype: torch.dtype, everywhere: Callable[[bool], None]) -> None:
    if dtype is torch.float64 and "state_format" in options:
        pytest.skip("narrow state is of float32 parameters")
    g = torch.Generator().manual_seed(3)
    start = [torch.randn(shape, generator=g, dtype=dtype) for shape in SHAPES]
    gradients = [[torch.randn(shape, generator=g, dtype=dtype) for shape in SHAPES] for _ in range(7)]
    results = []
    for on in (False, True):
        everywhere(on)
        parameters = [nn.Parameter(x.clone()) for x in start]
        optimizer = nd.make(kind, list(zip(NAMES, parameters)), lr=0.02, **options)
        for t, step in enumerate(gradients):
            for k, (p, x) in enumerate(zip(parameters, step)):
                p.grad = x.clone() if k != t else None
            optimizer.step()
        results.append((parameters, optimizer))
    is_same = kind in SAME_BITS and dtype is torch.float32
    for k, (p, q) in enumerate(zip(results[0][0], results[1][0])):
        if is_same:
            assert torch.equal(p, q), f"{NAMES[k]}: off by {(p - q).abs().max():.3g}"
        else:
            scale = (p.detach() - start[k]).abs().max()
            limit = (3e-2 if kind in ILL_CONDITIONED else 1e-3) if dtype is torch.float32 else 1e-6
            off = (p - q).detach().abs().max()
            assert off <= limit * scale, f"{NAMES[k]}: {off / scale:.3g} of the way"
    ours = results[0][1].state_dict()["state"]
    theirs = results[1][1].state_dict()["state"]
    assert {k: set(v) for k, v in ours.items()} == {k: set(v) for k, v in theirs.items()}, "states have different keys"


@pytest.mark.parametrize("check", testing.CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", ["SGD", "SignSGD", "Lion", "AdamW", "Adagrad", "AdaGradNorm", "Muon", "LionMuon", "Shampoo"])
def test_contract(name: str, check: Callable[[testing.Make], None], everywhere: Callable[[bool], None]) -> None:
    everywhere(True)
    check(lambda params, **options: getattr(nd, name)(params, **options))


@pytest.mark.parametrize("shape", [(3, 6, 6), (2, 4, 9), (2, 9, 4), (2, 1, 5), (1, 5, 1)])
@pytest.mark.parametrize("method", _core.polar_methods())
def test_msign(method: str, shape: tuple[int, ...]) -> None:
    x = torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    for scale in (1.0, 1e-30, 1e20):
        assert torch.allclose(_device.msign(x * scale, method), nd.msign(x, method), atol=1e-6), f"scale {scale}"
    assert not _device.msign(0 * x, method).any(), "of zero"


def test_no_host_synchronization(everywhere: Callable[[bool], None], monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of a step reads a number of a parameter, gradient or moment: only counts, which live in the host's memory."""
    everywhere(True)
    read: list[tuple[int, ...]] = []

    def spy(name: str) -> None:
        plain = getattr(torch.Tensor, name)

        def method(self: torch.Tensor, *arguments: Any) -> Any:
            read.append(tuple(self.shape))
            return plain(self, *arguments)

        monkeypatch.setattr(torch.Tensor, name, method)

    parameters = [nn.Parameter(torch.randn(shape)) for shape in SHAPES[:-1]]
    optimizers = [nd.make(kind, list(zip(NAMES, parameters))) for kind in ENTRIES if kind not in ("asgo", "shampoo")]
    steps: set[int] = set()
    for optimizer in optimizers:
        for p in parameters:
            p.grad = torch.randn(p.shape)
        optimizer.step()
        steps |= {id(s["step"]) for s in optimizer.state.values() if "step" in s}
    for name in ("item", "tolist", "numpy", "__bool__", "__float__"):
        spy(name)
    for optimizer in optimizers:
        optimizer.step()
    assert not read, f"numbers were read of tensors of shapes {read}"


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("kind", list(ENTRIES))
def test_cuda(kind: str) -> None:
    g = torch.Generator().manual_seed(3)
    start = [torch.randn(shape, generator=g) for shape in SHAPES]
    here, there = [nn.Parameter(x.clone()) for x in start], [nn.Parameter(x.cuda()) for x in start]
    a, b = nd.make(kind, list(zip(NAMES, here)), lr=0.02), nd.make(kind, list(zip(NAMES, there)), lr=0.02)
    for _ in range(5):
        for p, q in zip(here, there):
            p.grad = torch.randn(p.shape, generator=g)
            q.grad = p.grad.cuda()
        a.step(), b.step()
    for p, q, x in zip(here, there, start):
        assert (p - q.cpu()).detach().abs().max() <= 5e-3 * (p.detach() - x).abs().max()
