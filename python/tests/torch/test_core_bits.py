# SPDX-License-Identifier: Apache-2.0
"""Float32 tensors on the CPU are stepped bit for bit as the core's own Optimizer steps them."""

from __future__ import annotations

import normdescent as nd
import numpy as np
import pytest
import torch
from normdescent import _core
from normdescent._optimizer import catalog_defaults
from normdescent._options import ENTRIES
from torch import nn

SHAPES = [(12, 8), (8,), (20, 8), (8, 20), (4, 3, 2, 2), (1, 7)]
NAMES = ["h.attn.weight", "h.attn.bias", "wte.weight", "lm_head.weight", "h.conv.weight", "h.gain.weight"]
ROLES = ["matrix", "vector", "embedding", "head", "matrix", "matrix"]


@pytest.mark.parametrize("by_methods", [False, True], ids=["table", "methods"])
@pytest.mark.parametrize("kind", list(ENTRIES))
def test_bits(kind: str, by_methods: bool) -> None:
    g = torch.Generator().manual_seed(3)
    parameters = [nn.Parameter(torch.randn(*shape, generator=g)) for shape in SHAPES]
    values = [p.detach().clone().flatten().numpy() for p in parameters]
    optimizer = nd.make(kind, list(zip(NAMES, parameters)), lr=0.02)
    options = dict(optimizer._translation.check(optimizer.param_groups[0]))
    types = (torch.Tensor, nn.Parameter, torch.float32, torch.float64, torch.bfloat16)
    _core.use_torch(*types, by_methods=by_methods)
    try:
        gradients, rates = [], []
        for t in range(6):
            rates.append(0.02 / (1 + t))
            optimizer.param_groups[0]["lr"] = rates[-1]
            step = []
            for k, p in enumerate(parameters):
                p.grad = torch.randn(*p.shape, generator=g) if k != t else None
                step.append(p.grad.flatten().numpy().copy() if p.grad is not None else np.empty(0, np.float32))
            gradients.append(step)
            optimizer.step()
        assert {row["role"] for row in optimizer.plan()} >= ({"matrix", "embedding"} if ENTRIES[kind].is_routed else {"matrix"})
        roles = [row["role"] for row in optimizer.plan()]
        _core.reference_steps(kind, options, NAMES, [list(s) for s in SHAPES], roles, values, gradients, rates)
    finally:
        _core.use_torch(*types)
    for name, p, value in zip(NAMES, parameters, values):
        assert np.array_equal(p.detach().flatten().numpy(), value), f"{name} differs from the core's"


@pytest.mark.parametrize("kind", list(ENTRIES))
def test_catalog_defaults_are_the_catalogs(kind: str) -> None:
    """make() without options is the catalog's optimizer without options."""
    made = nd.make(kind, [("w", nn.Parameter(torch.ones(2, 3)))])
    got = made._translation.check(made.param_groups[0])
    for row in next(r for r in nd.catalog() if r["name"] == kind)["options"]:
        if row["name"] in got and row["name"] != "learning_rate":
            want = row["default"]
            same = got[row["name"]] == want or float(got[row["name"]]) == float(want)
            assert same, f"{row['name']} = {got[row['name']]}, the catalog has {want}"
    assert made.param_groups[0]["lr"] == catalog_defaults(kind)["lr"]
