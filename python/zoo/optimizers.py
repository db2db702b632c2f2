# SPDX-License-Identifier: Apache-2.0
"""The candidates of the races, stepping many copies of one model at once: each copy is a row with a learning rate of its own.

Semantics are torch.optim's (SGD with Nesterov momentum, AdamW, Muon with match_rms_adamw), and the papers' for SignSGD and Lion;
weight decay is 0 everywhere, since the races are about steps. `reference` builds the plain torch optimizer of one model.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

# log2 of the rate in the middle of the first grid
CENTRES = {"sgd-momentum": -3, "adamw": -7, "signsgd": -8, "lion": -9, "muon": -6}
NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)


@dataclass
class Slot:
    """One parameter's place in a row."""

    name: str
    shape: torch.Size
    offset: int
    role: str

    @property
    def size(self) -> int:
        return self.shape.numel()

    @property
    def matrix_shape(self) -> tuple[int, int]:
        return self.shape[0], self.shape[1:].numel()


def orthogonalize(g: Tensor) -> Tensor:
    """Five Newton-Schulz steps of torch.optim.Muon, in float32, over leading dimensions."""
    a, b, c = NEWTON_SCHULZ
    transposed = g.shape[-2] > g.shape[-1]
    x = g.mT if transposed else g
    x = x / x.norm(dim=(-2, -1), keepdim=True).clamp(min=1e-7)
    for _ in range(5):
        gram = x @ x.mT
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.mT if transposed else x


class Rows:
    """One candidate on rows [start, stop) of the stacked parameters."""

    def __init__(self, candidate: str, rates: Tensor, slots: list[Slot]) -> None:
        self.candidate, self.rates, self.slots, self.time = candidate, rates[:, None], slots, 0
        self.first: Tensor | None = None
        self.second: Tensor | None = None
        self.shapes: dict[tuple[int, int], list[Slot]] = {}
        for slot in slots:
            if slot.role == "matrix":
                self.shapes.setdefault(slot.matrix_shape, []).append(slot)

    def step(self, x: Tensor, g: Tensor, factor: float) -> None:
        if self.first is None:
            self.first, self.second = torch.zeros_like(g), torch.zeros_like(g)
        assert self.second is not None
        self.time += 1
        rate, m, _v = self.rates * factor, self.first, self.second
        if self.candidate == "sgd-momentum":
            m.mul_(0.9).add_(g)
            x.sub_(rate * (g + 0.9 * m))
        elif self.candidate == "signsgd":
            x.sub_(rate * g.sign())
        elif self.candidate == "lion":
            x.sub_(rate * (0.9 * m + 0.1 * g).sign())
            m.lerp_(g, 0.01)
        elif self.candidate == "muon":
            self._muon(x, g, rate)
        else:
            self._adam(x, g, rate, 0.95 if self.candidate == "adamw95" else 0.999)

    def _adam(self, x: Tensor, g: Tensor, rate: Tensor, beta2: float) -> None:
        m, v = self.first, self.second
        assert m is not None
        assert v is not None
        m.lerp_(g, 0.1)
        v.mul_(beta2).addcmul_(g, g, value=1 - beta2)
        denominator = v.sqrt().div_(math.sqrt(1 - beta2**self.time)).add_(1e-8)
        x.sub_(rate / (1 - 0.9**self.time) * m / denominator)

    def _muon(self, x: Tensor, g: Tensor, rate: Tensor) -> None:
        """The matrices' momentum stands in `first` where AdamW's stands for the rest."""
        m, v = self.first, self.second
        assert m is not None
        assert v is not None
        before = {
            id(slot): m[:, slot.offset : slot.offset + slot.size].clone() for group in self.shapes.values() for slot in group
        }
        kept = {
            key: x[:, s.offset : s.offset + s.size].clone() for group in self.shapes.values() for s in group for key in [id(s)]
        }
        self._adam(x, g, rate, 0.99)
        for (rows, columns), group in self.shapes.items():
            gradients, updates = [], []
            for slot in group:
                part = slice(slot.offset, slot.offset + slot.size)
                own = before[id(slot)].lerp_(g[:, part], 0.05)
                m[:, part] = own
                gradients.append(torch.lerp(g[:, part], own, 0.95).view(-1, rows, columns))
            updates = orthogonalize(torch.stack(gradients)).flatten(2)
            for slot, update in zip(group, updates, strict=True):
                part = slice(slot.offset, slot.offset + slot.size)
                x[:, part] = kept[id(slot)] - 0.2 * math.sqrt(max(rows, columns)) * rate * update


class SignSgd(torch.optim.Optimizer):
    def __init__(self, parameters: list[nn.Parameter], lr: float) -> None:
        super().__init__(parameters, {"lr": lr})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            for p in group["params"]:
                p.add_(p.grad.sign(), alpha=-group["lr"])


class Lion(torch.optim.Optimizer):
    def __init__(self, parameters: list[nn.Parameter], lr: float) -> None:
        super().__init__(parameters, {"lr": lr})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            for p in group["params"]:
                m = self.state[p].setdefault("m", torch.zeros_like(p))
                p.add_(torch.lerp(m, p.grad, 0.1).sign_(), alpha=-group["lr"])
                m.lerp_(p.grad, 0.01)


class MuonForMatrices(torch.optim.Optimizer):
    """torch.optim.Muon's rule on float32 weights of any rank."""

    def __init__(self, parameters: list[nn.Parameter], lr: float) -> None:
        super().__init__(parameters, {"lr": lr})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            for p in group["params"]:
                m = self.state[p].setdefault("m", torch.zeros_like(p))
                m.lerp_(p.grad, 0.05)
                g = torch.lerp(p.grad, m, 0.95).flatten(1)
                p.add_(orthogonalize(g).view_as(p), alpha=-group["lr"] * 0.2 * math.sqrt(max(g.shape)))


def reference(candidate: str, model: nn.Module, roles: dict[str, str], lr: float) -> list[torch.optim.Optimizer]:
    named = {n: p for n, p in model.named_parameters() if p.requires_grad}
    everything = list(named.values())
    if candidate == "sgd-momentum":
        return [torch.optim.SGD(everything, lr, momentum=0.9, nesterov=True, fused=True)]
    if candidate == "signsgd":
        return [SignSgd(everything, lr)]
    if candidate == "lion":
        return [Lion(everything, lr)]
    if candidate != "muon":
        return [
            torch.optim.AdamW(
                everything, lr, betas=(0.9, 0.95 if candidate == "adamw95" else 0.999), weight_decay=0.0, fused=True
            )
        ]
    matrices = [p for n, p in named.items() if roles[n] == "matrix"]
    rest = [p for n, p in named.items() if roles[n] != "matrix"]
    result: list[torch.optim.Optimizer] = [MuonForMatrices(matrices, lr)] if matrices else []
    return result + ([torch.optim.AdamW(rest, lr, betas=(0.9, 0.99), weight_decay=0.0, fused=True)] if rest else [])
