# SPDX-License-Identifier: Apache-2.0
"""`compare`: which optimizer, at which rate, on a model of one's own."""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from . import _candidates, _gradient_noise
from ._comparison import Comparison
from ._features import features
from ._problem import Budget, Prepared, Problem, prepare
from ._progress import Progress
from ._race import Race
from ._seeds import derive
from ._training import Counts

__all__ = ["Comparison", "Problem", "compare", "suggest"]

_CUSTOM_GUESS = 1e-3  # the first rate of a factory that came without one
_MOST_VALIDATION_BATCHES = 64
_VALIDATION_SHARE = 0.1  # of the budget, for some twenty evaluations
_EVALUATIONS = 20
_CLOCK_MARGIN = 1.1  # a run's seconds over its steps' seconds


def compare(
    make_model: Any,
    loss: Callable[[nn.Module, Any], torch.Tensor] | None = None,
    train: Any = None,
    validation: Any = None,
    *,
    steps: int | None = None,
    epochs: float | None = None,
    batch_size: int | None = None,
    optimizers: Any = None,
    baseline: Any = "adamw",
    budget: Any = "0.25 run",
    objective: str = "auto",
    schedule: Callable[[torch.optim.Optimizer, int], Any] | None = None,
    metric: Callable[[nn.Module, Any], float] | None = None,
    clip: float | None = None,
    accumulate: int = 1,
    autocast: torch.dtype | None = None,
    seed: int = 0,
    executor: Any = None,
    out: str | os.PathLike[str] | None = None,
    resume: Any = None,
    progress: bool | None = None,
) -> Comparison:
    """Which optimizer, at which learning rate, for `steps` steps of this training, from a fraction of one run.

    make_model  a callable that builds the module (seeds are set before each call), or a module, which is copied and left as found
    loss        loss(model, batch) -> scalar tensor, the mean over the batch
    train       a DataLoader, a Dataset with batch_size, an iterable of batches that can be read again, or a callable train(seed)
                that gives a (possibly endless) iterator of batches
    validation  the same, finite; a fixed part of it is evaluated in eval mode without gradients
    metric      metric(model, batch) -> float, lower is better, in place of the loss on validation data
    steps, epochs   the horizon asked about, one of them
    optimizers  names, or a mapping from names to options (an lr given is fixed) or to (factory, lr) with
                factory(named_parameters, lr) -> torch.optim.Optimizer
    baseline    a name, or (factory, lr): what is used today, at its rate
    budget      "0 runs", "0.25 run", a number of runs, "10 min", or "all"
    objective   "auto": fewest steps unless another is faster by the clock by more than a quarter; "steps"; "time"
    schedule    a factory (optimizer, steps) -> torch LR scheduler; default: linear warm-up over a tenth, then cosine to zero
    clip        greatest gradient norm, or None
    accumulate  micro-batches that are averaged for a step
    autocast    a torch dtype, or None
    executor    a concurrent.futures.Executor, or a callable that makes one
    out         a folder for result.json and report.html
    resume      a report, or the folder of a saved one, to be continued with a larger budget

    A `Problem` may stand in the place of the first four and of what it holds.
    """
    if isinstance(make_model, Problem):
        if any(
            v is not None
            for v in (loss, train, validation, steps, epochs, batch_size, optimizers, metric, schedule, clip, autocast)
        ):
            raise TypeError(
                "compare(problem) takes model, loss, data and their options from the Problem; expected none of them beside it"
            )
        problem = make_model
    else:
        missing = [name for name, value in (("loss", loss), ("train", train), ("validation", validation)) if value is None]
        if missing:
            raise TypeError(
                f"compare() misses {', '.join(missing)}; expected compare(make_model, loss, train, validation, steps=...)"
            )
        problem = Problem(
            make_model,
            loss,
            train,
            validation,
            steps=steps,
            epochs=epochs,
            batch_size=batch_size,
            metric=metric,
            optimizers=optimizers,
            baseline=baseline,
            budget=budget,
            objective=objective,
            schedule=schedule,
            clip=clip,
            accumulate=accumulate,
            autocast=autocast,
            seed=seed,
        )
    return compare_problem(problem, executor=executor, out=out, resume=resume, progress=progress)


