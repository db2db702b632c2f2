# SPDX-License-Identifier: Apache-2.0
"""Which parameter is what: groups as torch.optim takes them, names, and roles (matrix, embedding, head, vector)."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Union

import torch
from torch import Tensor, nn

from ._errors import RoutingWarning
from ._options import nearest

Parameters = Union[
    nn.Module,
    Iterable[Tensor],
    Iterable[tuple[str, Tensor]],
    Iterable[dict[str, Any]],
]

ROLES = ("matrix", "embedding", "head", "vector")

_EMBEDDINGS = (nn.Embedding, nn.EmbeddingBag)
_EMBEDDING_NAMES = {"wte", "wpe", "embedding", "embeddings", "embed", "embed_tokens", "embed_positions", "tok_embeddings"}
_EMBEDDING_NAMES |= {"word_embeddings", "position_embeddings", "token_type_embeddings", "pos_embed", "pos_embedding"}
_EMBEDDING_NAMES |= {"cls_token", "class_token", "mask_token", "token_embedding", "position_embedding"}
_HEAD_NAMES = {"head", "lm_head", "classifier", "fc_out", "score", "output_projection", "unembed", "logits", "prediction_head"}


def _is_head_name(path: str) -> bool:
    last = path.rpartition(".")[2]
    return last in _HEAD_NAMES or last.endswith("_head")


def role_by_name(name: str, tensor: Tensor) -> str:
    """What a parameter is by its name and shape alone."""
    parts = name.split(".")
    owner = parts[-2] if len(parts) > 1 and parts[-1] in ("weight", "bias") else parts[-1]
    if owner in _EMBEDDING_NAMES and tensor.ndim >= 2:
        return "embedding"
    if tensor.ndim < 2:
        return "vector"
    return "head" if _is_head_name(owner) else "matrix"


def module_roles(module: nn.Module) -> dict[int, str]:
    """The role of every parameter of a module by its id: weights of embeddings, tied ones too; the last layer's weight.

    The head is a submodule that is called so ("lm_head", "classifier", ...), else the last linear layer of a module whose
    submodules are more than one.
    """
    embeddings = {id(part.weight) for part in module.modules() if isinstance(part, _EMBEDDINGS)}
    paths = [path for path, _ in module.named_modules() if path]
    head = next((path for path in reversed(paths) if _is_head_name(path)), None)
    if head is None:
        linear = [path for path, part in module.named_modules() if path and isinstance(part, nn.Linear)]
        head = linear[-1] if len(linear) > 1 else None
    roles = {}
    for name, tensor in module.named_parameters():
        if id(tensor) in embeddings:
            role = "embedding"
        elif tensor.ndim < 2:
            role = "vector"
        elif head is not None and name.startswith(head + "."):
            role = "head"
        else:
            role = role_by_name(name, tensor)
        roles[id(tensor)] = role
    return roles


def _group_of(params: Any, roles: Mapping[str, str], is_routed: bool) -> dict[str, Any]:
    """`params`, `param_names` where they are known, `roles` where they matter, of one group."""
    names: list[str] | None = None
    by_id: Mapping[int, str] = {}
    tensors: list[Tensor]
    if isinstance(params, nn.Module):
        by_id = module_roles(params)
        pairs = list(params.named_parameters())
        names, tensors = [name for name, _ in pairs], [tensor for _, tensor in pairs]
    elif isinstance(params, Tensor):
        tensors = [params]
    elif isinstance(params, set):
        raise TypeError("params is a set, whose order differs between runs: must be a list, or a module")
    else:
        items = list(params)
        is_named = [isinstance(item, tuple) for item in items]
        if any(is_named) and not all(is_named):
            raise ValueError("params: all parameters of a group must have names, or none")
        names = [item[0] for item in items] if items and is_named[0] else None
        tensors = [item[1] if isinstance(item, tuple) else item for item in items]
    for tensor in tensors:
        if not isinstance(tensor, Tensor):
            raise TypeError(f"params: {torch.typename(tensor)}, must be a tensor, a (name, tensor) pair, a group or a module")
    group: dict[str, Any] = {"params": tensors}
    if names is not None:
        group["param_names"] = names
    if is_routed:
        group["roles"] = roles_of(tensors, names, by_id, roles)
    return group


def roles_of(
    tensors: Sequence[Tensor], names: Sequence[str] | None, by_id: Mapping[int, str], overrides: Mapping[str, str]
) -> list[str]:
    """The role of each tensor: what was said, what the module shows, what the name says, the shape."""
    found = []
    for index, tensor in enumerate(tensors):
        name = names[index] if names is not None else ""
        if name in overrides:
            found.append(overrides[name])
        elif id(tensor) in by_id:
            found.append(by_id[id(tensor)])
        elif names is not None:
            found.append(role_by_name(name, tensor))
        else:
            found.append("matrix" if tensor.ndim >= 2 else "vector")
    return found


def as_groups(params: Parameters, roles: Mapping[str, str] | None, class_name: str, is_routed: bool) -> list[dict[str, Any]]:
    """Groups as torch.optim.Optimizer takes them. Dicts are copied: the caller's stay as they are."""
    overrides = dict(roles or {})
    for name, role in overrides.items():
        if role not in ROLES:
            raise ValueError(f"roles[{name!r}] = {role!r}, must be one of {', '.join(ROLES)}{nearest(role, ROLES)}")
    if isinstance(params, Tensor):
        raise TypeError("params is one tensor, must be a list of them, or a module")
    if isinstance(params, nn.Module):
        groups = [_group_of(params, overrides, is_routed)]
        if not groups[0]["params"]:
            raise ValueError("optimizer got an empty parameter list: the module has no parameters")
    else:
        if isinstance(params, (set, frozenset)):
            raise TypeError("params is a set, whose order differs between runs: must be a list, or a module")
        items = list(params)
        if items and isinstance(items[0], dict):
            groups = [complete_group(group, overrides, is_routed) for group in items]  # type: ignore[arg-type]
        else:
            if not items:
                raise ValueError("optimizer got an empty parameter list")
            groups = [_group_of(items, overrides, is_routed)]
    known = {name for group in groups for name in group.get("param_names", ())}
    for name in overrides:
        if name not in known:
            raise ValueError(f"roles: no parameter {name}{nearest(name, known)}")
    if is_routed and any("param_names" not in group and len(group["params"]) > 0 for group in groups):
        warnings.warn(
            f"{class_name}: parameters without names are routed by their shape, embeddings and the head as if they were "
            f"hidden matrices; pass the model, or model.named_parameters()",
            RoutingWarning,
            stacklevel=5,
        )
    return groups


