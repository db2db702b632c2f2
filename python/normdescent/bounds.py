# SPDX-License-Identifier: Apache-2.0
"""Upper and lower bounds on the samples that a method needs to reach a gradient norm. Needs no torch.

    import normdescent as nd
    nd.bounds("signsgd", delta=1, smoothness=1, noise=10, epsilon=0.1).upper
"""

from __future__ import annotations

import json
import sys
import types
from collections.abc import Iterator, Mapping
from typing import Any

from . import _core
from ._options import nearest


class Bounds(Mapping[str, Any]):
    """The document of `bounds --json` as a mapping; its parts are attributes, too: `.upper`, `.lower`, `.assumptions`."""

    __module__ = "normdescent"

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = dict(document)

    def __getitem__(self, key: str) -> Any:
        return self._document[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._document)

    def __len__(self) -> int:
        return len(self._document)

    def __getattr__(self, name: str) -> Any:
        try:
            return self.__dict__["_document"][name]
        except KeyError:
            raise AttributeError(f"bounds have no {name}") from None

    def to_dict(self) -> dict[str, Any]:
        """The document itself."""
        return dict(self._document)

    def __repr__(self) -> str:
        upper, lower = self._document["upper"], self._document["lower"]
        enough = f"{upper['samples'] or float('inf'):.4g}" if upper else "unknown"
        needed = f"{lower['samples'] or float('inf'):.4g}" if lower else "unknown"
        return f"Bounds(method={self._document['method']!r}, enough={enough} samples, needed={needed} samples)"


def methods() -> list[dict[str, str]]:
    """The methods with known bounds: name, geometry, summary."""
    return list(_core.bounds_methods())


def bounds(
    method: str,
    *,
    delta: float,
    smoothness: float,
    noise: float,
    epsilon: float,
    tail: float = 2.0,
    batch: float | None = None,
    dimension: float | None = None,
    density: float | None = None,
    relative_smoothness: float | None = None,
    relative_noise: float | None = None,
    hessian_smoothness: float | None = None,
    curvature_density: float | None = None,
    alignment: float | None = None,
) -> Bounds:
    """Samples that are enough, and samples that are needed, for E||grad f|| <= epsilon in the method's dual norm.

    delta        f(x_0) - inf f
    smoothness   L in the method's norm (sgd: l-infinity)
    noise        noise scale of one sample (sgd: the l1 norm of sigma)
    tail         the largest moment p in (1, 2] that the noise has
    batch        samples a step; tuned, or 1, where it is not given
    dimension, density, ...   as the options of `normdescent bounds`
    """
    known = [row["name"] for row in _core.bounds_methods()]
    if method not in known:
        raise ValueError(f"method = {method!r}, must be one of {', '.join(known)}{nearest(str(method), known)}")
    text = _core.bounds(
        method,
        delta=float(delta),
        smoothness=float(smoothness),
        noise=float(noise),
        epsilon=float(epsilon),
        tail=float(tail),
        batch=batch,
        dimension=dimension,
        density=density,
        relative_smoothness=relative_smoothness,
        relative_noise=relative_noise,
        hessian_smoothness=hessian_smoothness,
        curvature_density=curvature_density,
        alignment=alignment,
    )
    return Bounds(json.loads(text))


class _CallableModule(types.ModuleType):
    """`nd.bounds(...)` and `nd.bounds.methods()`: the module does what its one verb does."""

    def __call__(self, method: str, **constants: Any) -> Bounds:
        return bounds(method, **constants)


sys.modules[__name__].__class__ = _CallableModule
__all__ = ["Bounds", "bounds", "methods"]
