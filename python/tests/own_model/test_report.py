# SPDX-License-Identifier: Apache-2.0
"""The report: what it says, its faces, and the way back from a file."""

from __future__ import annotations

import json
import math
import re
from typing import Any

import normdescent as nd
import pytest
import torch
from torch import nn


@pytest.fixture(scope="module")
def report() -> Any:
    g = torch.Generator().manual_seed(0)
    x = torch.randn(64, 6, generator=g)
    data = torch.utils.data.TensorDataset(x, x[:, :2])
    return nd.compare(
        lambda: nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 2)),
        lambda model, batch: (model(batch[0]) - batch[1]).square().mean(),
        data, data, steps=200, batch_size=8, budget=2.0, seed=2, progress=False,
    )  # fmt: skip


def test_it_says_what_the_contract_names(report: Any) -> None:
    names = {"sgd-momentum", "adamw", "signsgd", "lion", "muon"}
    assert set(report.rates) == set(report.speedups) == names
    assert report.choice in names
    assert report.winner in {*names, None}
    assert report.lr == report.rates[report.choice] > 0.0
    assert {report.choice_in_time, report.choice_in_steps} <= names
    assert report.baseline == "adamw"
    for speedup in report.speedups.values():
        for interval in (speedup.steps, speedup.time):
            assert interval.basis in ("predicted", "measured")
            assert math.isnan(interval.value) or 0.0 < interval.low <= interval.value <= interval.high
    assert report.reasons
    assert report.complete


def test_the_cost_is_what_was_counted(report: Any) -> None:
    cost = report.cost
    assert cost.runs == pytest.approx((cost.gradients + cost.validation_batches / 3) / 200)
    assert cost["runs"] == cost.runs
    assert cost.gradients == sum(r["gradients"] for r in report.runs) + 1  # the checks take one
    assert cost.seconds > 0.0


@pytest.mark.parametrize("budget", ["0.25 run", "1 run"])
def test_a_budget_is_kept(compare: Any, budget: str) -> None:
    report = compare(budget=budget, steps=400, optimizers=None)
    wanted = float(budget.split()[0])
    assert 0.2 * wanted < report.cost.runs <= 1.2 * wanted


def test_no_runs_cost_nothing(compare: Any, loss: Any) -> None:
    def never(model: nn.Module, batch: Any) -> Any:
        raise AssertionError("nothing is trained")

    report = compare(None, never, budget="0 runs", optimizers=None)
    assert report.cost.runs == 0.0
    assert report.runs == []
    assert report.winner is None
    suggestion = nd.suggest(nn.Linear(6, 2), steps=40, batch_size=8)
    assert (suggestion.choice, suggestion.rates) == (report.choice, report.rates)


def test_a_budget_of_seconds_ends(compare: Any) -> None:
    report = compare(budget="2 s", steps=20000, optimizers=None)
    assert report.cost.seconds < 60.0, "20000 steps would take longer, and the race many times that"


def test_it_is_one_dict_with_faces(report: Any, tmp_path: Any) -> None:
    data = report.to_dict()
    assert json.loads(json.dumps(data, allow_nan=False)) == data
    assert data["schema"] == "normdescent.compare/1"
    folder = report.save(tmp_path / "out")
    assert json.loads((folder / "result.json").read_text()) == data
    page = (folder / "report.html").read_text()
    assert report.choice in page
    assert not re.search(r"https?://", page), "the page opens offline"
    again = nd.Comparison.load(folder)
    assert again == report
    assert str(again) == str(report)
    assert repr(again) == repr(report)
    assert report.choice in report._repr_html_()
    data["choice"] = "changed"
    assert report.choice != "changed"


def test_text_names_every_candidate_with_its_rate(report: Any) -> None:
    text = str(report)
    for name, lr in report.rates.items():
        assert re.search(rf"^{re.escape(name)} +{re.escape(f'{lr:.3g}')} ", text, re.M), text
    assert f"{report.cost.runs:.3g} training runs" in text
    assert repr(report).startswith(f"Comparison(winner={report.winner!r}, choice={report.choice!r}")


def test_numbers_reach_text_and_page(report: Any) -> None:
    s = report.speedups["muon"].steps
    assert f"{s.value:.2f} [{s.low:.2f}, {s.high:.2f}]" in str(report)
    assert f"{s.value:.2f} [{s.low:.2f}, {s.high:.2f}]" in report.to_html()


def test_markup_in_names_is_escaped(report: Any) -> None:
    data = report.to_dict()
    data["reasons"] = ["<script>alert(1)</script>"]
    assert "<script>" not in nd.Comparison.from_dict(data).to_html()