def complete_group(group: Mapping[str, Any], overrides: Mapping[str, str], is_routed: bool) -> dict[str, Any]:
    """A copy of a group whose parameters are tensors, with their names and roles."""
    if not isinstance(group, Mapping) or "params" not in group:
        raise TypeError("params: a group must be a dict with 'params'")
    made = _group_of(group["params"], overrides, is_routed)
    full = {**group, **made}
    if "param_names" in group and "param_names" not in made:
        full["param_names"] = list(group["param_names"])
        if len(full["param_names"]) != len(made["params"]):
            raise ValueError("param_names: must be one for each of the group's parameters")
        if is_routed and "roles" not in group:
            full["roles"] = roles_of(made["params"], full["param_names"], {}, overrides)
    if is_routed and "roles" in group:
        full["roles"] = list(group["roles"])
    return full


def plan_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """What happens to each parameter, a line each."""
    head = ("parameter", "shape", "role", "rule", "estimate", "direction", "lr", "scale", "decay")
    body = [
        (
            str(row["parameter"]),
            "x".join(map(str, row["shape"])) or "()",
            str(row["role"]),
            str(row["recipe"]),
            str(row["estimator"]),
            str(row["direction"]),
            f"{row['lr']:.4g}",
            f"{row['shape_scale'] * row['radius']:.4g}",
            str(row["decay"]),
        )
        for row in rows
    ]
    widths = [max(len(line[k]) for line in (head, *body)) for k in range(len(head))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in (head, *body))
