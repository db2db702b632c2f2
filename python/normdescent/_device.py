# SPDX-License-Identifier: Apache-2.0
"""The core's recipes in torch's multi-tensor operations, for tensors on any device.

The order of operations is that of core/include/normdescent/rules, each product rounded before it is added: estimates, hence
signs, come out bit for bit as the core's where a device rounds as IEEE 754 says. Step counts live in the host's memory, as in
torch's own optimizers, so that nothing waits for a device (but Shampoo's eigenvalues). Tests hold this file to _cpu.py on CPU
tensors.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from typing import Any

import torch
from torch import Tensor

from . import _core, _cpu

Recipe = Mapping[str, Any]


# ---- msign of a batch of matrices ---------------------------------------------------------------------


def _normalized(x: Tensor) -> Tensor:
    """x / ||x||_F of every matrix, whatever its scale; 0 stays 0."""
    largest = x.abs().amax(dim=(-2, -1), keepdim=True)
    x = x / torch.where(largest == 0, 1.0, largest)
    norm = torch.linalg.vector_norm(x, dim=(-2, -1), keepdim=True)
    return x / torch.where(norm == 0, 1.0, norm)


def _inverse(z: Tensor) -> Tensor:
    inverse: Tensor = torch.linalg.inv_ex(z, check_errors=False).inverse  # no check: it would wait for the device
    return inverse


def _newton_schulz(x: Tensor, iteration: Mapping[str, Any], is_narrow: bool) -> Tensor:
    x = _normalized(x) / iteration["safety"]
    kept = x.dtype
    if is_narrow:
        x = x.bfloat16()
    for a, b, c in iteration["steps"]:
        gram = x @ x.mT
        x = a * x + (b * gram + c * (gram @ gram)) @ x
    return x.to(kept)


def _gram_parts(x: Tensor, is_narrow: bool) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """X normalized, A = X X^T / mu, mu, and the identity."""
    x = _normalized(x)
    if is_narrow:
        x = x.bfloat16().to(x.dtype)
    gram = x @ x.mT
    mu = torch.linalg.vector_norm(gram, dim=(-2, -1), keepdim=True)
    eye = torch.eye(x.shape[-2], dtype=x.dtype, device=x.device)
    return x, gram / torch.where(mu == 0, 1.0, mu), torch.where(mu == 0, 1.0, mu), eye


def _halley(x: Tensor, iteration: Mapping[str, Any], is_narrow: bool) -> Tensor:
    x, gram, mu, eye = _gram_parts(x, is_narrow)
    factor = eye
    steps = iteration["steps"]
    for k, (a, b, c) in enumerate(steps):
        alpha = b / c
        beta = a - alpha
        w = _inverse(c * gram + eye)
        if k + 1 < len(steps):  # P A P without a product but W^2: core/src/linalg/halley.cpp
            square, linear = beta * beta / c, 2.0 * alpha * beta / c
            gram = alpha * alpha * gram + ((square - linear) * w - square * (w @ w)) + linear * eye
        factor = (alpha * eye + beta * w) if k == 0 else factor @ (alpha * eye + beta * w)
    out: Tensor = (factor / mu.sqrt()) @ x
    return out


def _resolvent(x: Tensor, iteration: Mapping[str, Any], is_narrow: bool) -> Tensor:
    x, gram, mu, eye = _gram_parts(x, is_narrow)
    c1, c2, d, alpha, beta1, beta2 = iteration["steps"][0]
    w1 = _inverse(c1 * gram + eye)
    w2 = _inverse(c2 * gram + d * w1 + eye)
    out: Tensor = ((alpha * eye + beta1 * w1 + beta2 * w2) / mu.sqrt()) @ x
    return out


def _svd(x: Tensor, iteration: Mapping[str, Any], is_narrow: bool) -> Tensor:
    u, s, vh = torch.linalg.svd(x, full_matrices=False)
    tolerance = max(x.shape[-2:]) * torch.finfo(x.dtype).eps
    keep = (s > tolerance * s[..., :1]).to(x.dtype)
    out: Tensor = (u * keep.unsqueeze(-2)) @ vh
    return out


_ITERATIONS: dict[str, Callable[[Tensor, Mapping[str, Any], bool], Tensor]] = {
    "newton-schulz": _newton_schulz,
    "halley": _halley,
    "resolvent": _resolvent,
    "svd": _svd,
}


def msign(x: Tensor, method: str = "halley", steps: int = 0, precision: str = "full") -> Tensor:
    """msign of every matrix in the last two dimensions, as _core.msign has it, where x lies."""
    iteration = _core.polar_iteration(method, steps)
    if min(x.shape[-2:]) == 1:
        return _normalized(x) * iteration["image_of_one"]
    is_wide = x.shape[-2] <= x.shape[-1]
    out = _ITERATIONS[iteration["kind"]](x if is_wide else x.mT, iteration, precision == "bfloat16")
    return out if is_wide else out.mT


# ---- estimates -----------------------------------------------------------------------------------------


def _average(m: list[Tensor], g: list[Tensor], beta: float) -> list[Tensor]:
    """m <- beta m + (1 - beta) g, every product rounded; gives (1 - beta) g."""
    part = list(torch._foreach_mul(g, 1.0 - beta))
    torch._foreach_mul_(m, beta)
    torch._foreach_add_(m, part)
    return part


def _estimate(estimator: Mapping[str, Any], m: list[Tensor], g: list[Tensor], is_first: Sequence[bool]) -> list[Tensor]:
    kind = estimator["kind"]
    if kind == "raw":
        return list(g)
    if kind == "double-ema":
        u = list(torch._foreach_mul(m, estimator["beta1"]))
        torch._foreach_add_(u, torch._foreach_mul(g, 1.0 - estimator["beta1"]))
        _average(m, g, estimator["beta2"])
        return u
    beta = estimator["beta"]
    if kind == "heavy-ball":
        torch._foreach_mul_(m, beta)
        torch._foreach_add_(m, g)
        return list(torch._foreach_add(g, torch._foreach_mul(m, beta))) if estimator["nesterov"] else m
    if estimator["start"] == "first-gradient":
        for k, first in enumerate(is_first):
            if first:
                m[k].copy_(g[k])
    part = _average(m, g, beta)
    return list(torch._foreach_add(torch._foreach_mul(m, beta), part)) if estimator["nesterov"] else m


# ---- directions ----------------------------------------------------------------------------------------


def _inverse_or_zero(norm: Tensor) -> Tensor:
    return torch.where(norm == 0, 0.0, 1.0 / torch.where(norm == 0, 1.0, norm))


def _norms(tensors: list[Tensor]) -> Tensor:
    return torch.stack(list(torch._foreach_norm(tensors)))


def _matrices(tensor: Tensor, recipe: Recipe) -> Tensor:
    return tensor.reshape(recipe["matrix"])


def _by_shape(tensors: Sequence[Tensor], recipes: Sequence[Recipe], act: Callable[[Tensor], Tensor]) -> list[Tensor]:
    """`act` on all matrices of one shape in one batch."""
    shapes: dict[tuple[int, int], list[int]] = {}
    for k, recipe in enumerate(recipes):
        shapes.setdefault(tuple(recipe["matrix"][1:]), []).append(k)
    out: list[Tensor] = [torch.empty(0)] * len(tensors)
    for members in shapes.values():
        stacked = [_matrices(tensors[k], recipes[k]) for k in members]
        results = act(torch.cat(stacked) if len(stacked) > 1 else stacked[0])
        for k, part in zip(members, torch.split(results, [s.shape[0] for s in stacked])):
            out[k] = part.reshape(tensors[k].shape)
    return out


def _cautious_sign(u: Tensor, g: Tensor) -> Tensor:
    """sign(u) where it agrees with g's, over the share of such coordinates: core/src/optimizers/recipes.cpp."""
    sign = u.sign()
    agrees = sign * g.sign() > 0
    mean = agrees.sum() / u.numel()
    return torch.where(agrees, sign / mean.clamp(min=1e-3), 0.0)


