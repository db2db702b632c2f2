# SPDX-License-Identifier: Apache-2.0
"""Batches of any kind, from anything that can be read again, and none of them twice."""

from __future__ import annotations

import dataclasses
import itertools
from typing import Any

import normdescent as nd
import pytest
import torch
from normdescent import _batches
from torch import nn


def rows(count: int) -> list[dict[str, torch.Tensor]]:
    g = torch.Generator().manual_seed(0)
    return [{"x": torch.randn(6, generator=g) + 3.0, "labels": torch.randn(2, generator=g)} for _ in range(count)]


def consuming(model: nn.Module, batch: Any) -> torch.Tensor:
    """As trainers do: takes the labels out, normalizes in place."""
    labels = batch.pop("labels")
    assert batch["x"].mean() > 1.0, "this batch has been normalized before"
    batch["x"].sub_(3.0)
    return (model(batch["x"]) - labels).square().mean()


def stacked(part: list[dict[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
    return {k: torch.stack([r[k] for r in part]) for k in part[0]}


@pytest.mark.parametrize("kind", ["loader", "list", "loader of whole batches", "callable"])
def test_a_loss_may_consume_its_batch(compare: Any, kind: str) -> None:
    data = rows(40)
    batches = [stacked(data[i : i + 8]) for i in range(0, 40, 8)]
    train: Any = {
        "loader": torch.utils.data.DataLoader(data, batch_size=8, shuffle=True),
        "list": batches,
        "loader of whole batches": torch.utils.data.DataLoader(batches, batch_size=None),
        "callable": lambda seed: itertools.cycle(batches),
    }[kind]
    report = compare(None, consuming, train, batches[:2])
    assert set(report.rates) == {"sgd", "adamw"}
    assert all("labels" in b and b["x"].mean() > 1.0 for b in batches), "the user's own batches were changed"


@dataclasses.dataclass
class Molecule:
    temperature: torch.Tensor  # 0-dim
    names: list[str]
    x: torch.Tensor


class Endless(torch.utils.data.IterableDataset):  # type: ignore[type-arg]
    def __iter__(self) -> Any:
        g = torch.Generator().manual_seed(1)
        while True:
            yield Molecule(torch.tensor(0.5), ["a"] * 8, torch.randn(8, 6, generator=g))


class Held:
    def __iter__(self) -> Any:
        g = torch.Generator().manual_seed(2)
        return (Molecule(torch.tensor(0.5), ["b"] * 8, torch.randn(8, 6, generator=g)) for _ in range(2))


def test_nothing_is_asked_of_a_batch_and_no_length_of_a_stream(compare: Any) -> None:
    def loss(model: nn.Module, b: Molecule) -> torch.Tensor:
        assert isinstance(b, Molecule)
        return (model(b.x) - b.x[:, :2]).square().mean() * b.temperature

    report = compare(None, loss, torch.utils.data.DataLoader(Endless(), batch_size=None), Held(), batch_size=None)
    assert 0.0 < report.cost.runs < 1.5


def test_the_last_incomplete_batch_of_a_dataset_is_dropped(compare: Any) -> None:
    x = torch.randn(33, 6)
    sizes = set()

    def loss(model: nn.Module, b: Any) -> torch.Tensor:
        sizes.add(len(b[0]))
        return (model(b[0]) - b[1]).square().mean()

    data = torch.utils.data.TensorDataset(x, x[:, :2])
    report = compare(lambda: nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.Linear(8, 2)), loss, data, data, budget=2.0)
    assert sizes == {8}
    assert max(r["steps_done"] for r in report.runs) > 4, "nothing got beyond an epoch"


def test_a_batch_that_cannot_be_trained_is_no_divergence(compare: Any) -> None:
    x = torch.randn(33, 6)
    data = torch.utils.data.TensorDataset(x, x[:, :2])
    loader = torch.utils.data.DataLoader(data, batch_size=8)  # its fifth batch has one example, which batch norm refuses
    with pytest.raises(ValueError, match=r"more than 1 value per channel") as caught:
        compare(lambda: nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.Linear(8, 2)), None, loader, data, budget=2.0)
    assert "step 4" in " ".join(caught.value.__notes__)


def batches(count: int) -> list[Any]:
    g = torch.Generator().manual_seed(3)
    return [(torch.randn(8, 6, generator=g), torch.randn(8, 2, generator=g)) for _ in range(count)]


@pytest.mark.parametrize("what", ["train", "validation"])
def test_a_generator_is_refused_by_name(compare: Any, what: str) -> None:
    with pytest.raises(nd.ProblemError, match=f"{what} is a generator.*only once"):
        compare(**{what: (b for b in batches(3))})


class Shrinking:
    """Gives one batch less each time."""

    def __init__(self) -> None:
        self.count = 9

    def __iter__(self) -> Any:
        self.count -= 1
        return iter(batches(self.count))


class KeepsItsIterator:
    def __init__(self) -> None:
        self._iterator = iter(batches(4))

    def __iter__(self) -> Any:
        return self._iterator


@pytest.mark.parametrize("train", [Shrinking(), KeepsItsIterator()], ids=["shrinking", "one iterator"])
def test_a_source_that_has_less_when_it_is_read_again_is_refused(compare: Any, train: Any) -> None:
    with pytest.raises(nd.ProblemError, match=r"read again"):
        compare(train=train, budget=3.0)


def test_a_callable_may_end_and_is_called_again_with_other_seeds(compare: Any) -> None:
    seeds = []

    def train(seed: int) -> Any:
        seeds.append(seed)
        return iter(batches(3))

    compare(train=train)
    assert len(set(seeds)) > 2


def test_epochs_are_counted_in_batches_and_accumulated(compare: Any) -> None:
    assert compare(train=batches(6), epochs=4, steps=None, accumulate=2).to_dict()["problem"]["steps"] == 12


def test_epochs_of_what_has_no_end_are_refused(compare: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr("normdescent._problem._LONGEST_COUNT", 0.2)
    endless = torch.utils.data.DataLoader(Endless(), batch_size=None)
    for train, message in ((lambda seed: itertools.cycle(batches(2)), "is a callable"), (endless, "no end; expected steps")):
        with pytest.raises(nd.ProblemError, match=message):
            compare(train=train, epochs=3, steps=None)


def test_candidates_see_the_same_data_and_draws_of_the_model_do_not_change_it() -> None:
    data = [(torch.tensor(float(i)),) for i in range(10)]
    loader = torch.utils.data.DataLoader(data, batch_size=2, shuffle=True)
    source = _batches.source("train", loader, None)
    quiet = [b[0].tolist() for b in itertools.islice(source.endless(5), 8)]
    noisy = []
    for batch in itertools.islice(source.endless(5), 8):
        torch.rand(11)
        noisy.append(batch[0].tolist())
    assert quiet == noisy
    assert quiet != [b[0].tolist() for b in itertools.islice(source.endless(6), 8)]
    assert quiet[:5] != quiet[5:8], "each pass has an order of its own"