def _no_loss(model: nn.Module, batch: Any) -> torch.Tensor:
    raise AssertionError("nothing is trained")


def suggest(
    model: Any,
    *,
    steps: int,
    batch_size: int | None = None,
    optimizers: Any = None,
    baseline: Any = "adamw",
    objective: str = "auto",
) -> Comparison:
    """What is known of other problems about a model: a choice and rates, without a training step.

    model       a module, which is looked at only, or a callable that makes one
    steps       the horizon, in optimizer steps of batch_size examples
    The report is that of compare(..., budget="0 runs").
    """
    problem = Problem(
        model,
        _no_loss,
        [None],
        steps=steps,
        batch_size=batch_size,
        optimizers=optimizers,
        baseline=baseline,
        objective=objective,
        budget="0 runs",
    )
    return compare_problem(problem, progress=False)


def compare_problem(
    problem: Problem, *, executor: Any = None, out: Any = None, resume: Any = None, progress: bool | None = None
) -> Comparison:
    start = time.monotonic()
    candidates, baseline = _candidates.parse(problem.optimizers, problem.baseline)
    previous = _previous(resume)
    with Progress(progress, "normdescent compare") as shown, problem.left_as_found():
        if problem.budget.runs == 0.0:
            report = _without_a_run(problem, candidates, baseline, start)
        else:
            report = _with_runs(problem, candidates, baseline, executor, previous, shown, start)
    if out is not None:
        report.save(out)
    return report


def _previous(resume: Any) -> Comparison | None:
    if resume is None or isinstance(resume, Comparison):
        return resume
    if isinstance(resume, (str, os.PathLike)):
        return Comparison.load(Path(resume))
    raise TypeError(f"resume is a {type(resume).__name__}; expected a report or the folder of a saved one")


def _planner(candidates: list[_candidates.Candidate], options: dict[str, Any]) -> Any:
    from . import _core

    known = json.loads(_core.policy_text())["kinds"]
    rows = []
    for candidate in candidates:
        row = candidate.row()
        if row["kind"] != "custom" and row["kind"] not in known:
            # An optimizer of the catalog that no race has taught anything about.
            row["lr"] = row["lr"] or _candidates.default_rate(row["kind"])
            row["kind"] = "custom"
        if row["kind"] == "custom":
            row["lr"] = row["lr"] or _CUSTOM_GUESS
        rows.append(row)
    return _core.Planner(rows, options)


def _without_a_run(problem: Problem, candidates: list[_candidates.Candidate], baseline: str, start: float) -> Comparison:
    """What is known beforehand: the model is looked at, nothing is trained."""
    first_seed = derive(problem.seed, "model", 0)
    problem.models.check(first_seed)
    model = problem.models.make(first_seed, lambda _: None)
    steps = problem.steps()
    found = features(model, problem.batch_size)
    planner = _planner(
        candidates,
        {
            "steps": steps,
            "budget_runs": 0.0,
            "seed": problem.seed,
            "objective": problem.objective,
            "baseline": baseline,
            "features": found,
        },
    )
    description = {
        "model": type(model).__name__,
        "parameters": int(found["parameters"]),
        "steps": steps,
        "accumulate": problem.accumulate,
        "seed": problem.seed,
        "batch_size": problem.batch_size,
    }
    return _report(problem, candidates, baseline, planner, None, description, Counts(), start, found)