# Maps of the core that are no part of its vocabulary, by name.
_MAPS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {"cautious-sign": _cautious_sign}


def _axis_normalized(x: Tensor, dim: int) -> Tensor:
    return x * _inverse_or_zero(torch.linalg.vector_norm(x, dim=dim, keepdim=True))


class _Preconditioner:
    """Shampoo and ASGO on one matrix: the blocks of core/src/optimizers/preconditioner_grid.cpp."""

    def __init__(self, direction: Mapping[str, Any], rows: int, cols: int) -> None:
        self.d = direction
        both = direction["sides"] == "both"
        self.left, self.right = both or rows <= cols, both or rows > cols
        size = direction["block_size"]
        self.rows, self.cols = rows, cols
        self.row_block = min(rows, size) if self.left else rows
        self.col_block = min(cols, size) if self.right else cols

    def _squares(self, length: int, block: int) -> int:
        return length // block * block * block + (length % block) ** 2

    def run(self, u: Tensor, g: Tensor, state: Mapping[str, Tensor], matrix: int, t: int) -> Tensor:
        out = torch.empty_like(u)
        row_blocks, col_blocks = -(-self.rows // self.row_block), -(-self.cols // self.col_block)
        left_size, right_size = (
            self._squares(self.rows, self.row_block) * col_blocks,
            self._squares(self.cols, self.col_block) * row_blocks,
        )
        for i in range(row_blocks):
            for j in range(col_blocks):
                rows = slice(i * self.row_block, min((i + 1) * self.row_block, self.rows))
                cols = slice(j * self.col_block, min((j + 1) * self.col_block, self.cols))
                r, c = rows.stop - rows.start, cols.stop - cols.start
                left = matrix * left_size + i * col_blocks * self.row_block**2 + j * r * r
                right = matrix * right_size + j * row_blocks * self.col_block**2 + i * c * c
                out[rows, cols] = self._block(u[rows, cols], g[rows, cols], state, left, right, t)
        graft = self.d["graft"]
        if graft == "none":
            return out
        target = torch.linalg.vector_norm(u) if graft == "sgd" else 0.2 * math.sqrt(out.numel())
        normalized: Tensor = _normalized(out.unsqueeze(0))[0] * target
        return normalized

    def _block(self, u: Tensor, g: Tensor, state: Mapping[str, Tensor], left: int, right: int, t: int) -> Tensor:
        p = 4 if self.left and self.right else 2
        if self.left:
            u = self._root(g @ g.mT, state, "left", left, p, t) @ u
        if self.right:
            u = u @ self._root(g.mT @ g, state, "right", right, p, t)
        return torch.where(torch.isfinite(u).all(), u, 0.0)

    def _root(self, gram: Tensor, state: Mapping[str, Tensor], side: str, at: int, p: int, t: int) -> Tensor:
        n = gram.shape[0]
        beta2, interval = self.d["beta2"], self.d["interval"]
        statistics = state[f"{side}_statistics"].view(-1)[at : at + n * n].view(n, n)
        statistics.copy_(beta2 * statistics + (1.0 if beta2 == 1.0 else 1.0 - beta2) * gram)
        kept = state[f"{side}_root"].view(-1)[at : at + n * n].view(n, n) if interval > 1 else None
        if kept is not None and (t - 1) % interval != 0:
            return kept
        count = 1.0 if beta2 == 1.0 else 1.0 - beta2**t
        values, vectors = torch.linalg.eigh(statistics / count)
        values = values.clamp(min=0.0)
        damping = self.d["delta"] * (values[-1] if self.d["damping"] == "relative" else 1.0)
        damped = values + damping
        root = torch.where(damped > 0, damped.clamp(min=torch.finfo(damped.dtype).tiny) ** (-1.0 / p), 0.0)
        made: Tensor = (vectors * root) @ vectors.mT
        if kept is not None:
            kept.copy_(made)
        return made


# ---- a group's tensors of one type ----------------------------------------------------------------------


class Part(_cpu.Part):
    """As _cpu.Part, by torch's own operations."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        tensors = arguments[3]
        self.shapes = [t.shape for t in tensors]
        self.recipes: list[Recipe] = [self.stepper.recipe(i) for i in range(len(tensors))]
        batches: dict[str, list[int]] = {}
        for i, recipe in enumerate(self.recipes):
            key = json.dumps({k: v for k, v in recipe.items() if k not in ("step_scale", "matrix")}, sort_keys=True)
            batches.setdefault(f"{key} {tensors[i].device}", []).append(i)
        self.batches = list(batches.values())
        self._state: MutableMapping[Tensor, dict[str, Any]] = {}

    def prepare(self, tensors: list[Tensor], state: MutableMapping[Tensor, dict[str, Any]]) -> bool:
        if [t.shape for t in tensors] != self.shapes:
            return False
        gradients = self._gradients(tensors)
        self._fill_state(tensors, gradients, state)
        self._stepped, self._state = tensors, state
        return True

    @torch.no_grad()
    def run(self, lr: float) -> None:
        tensors = self._stepped
        for members in self.batches:
            active = [i for i in members if tensors[i].grad is not None]
            if not active:
                continue
            steps = self._count(active)
            full = [i for i in active if tensors[i].numel() > 0]
            if full:
                self._batch(members, full, {i: steps[k] for k, i in enumerate(active)}, lr)
        self._stepped, self._state = [], {}

    def _count(self, active: Sequence[int]) -> list[int]:
        """One more step for each; the numbers where they matter."""
        counted = [i for i in active if self.stepper.counts_steps(i)]
        if not counted:
            return [0] * len(active)
        counts = [self._state[self._stepped[i]]["step"] for i in counted]
        torch._foreach_add_(counts, 1.0)
        return [int(count) for count in counts]  # in the host's memory

    def _batch(self, members: Sequence[int], active: Sequence[int], steps: Mapping[int, int], lr: float) -> None:
        recipe = self.recipes[active[0]]
        recipes = [self.recipes[i] for i in active]
        tensors = [self._stepped[i] for i in active]
        # Looking must not make entries: a tensor without state has none in `state`, as in torch.
        states = [self._state[t] if t in self._state or t.dtype is not self.dtype else {} for t in tensors]
        values = [self._value(t, s) for t, s in zip(tensors, states)]
        g = [t.grad.detach() if t.grad.dtype is self.dtype else t.grad.detach().to(self.dtype) for t in tensors]  # type: ignore[union-attr]
        t = [steps[i] for i in active]
        if recipe["maximize"]:
            g = list(torch._foreach_neg(g))
        if recipe["l2_penalty"]:
            g = list(torch._foreach_add(g, torch._foreach_mul(values, recipe["l2_penalty"])))
        g = self._corrected(recipe, states, g, t)
        if recipe["clip_norm"]:
            limit = recipe["clip_norm"]
            norms = _norms(g)
            g = list(torch._foreach_mul(g, list(torch.where(norms > limit, limit / norms, 1.0).unbind())))
        layout = [key for key, *_ in self.stepper.layout(active[0])]
        has_average = recipe["estimator"]["kind"] != "raw"
        kept = [s[layout[0]] for s in states] if has_average else []
        m = [x if x.dtype is self.dtype else x.to(self.dtype) for x in kept]
        u = _estimate(recipe["estimator"], m, g, [k == 1 for k in t])
        for x, wide in zip(kept, m):
            if x is not wide:
                x.copy_(wide)
        further = layout[1:] if has_average else layout
        scales = [r["step_scale"] for r in recipes]
        rate = recipe["lr"] * lr
        d = recipe["direction"]
        if d["kind"] == "alternate":
            # The longest-serving member counts, so that a parameter without gradient delays nobody.
            longest = max(
                [
                    *t,
                    *(
                        int(self._state[self._stepped[i]].get("step", 0))
                        for i in members
                        if i not in steps and self._stepped[i] in self._state
                    ),
                ]
            )
            if longest % d["period"] == 0:
                direction = self._msign(d, u, recipes)
            else:
                direction, rate, scales = list(torch._foreach_sign(u)), rate * d["sign_rate"], [1.0] * len(u)
        else:
            direction = self._direction(d, members, recipes, u, g, states, further, t)
        self._apply(recipe, values, direction, rate, scales)
        for tensor, value in zip(tensors, values):
            if tensor.dtype is not self.dtype:
                tensor.copy_(value)

    def _value(self, tensor: Tensor, state: dict[str, Any]) -> Tensor:
        if tensor.dtype is self.dtype:
            return tensor.detach()
        current = tensor.detach()
        master = state.get(_cpu.MASTER)
        wide = current.to(self.dtype)
        if isinstance(master, Tensor) and master.shape == tensor.shape:
            wide = torch.where(master.to(tensor.dtype) == current, master.to(self.dtype), wide)
        state[_cpu.MASTER] = wide
        return wide

    def _corrected(self, recipe: Recipe, states: Sequence[dict[str, Any]], g: list[Tensor], t: Sequence[int]) -> list[Tensor]:
        if "previous_gradient" not in states[0] or not recipe["correction_ratio"]:
            return g
        previous = [s["previous_gradient"] for s in states]
        change = list(torch._foreach_sub(g, previous))
        torch._foreach_mul_(change, recipe["correction_ratio"])
        fed = list(torch._foreach_add(g, change))
        torch._foreach_copy_(previous, g)
        return [x if k == 1 else y for x, y, k in zip(g, fed, t)]

    def _msign(self, d: Mapping[str, Any], u: Sequence[Tensor], recipes: Sequence[Recipe]) -> list[Tensor]:
        return _by_shape(u, recipes, lambda x: msign(x, d["method"], d["steps"], d["precision"]))

    def _direction(
        self,
        d: Mapping[str, Any],
        members: Sequence[int],
        recipes: Sequence[Recipe],
        u: list[Tensor],
        g: list[Tensor],
        states: Sequence[dict[str, Any]],
        keys: Sequence[str],
        t: Sequence[int],
    ) -> list[Tensor]:
        kind = d["kind"]
        if kind == "identity":
            return u
        if kind == "sign":
            return list(torch._foreach_sign(u))
        if kind == "normalize":
            norms = _norms(u)
            if d["scope"] == "global":
                norms = torch.linalg.vector_norm(norms).expand(len(u))
            return list(torch._foreach_mul(u, list(_inverse_or_zero(norms).unbind())))
        if kind in ("rows", "columns"):
            dim = -1 if (kind == "rows") != recipes[0]["is_transposed"] else -2
            return _by_shape(u, recipes, lambda x: _axis_normalized(x, dim))
        if kind == "msign":
            return self._msign(d, u, recipes)
        if kind == "adam":
            return self._adam(d, recipes[0], u, g, [s[keys[0]] for s in states], t)
        if kind == "adagrad":
            total = [s[keys[0]] for s in states]
            torch._foreach_add_(total, torch._foreach_mul(g, g))
            scale = list(torch._foreach_sqrt(total))
            torch._foreach_add_(scale, d["eps"])
            return list(torch._foreach_div(u, scale))
        if kind == "adagrad-norm":
            return self._adagrad_norm(d, members, u, g, states, keys[0])
        if kind == "map":
            make = _MAPS.get(d["name"])
            if make is None:
                raise NotImplementedError(f"direction {d['name']} is known on the CPU only; move the parameters there")
            return [make(*row) for row in zip(u, g)]
        assert kind == "shampoo", kind
        return [self._shampoo(d, *row) for row in zip(recipes, u, g, states, t)]

    def _adam(
        self, d: Mapping[str, Any], recipe: Recipe, u: list[Tensor], g: list[Tensor], kept: list[Tensor], t: Sequence[int]
    ) -> list[Tensor]:
        v = [x if x.dtype is self.dtype else x.to(self.dtype) for x in kept]
        squares = list(torch._foreach_mul(g, g))
        torch._foreach_mul_(squares, 1.0 - d["beta2"])
        torch._foreach_mul_(v, d["beta2"])
        torch._foreach_add_(v, squares)
        for x, wide in zip(kept, v):
            if x is not wide:
                x.copy_(wide)
        first = [1.0 / (1.0 - recipe["estimator"]["beta"] ** k) for k in t]
        second = [1.0 / (1.0 - d["beta2"] ** k) for k in t]
        scale = list(torch._foreach_mul(v, second))
        torch._foreach_sqrt_(scale)
        torch._foreach_add_(scale, d["eps"])
        return list(torch._foreach_div(torch._foreach_mul(u, first), scale))

    def _adagrad_norm(
        self,
        d: Mapping[str, Any],
        members: Sequence[int],
        u: list[Tensor],
        g: list[Tensor],
        states: Sequence[dict[str, Any]],
        key: str,
    ) -> list[Tensor]:
        b = [s[key] for s in states]
        grown = torch.hypot(torch.cat(b), _norms(g))
        torch._foreach_copy_(b, list(torch.split(grown, 1)))
        if d["scope"] == "global":
            everyone = [self._state[self._stepped[i]][key] for i in members if key in self._state.get(self._stepped[i], {})]
            grown = torch.linalg.vector_norm(torch.cat(everyone)).expand(len(b))
        return list(torch._foreach_mul(u, list((1.0 / (grown + d["eps"])).unbind())))

    def _shampoo(self, d: Mapping[str, Any], recipe: Recipe, u: Tensor, g: Tensor, state: dict[str, Any], t: int) -> Tensor:
        count, rows, cols = recipe["matrix"]
        solver = _Preconditioner(d, rows, cols)
        us, gs = _matrices(u, recipe), _matrices(g, recipe)
        return torch.stack([solver.run(us[q], gs[q], state, q, t) for q in range(count)]).reshape(u.shape)

    def _apply(
        self, recipe: Recipe, values: list[Tensor], direction: list[Tensor], rate: float, scales: Sequence[float]
    ) -> None:
        """x <- keep x - length d, both products rounded before they meet."""
        if recipe["decay_form"] == "constrained" and rate > 1.0:
            raise ValueError(f"lr = {rate}, must be at most 1: a constrained step has a rate of at most 1")
        keep = []
        for scale in scales:
            decay = {
                "decoupled": recipe["decay"],
                "scaled": recipe["decay"] * scale,
                "squared": recipe["decay"] * rate,
                "constrained": 1.0,
            }[recipe["decay_form"]]
            keep.append(1.0 - rate * decay)
        moves = list(torch._foreach_mul(direction, [rate * scale for scale in scales]))
        if any(k != 1.0 for k in keep):
            torch._foreach_mul_(values, keep)
        torch._foreach_sub_(values, moves)
