# SPDX-License-Identifier: Apache-2.0
"""Facts about a model that what is known of other problems is looked up by."""

from __future__ import annotations

import torch
from torch import nn

from ._model import trainable
from ._routing import module_roles


def features(model: nn.Module, batch_size: int | None) -> dict[str, float]:
    """parameters, matrices, hidden_share, embedding_share and batch_size, of what is trained.

    Hidden matrices are what Muon orthogonalizes: tensors of two or more dimensions that are neither embeddings nor the head.
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
    """matrix, embedding, head or vector of each trainable parameter, as the package's optimizers see it."""
    found = module_roles(model)
    return {name: found[id(p)] for name, p in trainable(model)}


def state_bytes(optimizer: torch.optim.Optimizer) -> int:
    """Memory of an optimizer's state."""
    return sum(
        value.numel() * value.element_size()
        for state in optimizer.state.values()
        if isinstance(state, dict)
        for value in state.values()
        if isinstance(value, torch.Tensor)
    )