def _with_runs(
    problem: Problem,
    candidates: list[_candidates.Candidate],
    baseline: str,
    executor: Any,
    previous: Comparison | None,
    shown: Progress,
    start: float,
) -> Comparison:
    budget = problem.budget
    shown.show(0.0, "checks")
    batches = None if previous is None else int(previous.to_dict()["problem"]["validation_batches"])
    prepared = prepare(problem, lambda steps: batches or _validation_limit(budget, steps * problem.accumulate), candidates)
    run = prepared.steps * problem.accumulate
    runs, deadline = _runs_of(budget, prepared, problem, start)
    found = prepared.features
    spent = (prepared.counts.gradients + prepared.counts.validation_batches / 3.0) / run
    options = {
        "steps": prepared.steps,
        "budget_runs": runs,
        "spent_runs": spent,
        "seed": problem.seed % 2**32,
        "objective": problem.objective,
        "baseline": baseline,
        "features": found,
        "validation_batches": prepared.description["validation_batches"],
        "accumulate": problem.accumulate,
    }
    records: list[dict[str, Any]] = []
    if previous is None:
        planner, counts = _planner(candidates, options), Counts()
    else:
        planner, records, counts = _continued(previous, problem, prepared, candidates, runs)
    counts.add(prepared.counts)
    race = Race(
        planner,
        prepared.training,
        {c.name: c for c in candidates},
        prepared.first_loss,
        prepared.steps,
        counts,
        shown,
        runs,
        executor=executor,
        deadline=deadline,
        records=records,
    )
    race.drive()
    return _report(problem, candidates, baseline, planner, race, prepared.description, race.counts, start, found, previous)


def _validation_limit(budget: Budget, run: int) -> int:
    """Validation batches in an evaluation: a tenth of the budget for all evaluations together."""
    runs = budget.runs if budget.runs is not None else 0.5
    if budget.text == "all":
        return _MOST_VALIDATION_BATCHES
    return min(_MOST_VALIDATION_BATCHES, max(1, round(_VALIDATION_SHARE * runs * run * 3.0 / _EVALUATIONS)))


def _runs_of(budget: Budget, prepared: Prepared, problem: Problem, start: float) -> tuple[float, float | None]:
    """The budget in runs, and the moment when it ends: minutes are runs of the model's own forward and backward passes."""
    if budget.runs is not None:
        return budget.runs, None
    if budget.seconds is None:
        return math.inf, None
    seconds = _seconds_of_a_micro_batch(prepared)
    left = max(0.0, budget.seconds - (time.monotonic() - start))
    run = prepared.steps * problem.accumulate * seconds * _CLOCK_MARGIN
    spent = (prepared.counts.gradients + prepared.counts.validation_batches / 3.0) / (prepared.steps * problem.accumulate)
    return spent + left / max(run, 1e-9), start + budget.seconds


def _seconds_of_a_micro_batch(prepared: Prepared) -> float:
    """The faster of two short AdamW runs' steps, checks included in the cost."""
    training = prepared.training
    adamw = _candidates.Candidate("adamw", "adamw")
    request = {"lr": 1e-6, "steps": 5, "seed": 0, "evaluations": 1}
    held, training.validation = training.validation, None
    try:
        result = training.run(request, adamw, prepared.first_loss)
    finally:
        training.validation = held
    prepared.counts.gradients += result["gradients"]
    return float(result["forward_backward"] + result["optimizer"]) / training.accumulate


def _continued(
    previous: Comparison, problem: Problem, prepared: Prepared, candidates: list[_candidates.Candidate], runs: float
) -> tuple[Any, list[dict[str, Any]], Counts]:
    from . import _core

    data = previous.to_dict()
    then, now = (
        data["problem"],
        {
            "steps": prepared.steps,
            "seed": problem.seed,
            "accumulate": problem.accumulate,
            "parameters": prepared.description["parameters"],
        },
    )
    for name, value in now.items():
        if then[name] != value:
            raise ValueError(f"resume: the saved report has {name} = {then[name]}, this call {value}; expected the same problem")
    if set(data["candidates"]) != {c.name for c in candidates}:
        raise ValueError(
            f"resume: the saved report has {', '.join(data['candidates'])}; expected the same optimizers and baseline"
        )
    if not math.isclose(then["first_loss"], prepared.first_loss, rel_tol=1e-4, abs_tol=1e-12):
        raise ValueError(
            f"resume: the loss before training is {prepared.first_loss:.6g}, in the saved report {then['first_loss']:.6g}; "
            "expected the same model and data"
        )
    planner = _core.Planner.from_state(data["planner"])
    planner.set_budget(runs)
    cost = data["cost"]
    return planner, data["runs"], Counts(cost["gradients"], cost["validation_batches"])


