# SPDX-License-Identifier: Apache-2.0
"""Facts about a model that what is known of other problems is looked up by."""

from __future__ import annotations

import math

import torch
from torch import nn

from ._model import trainable


def features(model: nn.Module, batch_size: int | None) -> dict[str, float]:
    """parameters, matrices, hidden_share, embedding_share and batch_size, of what is trained.

    Hidden matrices are what Muon orthogonalizes: tensors of two or more dimensions that are neither embeddings nor the output head.
    """
    found_roles = roles(model)
    named = trainable(model)
    total = sum(p.numel() for _, p in named) or 1
    hidden = [p for n, p in named if found_roles[n] == "matrix"]
    outer = sum(p.numel() for n, p in named if found_roles[n] in ("embedding", "head"))
    found = {
        "parameters": float(total),
        "matrices": float(len(hidden)),
        "hidden_share": sum(p.numel() for p in hidden) / total,
        "embedding_share": outer / total,
    }
    if batch_size is not None:
        found["batch_size"] = float(batch_size)
    return found


def roles(model: nn.Module) -> dict[str, str]:
    """matrix, embedding, head or vector of each trainable parameter; the last matrix of several is the head."""
    named = trainable(model)
    embeddings = {id(p) for m in model.modules() if isinstance(m, (nn.Embedding, nn.EmbeddingBag)) for p in m.parameters(recurse=False)}
    found = {}
    for name, p in named:
        if id(p) in embeddings:
            found[name] = "embedding"
        else:
            found[name] = "matrix" if p.ndim >= 2 and min(p.shape[0], math.prod(p.shape[1:])) > 1 else "vector"
    matrices = [name for name, role in found.items() if role == "matrix"]
    if len(matrices) > 1:
        found[matrices[-1]] = "head"
    return found


def state_bytes(optimizer: torch.optim.Optimizer) -> int:
    """Memory of an optimizer's state."""
    return sum(
        value.numel() * value.element_size()
        for state in optimizer.state.values()
        if isinstance(state, dict)
        for value in state.values()
        if isinstance(value, torch.Tensor)
    )
