# SPDX-License-Identifier: Apache-2.0
"""Groups of parameters as torch.optim has them, with a name and a role for every tensor."""

from __future__ import annotations

from typing import Any, Iterable, Mapping, Sequence, Union

import torch

from ._parameters import module_parameters

Parameters = Union[
    torch.nn.Module,
    Iterable[torch.Tensor],
    Iterable[tuple[str, torch.Tensor]],
    Iterable[dict[str, Any]],
]

# Keys of a group, in state dicts too: names as newer versions of torch call them, roles.
NAMES = "param_names"
ROLES = "roles"


def module_groups(module: torch.nn.Module) -> list[dict[str, Any]]:
    """One group of all parameters, with roles by the library's rule."""
    names, roles, tensors = module_parameters(module)
    return [{"params": tensors, NAMES: names, ROLES: roles}]


def as_groups(params: Parameters) -> list[dict[str, Any]]:
    """Groups as torch.optim takes them. Dicts are copied: the caller's stay as they are."""
    if isinstance(params, torch.nn.Module):
        return module_groups(params)
    if isinstance(params, torch.Tensor):
        raise TypeError(
            "params is one tensor, must be a module, or an iterable of tensors, pairs or groups"
        )
    items = list(params)
    if items and isinstance(items[0], dict):
        return [dict(group) for group in items]
    return [{"params": items}]


def name_tensors(
    group: dict[str, Any],
    others: Sequence[Mapping[str, Any]],
    role_overrides: Mapping[str, str],
) -> None:
    """Gives every tensor of the group a role and a name that no other has, each tensor once."""
    params = group["params"]
    if isinstance(params, torch.nn.Module):
        group.update(module_groups(params)[0])
        params = group["params"]
    items = [params] if isinstance(params, torch.Tensor) else list(params)
    first = sum(len(other["params"]) for other in others)
    names = list(group.get(NAMES, [f"parameter_{first + i}" for i in range(len(items))]))
    tensors = []
    for i, item in enumerate(items):
        if isinstance(item, tuple):
            names[i], item = item
        if not isinstance(item, torch.Tensor):
            raise TypeError(f"params: {torch.typename(item)}, must be a tensor or (name, tensor)")
        tensors.append(item)
    roles = group.get(ROLES)
    if roles is None:
        roles = torch.ops.normdescent.parameter_roles(names, tensors, [], [])
    taken = {name for other in others for name in other[NAMES]}
    seen: dict[int, tuple[torch.Tensor, str, str]] = {}
    for tensor, name, role in zip(tensors, names, roles):
        # Two modules may both have a "weight"; the library tells parameters apart by name.
        unique = f"group_{len(others)}.{name}" if name in taken else name
        seen.setdefault(id(tensor), (tensor, unique, role_overrides.get(unique, role)))
    group["params"] = [tensor for tensor, _, _ in seen.values()]
    group[NAMES] = [name for _, name, _ in seen.values()]
    group[ROLES] = [role for _, _, role in seen.values()]
