# SPDX-License-Identifier: Apache-2.0
"""Nothing of the user's moves: module, random streams, loader."""

from __future__ import annotations

import pickle
import random
from typing import Any

import normdescent as nd
import numpy
import pytest
import torch
from torch import nn


class Lived(nn.Module):
    """A module with everything that can be forgotten: statistics, a buffer outside the state dict, a counter, mixed modes."""

    def __init__(self) -> None:
        super().__init__()
        self.inp, self.norm, self.asleep, self.out = nn.Linear(6, 8), nn.BatchNorm1d(8), nn.BatchNorm1d(8), nn.Linear(8, 2)
        self.register_buffer("seen", torch.zeros(8), persistent=False)
        self.calls = 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        h = self.asleep(self.norm(self.inp(x)))
        if self.training:
            self.seen += h.detach().abs().mean(0)
        return self.out(h.relu())


def picture(model: Lived) -> list[Any]:
    def bits(t: torch.Tensor) -> bytes:
        return t.detach().numpy().tobytes()

    return [
        [
            (n, id(p), bits(p), p.requires_grad, None if p.grad is None else (id(p.grad), bits(p.grad)))
            for n, p in model.named_parameters()
        ],
        [(n, bits(b)) for n, b in model.named_buffers()],
        [(n, m.training) for n, m in model.named_modules()],
        model.calls,
    ]


@pytest.fixture
def lived(data: Any, loss: Any) -> Lived:
    model = Lived()
    loss(model, data[:]).backward()
    model.out.bias.grad = None
    model.asleep.eval()
    return model


def test_compare_leaves_a_module_as_it_was(compare: Any, lived: Lived) -> None:
    before = picture(lived)
    compare(lived)
    assert picture(lived) == before


def test_so_it_is_after_an_exception(compare: Any, lived: Lived, loss: Any) -> None:
    before, calls = picture(lived), [0]

    def fails(model: nn.Module, batch: Any) -> Any:
        calls[0] += 1
        if calls[0] == 9:
            raise KeyError("ninth")
        return loss(model, batch)

    with pytest.raises(KeyError, match=r"ninth") as caught:
        compare(lived, fails)
    assert "lr" in " ".join(caught.value.__notes__)
    assert picture(lived) == before


def test_a_loss_that_uses_another_module_is_refused_and_that_one_is_put_back(compare: Any, lived: Lived, data: Any) -> None:
    before = picture(lived)
    with pytest.raises(nd.ProblemError, match=r"no gradient to any trainable parameter"):
        compare(lived, lambda model, batch: (lived(batch[0]) - batch[1]).square().mean())
    after = picture(lived)
    assert after[:3] == before[:3]  # the counter is the loss's own doing


class Drawing(torch.utils.data.Dataset):  # type: ignore[type-arg]
    """Examples with augmentation from NumPy's and Python's streams."""

    def __len__(self) -> int:
        return 40

    def __getitem__(self, i: int) -> Any:
        x = torch.full((6,), i / 40) + torch.from_numpy(numpy.random.randn(6)).float() + random.random()
        return x, x[:2]


def streams() -> list[Any]:
    return [torch.get_rng_state().tolist(), pickle.dumps(numpy.random.get_state()), random.getstate()]


def test_random_streams_stand_where_they_stood(compare: Any) -> None:
    torch.rand(3), numpy.random.rand(2), random.random()
    before = streams()
    compare(lambda: nn.Sequential(nn.Linear(6, 8), nn.Dropout(0.3), nn.Linear(8, 2)), train=Drawing(), validation=Drawing())
    assert streams() == before


def test_generators_and_samplers_of_a_loader_go_on_as_if_nothing_had_been(compare: Any, data: Any) -> None:
    class Counting(torch.utils.data.RandomSampler):
        passes = 0

        def __iter__(self) -> Any:
            self.passes += 1
            return super().__iter__()

    generator = torch.Generator().manual_seed(4)
    sampler = Counting(data, generator=generator)
    loader = torch.utils.data.DataLoader(data, batch_size=8, sampler=sampler, generator=torch.Generator().manual_seed(5))
    before = generator.get_state(), loader.generator.get_state(), dict(vars(sampler))
    compare(train=loader)
    assert torch.equal(generator.get_state(), before[0])
    assert torch.equal(loader.generator.get_state(), before[1])
    assert sampler.passes == 0
    assert loader._iterator is None


def test_a_loop_in_progress_over_the_same_loader_is_not_disturbed(compare: Any, data: Any) -> None:
    loader = torch.utils.data.DataLoader(data, batch_size=8, shuffle=True, generator=torch.Generator().manual_seed(7))
    torch.manual_seed(3)
    expected = [b[0] for b in loader]
    loader.generator.manual_seed(7)
    torch.manual_seed(3)
    found = []
    for i, batch in enumerate(loader):
        if i == 2:
            compare(train=loader)
        found.append(batch[0])
    assert all(torch.equal(a, b) for a, b in zip(expected, found, strict=True))


def test_the_same_seed_repeats_whatever_happens_in_between(compare: Any, data: Any, loss: Any) -> None:
    loader = torch.utils.data.DataLoader(data, batch_size=8, shuffle=True)

    def answer(seed: int) -> tuple[list[float], dict[str, float]]:
        seen: list[float] = []

        def noted(model: nn.Module, batch: Any) -> Any:
            value = loss(model, batch)
            seen.append(value.item())
            return value

        report = compare(
            lambda: nn.Sequential(nn.Linear(6, 8), nn.Dropout(0.2), nn.Linear(8, 2)), noted, loader, seed=seed, objective="steps"
        )
        return seen, report.rates

    torch.manual_seed(1)
    first = answer(3)
    torch.rand(17)
    assert answer(3) == first
    assert answer(4)[0][:10] != first[0][:10]


def test_progress_false_leaves_no_file_and_no_output(compare: Any, tmp_path: Any, monkeypatch: Any, capfd: Any) -> None:
    monkeypatch.chdir(tmp_path)
    compare()
    assert list(tmp_path.iterdir()) == []
    assert capfd.readouterr() == ("", "")
