# SPDX-License-Identifier: Apache-2.0
"""Models as people have them: shared, tied, frozen, kept, lazy, compiled."""

from __future__ import annotations

import warnings
from typing import Any

import normdescent as nd
import pytest
import torch
from normdescent._model import copied
from torch import nn


def bits(model: nn.Module) -> list[bytes]:
    return [p.detach().numpy().tobytes() for p in model.parameters()]


def test_a_factory_that_gives_the_same_module_does_not_train_it(compare: Any) -> None:
    net = nn.Linear(6, 2)
    before = bits(net)
    report = compare(lambda: net)
    assert bits(net) == before
    assert report.cost.runs > 0.1
    starts = {r["curve"][0][1] for r in report.runs}
    assert len(starts) == 1, "each run starts where the first one did"


def test_a_factory_that_shares_a_part_does_not_train_that_part(compare: Any) -> None:
    trunk = nn.Linear(6, 8)
    before = bits(trunk)
    compare(lambda: nn.Sequential(trunk, nn.Tanh(), nn.Linear(8, 2)))
    assert bits(trunk) == before


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.emb, self.body, self.head = nn.Embedding(12, 8), nn.Linear(8, 8), nn.Linear(8, 12, bias=False)
        self.head.weight = self.emb.weight
        self.place = nn.Parameter(torch.randn(5, 8), requires_grad=False)
        self.table = nn.Parameter(torch.arange(12, dtype=torch.int8), requires_grad=False)

    def forward(self, t: torch.Tensor) -> torch.Tensor:
        return self.head(torch.tanh(self.body(self.emb(self.table[t].long()) + self.place)))


@pytest.mark.parametrize("optimizers", [["sgd", "adamw"], ["muon", "signsgd"]], ids=str)
def test_tied_stays_tied_frozen_stays_frozen_and_each_parameter_is_held_once(compare: Any, optimizers: list[str]) -> None:
    tokens = torch.randint(12, (48, 6), generator=torch.Generator().manual_seed(0))
    data = torch.utils.data.TensorDataset(tokens[:, :-1], tokens[:, 1:])
    net = Tied()
    place, table = net.place.clone(), net.table.clone()

    def loss(model: Any, batch: Any) -> torch.Tensor:
        assert model.head.weight is model.emb.weight
        assert torch.equal(model.place, place)
        assert torch.equal(model.table, table)
        return nn.functional.cross_entropy(model(batch[0]).flatten(0, 1), batch[1].flatten())

    report = compare(net, loss, data, data, optimizers=optimizers)
    optimizer = report.optimizer(net)
    held = [id(p) for group in optimizer.param_groups for p in group["params"]]
    assert sorted(held) == sorted(id(p) for p in net.parameters() if p.requires_grad)
    start = {n: p.detach().clone() for n, p in net.named_parameters()}
    loss(net, data[:8]).backward()
    optimizer.step()
    assert {n for n, p in net.named_parameters() if not torch.equal(p, start[n])} == {
        n for n, p in net.named_parameters() if p.requires_grad
    }


class Keeps(nn.Linear):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.last = {"out": [super().forward(x)]}
        return self.last["out"][0]


def test_a_module_with_a_kept_activation_is_copied_without_its_graph(compare: Any, data: Any, loss: Any) -> None:
    net = Keeps(6, 2)
    loss(net, data[:])
    with pytest.raises(RuntimeError):
        torch.clone(net.last["out"][0]).__deepcopy__({})
    copy = copied(net)
    assert torch.equal(copy.last["out"][0], net.last["out"][0])
    assert copy.last["out"][0].is_leaf
    assert copy.weight is not net.weight
    compare(net)


def test_weight_norm_of_the_old_kind_works(compare: Any, data: Any, loss: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        net = nn.utils.weight_norm(nn.Linear(6, 2))
    loss(net, data[:])
    before = bits(net)
    compare(net)
    assert bits(net) == before


def test_a_module_that_cannot_be_copied_at_all_tells_the_way_out(compare: Any) -> None:
    class Stuck(nn.Linear):
        def __deepcopy__(self, memo: Any) -> Any:
            raise TypeError("no copies")

    with pytest.raises(nd.ProblemError, match=r"cannot be copied.*make_model as a callable"):
        compare(Stuck(6, 2))


class Table(nn.Module):
    """Makes constants at its first call, in whichever mode that is."""

    def __init__(self) -> None:
        super().__init__()
        self.inp, self.head, self.table = nn.Linear(6, 8), nn.Linear(8, 2), None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.table is None:
            self.table = torch.linspace(0, 1, 8).cos()
        return self.head(torch.tanh(self.inp(x)) * self.table)


@pytest.mark.parametrize("make", [Table, Table()], ids=["factory", "module"])
def test_what_a_module_makes_at_its_first_call_can_be_trained_with(compare: Any, make: Any) -> None:
    compare(make)


@pytest.mark.parametrize("as_module", [False, True], ids=["factory", "module"])
def test_lazy_parameters_get_their_shapes(compare: Any, as_module: bool) -> None:
    def make() -> nn.Module:
        return nn.Sequential(nn.LazyLinear(8), nn.ReLU(), nn.LazyLinear(2))

    model = make()
    compare(model if as_module else make)
    assert isinstance(model[0], nn.LazyLinear), "the user's own stays lazy"


def test_a_compiled_module_is_copied_and_trained(compare: Any) -> None:
    net = torch.compile(nn.Linear(6, 2), backend="eager")
    before = bits(net)
    report = compare(net)
    assert bits(net) == before
    assert min(r["final_loss"] for r in report.runs if r["final_loss"] is not None) < report.runs[0]["curve"][0][1]


def test_mixed_modes_are_kept_and_a_module_in_eval_mode_is_trained_in_train_mode(compare: Any, loss: Any) -> None:
    seen = set()

    def watched(model: Any, batch: Any) -> Any:
        if torch.is_grad_enabled():
            seen.add((model.training, model[1].training))
        return loss(model, batch)

    net = nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.Linear(8, 2))
    net[1].eval()
    compare(net, watched)
    assert seen == {(True, False)}
    seen.clear()
    compare(net.eval(), watched)
    assert seen == {(True, True)}


def test_training_and_evaluation_of_a_module_that_overrides_train(compare: Any) -> None:
    class Frozen(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inp, self.bn, self.drop, self.head = nn.Linear(6, 8), nn.BatchNorm1d(8), nn.Dropout(0.1), nn.Linear(8, 2)

        def train(self, mode: bool = True) -> Frozen:
            super().train(mode)
            self.bn.eval()
            return self

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.head(self.drop(self.bn(self.inp(x)).relu()))

    seen = set()

    def loss(model: Any, batch: Any) -> torch.Tensor:
        seen.add((batch["held"], model.drop.training, model.bn.training, torch.is_grad_enabled()))
        return (model(batch["x"]) - batch["x"][:, :2]).square().mean()

    g = torch.Generator().manual_seed(0)
    batches = [{"x": torch.randn(8, 6, generator=g), "held": held} for held in (False,) * 6 + (True,) * 2]
    compare(Frozen, loss, batches[:6], batches[6:])
    assert seen == {(False, True, False, True), (True, False, False, False)}
