# SPDX-License-Identifier: Apache-2.0
"""Names, roles and tensors of a module."""

from __future__ import annotations

import torch


def module_parameters(
    module: torch.nn.Module,
) -> tuple[list[str], list[str], list[torch.Tensor]]:
    """Every parameter once, with the role that the library's rule gives it."""
    pairs = list(module.named_parameters())
    names = [name for name, _ in pairs]
    tensors: list[torch.Tensor] = [tensor for _, tensor in pairs]
    submodules = [name for name, _ in module.named_modules() if name]
    embeddings = [part.weight for part in module.modules() if isinstance(part, torch.nn.Embedding)]
    roles = torch.ops.normdescent.parameter_roles(names, tensors, submodules, embeddings)
    return names, roles, tensors
