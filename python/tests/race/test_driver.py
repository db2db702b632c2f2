# SPDX-License-Identifier: Apache-2.0
"""The driver of the planner: every run told once, whoever made it, in whatever order."""

from __future__ import annotations

import random
import time
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")


def planner_class() -> Any:
    """From the file beside this one: test modules are imported by path."""
    scope: dict[str, Any] = {"__name__": "fake_planner"}
    exec((Path(__file__).parent / "fake_planner.py").read_text(), scope)
    return scope["Planner"]


@pytest.fixture
def run(monkeypatch: Any) -> Any:
    import normdescent as nd
    from normdescent import _core

    monkeypatch.setattr(_core, "Planner", planner_class())
    g = torch.Generator().manual_seed(0)
    x = torch.randn(48, 6, generator=g)
    data = torch.utils.data.TensorDataset(x, x[:, :2])

    def compare(**options: Any) -> Any:
        loss = options.pop("loss", lambda model, batch: (model(batch[0]) - batch[1]).square().mean())
        given = {
            "steps": 40,
            "batch_size": 8,
            "budget": 1.0,
            "optimizers": ["sgd", "adamw", "signsgd"],
            "seed": 1,
            "progress": False,
        }
        return nd.compare(lambda: torch.nn.Linear(6, 2), loss, data, data, **{**given, **options})

    return compare


class Shuffling:
    """An executor that runs its tasks at once, gives them back in any order, and loses some."""

    max_workers = 4

    def __init__(self, seed: int, losses: int, error: BaseException) -> None:
        self.random = random.Random(seed)
        self.losses = losses
        self.error = error
        self.submitted = 0

    def submit(self, function: Any, *arguments: Any) -> Any:
        self.submitted += 1
        future = Later(self.random.random() * 0.02)
        if self.losses and self.random.random() < 0.4:
            self.losses -= 1
            future.set_exception(self.error)
        else:
            # pickled, as for a worker elsewhere
            future.set_result(function(*arguments))
        return future

    def shutdown(self, **_: Any) -> None:
        pass


class Later:
    """A future of another make than concurrent.futures': it can only be asked."""

    def __init__(self, wait: float) -> None:
        self._future: Future[Any] = Future()
        self._ready = time.monotonic() + wait

    def done(self) -> bool:
        return time.monotonic() > self._ready

    def __getattr__(self, name: str) -> Any:
        return getattr(self._future, name)


def results(report: Any) -> dict[int, Any]:
    return {r["id"]: (r["candidate"], r["lr"], r["final_loss"]) for r in report.runs}


class KilledWorker(Exception):
    """Dask's, by name."""


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("error", [BrokenProcessPool("gone"), KilledWorker("gone")], ids=["broken pool", "killed worker"])
def test_any_order_and_lost_runs_change_nothing(run: Any, seed: int, error: BaseException, monkeypatch: Any) -> None:
    from normdescent import _race

    # Not to be pickled: a closure of this test.
    problems: dict[bytes, Any] = {}

    def kept(training: Any, candidates: Any) -> bytes:
        problems[b"1"] = (training, candidates)
        return b"1"

    monkeypatch.setattr(_race, "_pickled", kept)
    monkeypatch.setattr(_race.pickle, "loads", problems.__getitem__)
    executor = Shuffling(seed, 3, error)
    report, expected = run(executor=executor), run()
    assert results(report) == results(expected)
    assert report.rates == expected.rates
    assert report.cost.runs == expected.cost.runs
    assert executor.submitted > len(report.runs)


def test_a_worker_that_raises_ends_the_race_with_the_users_exception(run: Any) -> None:
    from concurrent.futures import ThreadPoolExecutor

    calls = [0]

    def loss(model: Any, batch: Any) -> Any:
        calls[0] += 1
        if calls[0] == 12:
            raise KeyError("twelfth")
        return (model(batch[0]) - batch[1]).square().mean()

    with ThreadPoolExecutor(3) as pool, pytest.raises(KeyError, match=r"twelfth") as caught:
        run(executor=pool, loss=loss)
    assert any("lr" in note for note in caught.value.__notes__)


def test_threads_give_what_one_process_gives(run: Any) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(3) as pool:
        assert results(run(executor=pool)) == results(run())


def test_when_time_is_over_the_answer_is_made_of_what_is_there(run: Any) -> None:
    calls = [0]

    def slower(model: Any, batch: Any) -> Any:
        # Ten times as slow as it was when its time was measured.
        calls[0] += 1
        time.sleep(0.002 if calls[0] < 10 else 0.02)
        return (model(batch[0]) - batch[1]).square().mean()

    start = time.monotonic()
    report = run(loss=slower, budget="1 s", steps=200)
    assert time.monotonic() - start < 8.0
    assert report.choice in report.rates
    assert any("time was over" in reason for reason in report.reasons)


def test_every_run_that_raises_is_an_error_of_the_users(run: Any) -> None:
    import normdescent as nd

    def loss(model: Any, batch: Any) -> Any:
        if not torch.equal(model.bias, start):
            raise ValueError("weights have moved")
        return (model(batch[0]) - batch[1]).square().mean()

    torch.manual_seed(0)
    start = torch.zeros(2)

    class Zero(torch.nn.Linear):
        def __init__(self) -> None:
            super().__init__(6, 2)
            torch.nn.init.zeros_(self.bias)

    g = torch.Generator().manual_seed(0)
    data = [(torch.randn(8, 6, generator=g), torch.randn(8, 2, generator=g)) for _ in range(5)]
    with pytest.raises(nd.ProblemError, match=r"every run at every learning rate ended with an exception.*weights have moved"):
        nd.compare(Zero, loss, data, data, steps=40, budget=1.0, optimizers=["sgd", "adamw"], progress=False)
