# SPDX-License-Identifier: Apache-2.0
"""The optimizers of Normdescent as torch.optim.Optimizers, bit for bit those of the C++ library.

    import normdescent
    optimizer = normdescent.Muon(model, lr=2e-3)   # AdamW on what is no hidden matrix
    print(optimizer.explain())
"""

from __future__ import annotations

from typing import Any

import torch

from . import _library

library_path = _library.load()

from ._catalog import CatalogEntry, Option, catalog  # noqa: E402  (needs the library)
from ._classes import make_class  # noqa: E402
from ._monitor import TrainingMonitor  # noqa: E402
from ._optimizer import CatalogOptimizer  # noqa: E402
from ._report import ParameterCounters, ParameterPlan  # noqa: E402

classes = {entry.name: make_class(entry) for entry in catalog()}
globals().update({made.__name__: made for made in classes.values()})


def make(name: str, params: Any, **options: Any) -> CatalogOptimizer:
    """The optimizer of that name of the catalog: make("normalized-sgd", model, lr=0.1)."""
    if name not in classes:
        raise ValueError(f"no optimizer {name}, must be one of {', '.join(classes)}")
    return classes[name](params, **options)


def msign(g: torch.Tensor, method: str = "halley", steps: int = 0) -> torch.Tensor:
    """U V^T of every matrix G = U diag(s) V^T in a batch (the last two dimensions).

    Of a vector, g / ||g||_2.
    method  "halley", "resolvent", "polar-express", "jordan", "classic": singular values near 1; "svd": exactly
    steps   of the method; 0 takes its own number
    """
    return torch.ops.normdescent.msign(g, method, steps)


def step_norm(x: torch.Tensor, geometry: str) -> float:
    """The norm on the step: l2 (euclidean), l-infinity (sign), spectral, largest row (row-wise)."""
    return torch.ops.normdescent.step_norm(x, geometry)


def dual_norm(g: torch.Tensor, geometry: str) -> float:
    """Its dual, in which stationarity is measured: l2, l1, nuclear, sum of rows."""
    return torch.ops.normdescent.dual_norm(g, geometry)


def dual_unit(g: torch.Tensor, geometry: str) -> torch.Tensor:
    """The d of step norm 1 with the largest <g, d>; 0 for g = 0.

    g / ||g||_2 (euclidean), sign(g) (sign), msign(G) (spectral), rows normalized (row-wise).
    """
    return torch.ops.normdescent.dual_unit(g, geometry)


__all__ = [
    "CatalogEntry",
    "CatalogOptimizer",
    "Option",
    "ParameterCounters",
    "ParameterPlan",
    "TrainingMonitor",
    "catalog",
    "classes",
    "dual_norm",
    "dual_unit",
    "library_path",
    "make",
    "msign",
    "step_norm",
    *(made.__name__ for made in classes.values()),
]
