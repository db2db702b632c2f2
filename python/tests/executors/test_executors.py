# SPDX-License-Identifier: Apache-2.0
"""Real pools of processes, one of which is killed in the middle: the same answer."""

from __future__ import annotations

import multiprocessing
import sys
import warnings
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")

import normdescent as nd  # noqa: E402

sys.path.insert(0, str(Path(__file__).parent))  # spawned workers get it, too
import executor_problem  # noqa: E402


def spawned() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn"))


def compare(loss: Any, executor: Any = None) -> Any:
    g = torch.Generator().manual_seed(0)
    x = torch.randn(48, 6, generator=g)
    data = torch.utils.data.TensorDataset(x, x[:, :2])
    loader = torch.utils.data.DataLoader(data, batch_size=8, shuffle=True, generator=torch.Generator().manual_seed(5))
    held = [(x[:16], x[:16, :2])]
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return nd.compare(
            executor_problem.make_model,
            loss,
            loader,
            held,
            steps=60,
            budget=1.0,
            optimizers=["sgd", "adamw"],
            seed=1,
            objective="steps",
            executor=executor,
            progress=False,
        )
    finally:
        torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def alone() -> Any:
    return compare(executor_problem.loss)


def same(report: Any, alone: Any) -> bool:
    def results(r: Any) -> dict[int, Any]:
        return {run["id"]: (run["candidate"], run["lr"], run["final_loss"]) for run in r.runs}

    return results(report) == results(alone) and report.rates == alone.rates and report.cost.runs == alone.cost.runs


def test_a_pool_gives_what_one_process_gives(alone: Any) -> None:
    with spawned() as pool:
        assert same(compare(executor_problem.loss, pool), alone)


def test_a_pool_that_loses_a_worker_is_made_anew(alone: Any, tmp_path: Path) -> None:
    report = compare(executor_problem.Killing(str(tmp_path / "killed")), spawned)
    assert (tmp_path / "killed").exists()
    assert same(report, alone)


def test_a_given_pool_that_breaks_is_replaced_by_this_process(alone: Any, tmp_path: Path) -> None:
    with spawned() as pool, pytest.warns(RuntimeWarning, match=r"lost its workers"):
        report = compare(executor_problem.Killing(str(tmp_path / "killed")), pool)
    assert same(report, alone)


def test_dask_goes_on_when_a_worker_is_killed(alone: Any, tmp_path: Path) -> None:
    distributed = pytest.importorskip("distributed")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with (
            distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster,
            distributed.Client(cluster) as client,
        ):
            assert same(compare(executor_problem.loss, client.get_executor(pure=False)), alone)
            report = compare(executor_problem.Killing(str(tmp_path / "killed")), client.get_executor(pure=False))
            assert (tmp_path / "killed").exists()
            assert same(report, alone)
