# SPDX-License-Identifier: Apache-2.0
"""Whatever is done to an optimizer's groups, parameters and state, every tensor is stepped exactly as torch's SGD would."""

from __future__ import annotations

import copy
import io

import hypothesis
import normdescent as nd
import torch
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from torch import nn

SHAPES = st.sampled_from([(3,), (2, 3), (), (0, 2), (2, 1, 2)])
SEEDS = st.integers(0, 2**20)


def draw(shape: tuple[int, ...], seed: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


class BesideTorch(RuleBasedStateMachine):
    """Two optimizers on twins of every tensor; `sides` are ours and torch's."""

    @initialize(momentum=st.sampled_from([0.0, 0.9]), nesterov=st.booleans(), shape=SHAPES, seed=SEEDS)
    def start(self, momentum: float, nesterov: bool, shape: tuple[int, ...], seed: int) -> None:
        self.options = dict(lr=0.1, momentum=momentum, nesterov=nesterov and momentum > 0, weight_decay=0.01)
        twins = self.twins(shape, seed)
        self.sides: list[torch.optim.Optimizer] = [
            nd.SGD([twins[0]], **self.options),
            torch.optim.SGD([twins[1]], **self.options),
        ]

    @staticmethod
    def twins(shape: tuple[int, ...], seed: int) -> tuple[nn.Parameter, nn.Parameter]:
        return nn.Parameter(draw(shape, seed)), nn.Parameter(draw(shape, seed))

    def pairs(self) -> list[tuple[int, int, nn.Parameter, nn.Parameter]]:
        ours, theirs = self.sides
        return [
            (g, i, p, q)
            for g, (a, b) in enumerate(zip(ours.param_groups, theirs.param_groups))
            for i, (p, q) in enumerate(zip(a["params"], b["params"]))
        ]

    @rule(shape=SHAPES, seed=SEEDS, lr=st.sampled_from([0.0, 0.05, 0.2]))
    def add_group(self, shape: tuple[int, ...], seed: int, lr: float) -> None:
        for side, p in zip(self.sides, self.twins(shape, seed)):
            side.add_param_group({"params": [p], "lr": lr})

    @rule(shape=SHAPES, seed=SEEDS)
    def append(self, shape: tuple[int, ...], seed: int) -> None:
        for side, p in zip(self.sides, self.twins(shape, seed)):
            side.param_groups[0]["params"].append(p)

    @rule(shape=SHAPES, seed=SEEDS, which=st.integers(0, 9))
    def replace(self, shape: tuple[int, ...], seed: int, which: int) -> None:
        group, index, _, q = self.pairs()[which % len(self.pairs())]
        self.sides[1].state.pop(q, None)  # or torch could not save any more
        for side, p in zip(self.sides, self.twins(shape, seed)):
            side.param_groups[group]["params"][index] = p

    @rule(seed=SEEDS, which=st.integers(0, 9))
    def exchange_storage(self, seed: int, which: int) -> None:
        _, _, p, q = self.pairs()[which % len(self.pairs())]
        p.data, q.data = draw(tuple(p.shape), seed), draw(tuple(p.shape), seed)

    @rule(which=st.integers(0, 9))
    def freeze(self, which: int) -> None:
        _, _, p, q = self.pairs()[which % len(self.pairs())]
        for x in (p, q):
            x.requires_grad_(not x.requires_grad)

    @rule(which=st.integers(0, 9))
    def remove(self, which: int) -> None:
        if len(self.pairs()) < 2:
            return
        group, index, p, q = self.pairs()[which % len(self.pairs())]
        for side, x in zip(self.sides, (p, q)):
            del side.param_groups[group]["params"][index]
            side.state.pop(x, None)

    @rule(lr=st.sampled_from([0.01, 0.1]), momentum=st.sampled_from([0.5, 0.9]))
    def change_options(self, lr: float, momentum: float) -> None:
        for side in self.sides:
            side.param_groups[-1]["lr"] = lr
            if self.options["momentum"]:
                side.param_groups[-1]["momentum"] = momentum

    @rule(seed=SEEDS, missing=st.integers(0, 7))
    def step(self, seed: int, missing: int) -> None:
        for k, (_, _, p, q) in enumerate(self.pairs()):
            has_gradient = p.requires_grad and k != missing
            p.grad = draw(tuple(p.shape), seed + k) if has_gradient else None
            q.grad = draw(tuple(p.shape), seed + k) if has_gradient else None
        for side in self.sides:
            side.step()

    @rule(through_file=st.booleans())
    def save_and_load(self, through_file: bool) -> None:
        for k, (side, cls) in enumerate(zip(list(self.sides), (nd.SGD, torch.optim.SGD))):
            state = side.state_dict()
            if through_file:
                file = io.BytesIO()
                torch.save(state, file)
                file.seek(0)
                state = torch.load(file, weights_only=True)
            again = cls([{"params": list(group["params"])} for group in side.param_groups], **self.options)
            again.load_state_dict(state)
            self.sides[k] = again

    @rule()
    def copy(self) -> None:
        self.sides = [copy.deepcopy(side) for side in self.sides]

    @invariant()
    def same(self) -> None:
        if not hasattr(self, "sides"):
            return
        for group, index, p, q in self.pairs():
            assert p.shape == q.shape
            assert torch.allclose(p, q, rtol=1e-6, atol=1e-6), f"group {group}, tensor {index}"


TestBesideTorch = BesideTorch.TestCase
TestBesideTorch.settings = hypothesis.settings(max_examples=60, stateful_step_count=25, deadline=None, derandomize=True)
