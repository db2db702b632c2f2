# SPDX-License-Identifier: Apache-2.0
"""msign, and the norms of the geometries, of tensors or of NumPy arrays."""

from __future__ import annotations

import sys
from typing import Any, TypeVar

import numpy as np

from . import _core
from ._options import nearest

Array = TypeVar("Array")


def _to_numpy(array: Any) -> tuple[np.ndarray[Any, Any], bool]:
    """The numbers in float32 or float64, without gaps, and whether they came as a tensor."""
    torch = sys.modules.get("torch")
    is_tensor = torch is not None and isinstance(array, torch.Tensor)
    if is_tensor:
        plain = array.detach().cpu()
        array = (plain if plain.dtype in (torch.float32, torch.float64) else plain.float()).numpy()  # type: ignore[union-attr]
    numbers = np.asarray(array)
    if numbers.dtype not in (np.float32, np.float64):
        if not np.issubdtype(numbers.dtype, np.floating) and not np.issubdtype(numbers.dtype, np.integer):
            raise TypeError(f"array of {numbers.dtype}, must hold real numbers")
        numbers = numbers.astype(np.float64)
    return np.ascontiguousarray(numbers), is_tensor


def _like(result: np.ndarray[Any, Any], original: Any, is_tensor: bool) -> Any:
    if not is_tensor:
        return result
    torch = sys.modules["torch"]
    return torch.from_numpy(result).to(dtype=original.dtype, device=original.device)


def msign(g: Array, method: str = "halley", steps: int = 0) -> Array:
    """U V^T of every matrix G = U diag(s) V^T in the last two dimensions; of a vector, g / ||g||_2.

    method  "halley", "resolvent", "polar-express", "jordan", "classic": singular values near 1; "svd": exactly
    steps   of the method; 0 takes its own number
    """
    known = _core.polar_methods()
    if method not in known:
        raise ValueError(f"method = {method!r}, must be one of {', '.join(known)}{nearest(str(method), known)}")
    numbers, is_tensor = _to_numpy(g)
    matrices = numbers.reshape(-1, 1) if numbers.ndim < 2 else numbers
    out = np.empty_like(matrices)
    if out.size:
        flat, results = matrices.reshape(-1, *matrices.shape[-2:]), out.reshape(-1, *matrices.shape[-2:])
        for matrix, result in zip(flat, results):
            _core.msign(matrix, result, method, steps)
    result_array: Array = _like(out.reshape(numbers.shape), g, is_tensor)
    return result_array


def step_norm(x: Any, geometry: str) -> float:
    """The norm on the step: l2 (euclidean), l-infinity (sign), spectral, largest row (row-wise)."""
    return float(_core.step_norm(*_matrix(x), geometry))


def dual_norm(g: Any, geometry: str) -> float:
    """Its dual, in which stationarity is measured: l2, l1, nuclear, sum of rows."""
    return float(_core.dual_norm(*_matrix(g), geometry))


def dual_unit(g: Array, geometry: str) -> Array:
    """The d of step norm 1 with the largest <g, d>; 0 for g = 0."""
    numbers, is_tensor = _to_numpy(g)
    matrix = numbers.reshape(numbers.shape[0] if numbers.ndim > 1 else -1, -1) if numbers.ndim > 1 else numbers.reshape(-1, 1)
    out = np.empty_like(matrix)
    _core.dual_unit(matrix, out, geometry)
    result: Array = _like(out.reshape(numbers.shape), g, is_tensor)
    return result


def _matrix(x: Any) -> tuple[np.ndarray[Any, Any]]:
    numbers, _ = _to_numpy(x)
    return (numbers.reshape(numbers.shape[0], -1) if numbers.ndim > 1 else numbers.reshape(-1, 1),)