def _report(
    problem: Problem,
    candidates: list[_candidates.Candidate],
    baseline: str,
    planner: Any,
    race: Race | None,
    description: dict[str, Any],
    counts: Counts,
    start: float,
    found: Mapping[str, float],
    previous: Comparison | None = None,
) -> Comparison:
    decision = dict(planner.decision())
    if race is not None:
        _refuse_if_all_raised(race)
    run = description["steps"] * problem.accumulate
    seconds = time.monotonic() - start + (previous.cost.seconds if previous is not None else 0.0)
    rows: dict[str, dict[str, Any]] = {}
    for candidate in candidates:
        row = {**candidate.described(), **dict(decision["candidates"][candidate.name])}
        row["rates_fixed"] = candidate.rates_fixed
        if candidate.rates_fixed and candidate.lr is not None:
            row.update(lr=candidate.lr, lr_low=candidate.lr, lr_high=candidate.lr)
        row["given_lr"] = candidate.lr
        if race is not None:
            mine = [r for r in race.records if r["candidate"] == candidate.name]
            row["runs"] = len(mine)
            row["seconds_per_step"] = next((r["seconds_per_step"] for r in mine), None)
            row["state_bytes"] = max((r["state_bytes"] for r in mine), default=None)
        rows[candidate.name] = row
    reasons = [str(r) for r in decision["reasons"]]
    if race is not None:
        reasons += race.notes
    batch = float((description.get("batch_size") or 1) * problem.accumulate)
    critical = _critical_batch(race, decision["choice"], batch)
    if race is not None and description.get("batch_size"):
        reasons.append(_gradient_noise.sentence(critical, batch))
    data: dict[str, Any] = {
        "schema": Comparison.schema,
        "version": _version(),
        "complete": race.complete if race is not None else True,
        "winner": decision["winner"],
        "choice": decision["choice"],
        "lr": rows[decision["choice"]]["lr"],
        "choice_in_steps": decision["choice_in_steps"],
        "choice_in_time": decision["choice_in_time"],
        "baseline": baseline,
        "objective": problem.objective,
        "budget": problem.budget.text,
        "candidates": rows,
        "reasons": reasons,
        "expected_gain_of_more": decision.get("expected_gain_of_more"),
        "default": decision.get("default"),
        "critical_batch": critical,
        "cost": {
            "runs": (counts.gradients + counts.validation_batches / 3.0) / run,
            "seconds": seconds,
            "gradients": counts.gradients,
            "validation_batches": counts.validation_batches,
        },
        "problem": {
            **description,
            "first_loss": race.first_loss if race is not None else None,
            "judged_by": "metric" if problem.metric is not None else "loss",
            "schedule": "default" if problem.schedule is None else "factory",
            "clip": problem.clip,
            "autocast": None if problem.autocast is None else str(problem.autocast),
            "features": dict(found),
        },
        "runs": race.records if race is not None else [],
        "planner": planner.state(),
    }
    return Comparison(data, {c.name: c for c in candidates}, problem.schedule)


def _critical_batch(race: Race | None, choice: str, batch: float) -> dict[str, Any] | None:
    """From the longest runs of the choice."""
    if race is None:
        return None
    mine = sorted((r for r in race.records if r["candidate"] == choice and r["gradient_pairs"]), key=lambda r: -r["steps"])
    pairs = [pair for r in mine[:4] for pair in r["gradient_pairs"]]
    return _gradient_noise.critical_batch(pairs, batch)


def _refuse_if_all_raised(race: Race) -> None:
    """Exceptions in every run are no divergence of one rate."""
    raised = [r["exception"] for r in race.records if r["exception"]]
    if raised and len(raised) == len(race.records) and len(raised) > 2:
        from ._errors import ProblemError

        raise ProblemError(f"every run at every learning rate ended with an exception, the first with {raised[0]}")


def _version() -> str:
    try:
        from importlib.metadata import version

        return version("normdescent")
    except Exception:
        return "unknown"