def test_a_file_of_something_else_is_refused(tmp_path: Any) -> None:
    (tmp_path / "result.json").write_text('{"schema": "other"}')
    with pytest.raises(ValueError, match=r"schema = 'other'; expected 'normdescent.compare/1'"):
        nd.Comparison.load(tmp_path)
    (tmp_path / "result.json").write_text("{")
    with pytest.raises(ValueError, match=r"is no JSON"):
        nd.Comparison.load(tmp_path)


def test_the_recipe_is_one_optimizer_with_its_schedule_and_the_code_makes_the_same(report: Any, tmp_path: Any) -> None:
    model = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 2))
    for given in (report, nd.Comparison.load(report.save(tmp_path / "out"))):
        optimizer = given.optimizer(model)
        assert isinstance(optimizer, torch.optim.Optimizer)
        assert {g["lr"] for g in optimizer.param_groups} == {given.lr}
        scheduler = given.scheduler(optimizer)
        scope: dict[str, Any] = {"model": model}
        exec(given.code(), scope)
        assert type(scope["optimizer"]) is type(optimizer)
        for _ in range(37):
            for o, s in ((optimizer, scheduler), (scope["optimizer"], scope["scheduler"])):
                o.step()
                s.step()
        assert scope["optimizer"].param_groups[0]["lr"] == pytest.approx(optimizer.param_groups[0]["lr"], rel=1e-5)


def test_the_choice_of_a_factory_is_called_again_but_no_file_holds_it(compare: Any, tmp_path: Any) -> None:
    def mine(named: Any, lr: float) -> torch.optim.Optimizer:
        return torch.optim.SGD([p for _, p in named], lr=lr, momentum=0.5)

    report = compare(optimizers={"mine": (mine, 0.05)}, baseline=(mine, 0.05), budget=1.0)
    assert report.optimizer(nn.Linear(6, 2)).param_groups[0]["momentum"] == 0.5
    again = nd.Comparison.load(report.save(tmp_path / "out"))
    with pytest.raises(nd.ProblemError, match=r"a factory of yours, which a file cannot hold"):
        again.optimizer(nn.Linear(6, 2))


def test_a_fixed_rate_and_a_baseline_at_its_rate_are_not_tuned(compare: Any) -> None:
    def today(named: Any, lr: float) -> torch.optim.Optimizer:
        return torch.optim.AdamW([p for _, p in named], lr=lr)

    report = compare(optimizers={"adamw": {"lr": 0.003, "weight_decay": 0.1}, "sgd": {}}, baseline=(today, 3e-4), budget=2.0)
    assert report.rates["adamw"] == 0.003
    assert report.rates["baseline"] == 3e-4
    assert {r["lr"] for r in report.runs if r["candidate"] == "baseline"} <= {3e-4}
    assert report.baseline == "baseline"


def test_more_budget_goes_on_where_a_report_stopped(compare: Any, tmp_path: Any) -> None:
    first = compare(budget=1.0, steps=100, out=tmp_path / "out", objective="steps")
    more = compare(budget=3.0, steps=100, resume=tmp_path / "out", objective="steps")
    assert more.cost.runs > first.cost.runs
    assert {r["id"]: r["final_loss"] for r in first.runs}.items() <= {r["id"]: r["final_loss"] for r in more.runs}.items()
    with pytest.raises(ValueError, match=r"resume: the saved report has steps = 100, this call 50"):
        compare(budget=3.0, steps=50, resume=tmp_path / "out")
    with pytest.raises(ValueError, match=r"resume: the saved report has .*expected the same optimizers"):
        compare(budget=3.0, steps=100, resume=tmp_path / "out", optimizers=["adamw"])


def test_a_figure_is_made_and_not_shown(report: Any) -> None:
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    axes = report.plot()
    assert axes.get_xscale() == "log"
    assert {line.get_label() for line in axes.get_lines()} <= set(report.rates)
    assert axes.get_lines()


def test_ctrl_c_keeps_what_was_measured(compare: Any, loss: Any) -> None:
    calls = [0]

    def interrupted(model: nn.Module, batch: Any) -> Any:
        calls[0] += 1
        if calls[0] == 70:
            raise KeyboardInterrupt
        return loss(model, batch)

    report = compare(None, interrupted, budget=5.0, steps=60)
    assert not report.complete
    assert len(report.runs) > 0
    assert "interrupted" in str(report)


def test_a_problem_holds_the_same_arguments(compare: Any, data: Any, loss: Any) -> None:
    problem = nd.Problem(
        lambda: nn.Linear(6, 2),
        loss,
        data,
        data,
        steps=40,
        batch_size=8,
        budget=1.0,
        optimizers=["sgd", "adamw"],
        seed=1,
        objective="steps",
    )
    assert nd.compare(problem, progress=False).rates == compare(objective="steps").rates
    with pytest.raises(TypeError, match=r"none of them beside it"):
        nd.compare(problem, loss, progress=False)
