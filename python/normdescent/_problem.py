# SPDX-License-Identifier: Apache-2.0
"""The arguments of a comparison: checked, held together, and made ready to train."""

from __future__ import annotations

import difflib
import math
import re
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, fields
from typing import Any

import torch
from torch import nn

from . import _batches, _candidates, _schedule
from ._errors import ProblemError, add_note
from ._features import features
from ._model import ModelSource, left_as_found, trainable
from ._seeds import derive, seed_everything, streams_left_as_found
from ._training import Counts, Training, device_of

OBJECTIVES = ("auto", "steps", "time")
_LONGEST_COUNT = 60.0  # seconds for counting the batches of an epoch
_UNITS = {"s": 1.0, "sec": 1.0, "second": 1.0, "min": 60.0, "minute": 60.0, "h": 3600.0, "hour": 3600.0}


@dataclass(frozen=True)
class Budget:
    """What an answer may cost: training runs, or seconds, or (both None) all that helps."""

    runs: float | None
    seconds: float | None
    text: str

    @staticmethod
    def parse(value: Any) -> Budget:
        wanted = 'expected "0.25 run", a number of runs, "10 min" or "all"'
        if isinstance(value, bool) or not isinstance(value, (int, float, str)):
            raise TypeError(f"budget is a {type(value).__name__}; {wanted}")
        if isinstance(value, (int, float)):
            if not (math.isfinite(value) and value >= 0):
                raise ValueError(f"budget = {value}; {wanted}, not negative")
            return Budget(float(value), None, _runs(float(value)))
        text = value.strip().lower()
        if text == "all":
            return Budget(None, None, text)
        match = re.fullmatch(r"([0-9]*\.?[0-9]+(?:e[-+]?[0-9]+)?)\s*([a-z]*)", text)
        if match is None:
            raise ValueError(f"budget = {value!r}; {wanted}")
        number, unit = float(match[1]), match[2]
        if unit in ("", "run", "runs"):
            return Budget(number, None, _runs(number))
        seconds = _UNITS.get(unit, _UNITS.get(unit.rstrip("s")) if unit != "s" else 1.0)
        if seconds is None:
            raise ValueError(f"budget = {value!r} has the unit {unit!r}; {wanted}")
        return Budget(None, number * seconds, f"{number:g} {unit}")


def _runs(number: float) -> str:
    return f"{number:g} run" if number in (0.25, 0.5, 1.0) else f"{number:g} runs"


def checked_objective(value: Any) -> str:
    """One of OBJECTIVES, or a ValueError with the nearest."""
    if value not in OBJECTIVES:
        near = difflib.get_close_matches(str(value), OBJECTIVES, 1)
        hint = f" (did you mean {near[0]}?)" if near else ""
        raise ValueError(f"objective = {value!r}; expected one of {', '.join(OBJECTIVES)}{hint}")
    return str(value)


class Problem:
    """A model, a loss, data and what is asked about them: the arguments of `compare`, held together.

    A script's `make_problem()` returns one for `normdescent compare script.py:make_problem`.
    """

    __module__ = "normdescent"

    def __init__(
        self,
        make_model: Any,
        loss: Any,
        train: Any,
        validation: Any = None,
        *,
        steps: int | None = None,
        epochs: float | None = None,
        batch_size: int | None = None,
        metric: Callable[[nn.Module, Any], float] | None = None,
        optimizers: Any = None,
        baseline: Any = "adamw",
        budget: Any = "0.25 run",
        objective: str = "auto",
        schedule: _schedule.Schedule | None = None,
        clip: float | None = None,
        accumulate: int = 1,
        autocast: torch.dtype | None = None,
        seed: int = 0,
    ) -> None:
        if not callable(loss) or isinstance(loss, type):
            what = loss.__name__ if isinstance(loss, type) else type(loss).__name__
            raise TypeError(f"loss is {what}; expected a function loss(model, batch) that returns a scalar tensor")
        self.make_model = make_model
        self.models = ModelSource(make_model)
        self.loss = loss
        self.metric = _callable_or_none("metric", metric)
        self.batch_size = _whole("batch_size", batch_size, optional=True)
        self.train = _batches.source("train", train, self.batch_size)
        self.validation = None if validation is None else _batches.source("validation", validation, self.batch_size)
        if (steps is None) == (epochs is None):
            raise TypeError(f"steps = {steps}, epochs = {epochs}; expected exactly one of them: the horizon asked about")
        self._steps: int | None = _whole("steps", steps, optional=True)
        self._epochs = None if epochs is None else _positive("epochs", epochs)
        self.optimizers = optimizers
        self.baseline = baseline
        self.budget = Budget.parse(budget)
        self.objective = checked_objective(objective)
        self.schedule = _callable_or_none("schedule", schedule)
        self.clip = None if clip is None else _positive("clip", clip)
        self.accumulate: int = _whole("accumulate", accumulate)
        if autocast is not None and not (isinstance(autocast, torch.dtype) and autocast.is_floating_point):
            raise TypeError(f"autocast is {autocast!r}; expected a torch dtype such as torch.bfloat16, or None")
        self.autocast = autocast
        if isinstance(seed, bool) or not isinstance(seed, int):
            raise TypeError(f"seed is a {type(seed).__name__}; expected an int")
        self.seed = seed

    def steps(self) -> int:
        """The horizon in optimizer steps; epochs are counted, by reading the data once if it has no length."""
        if self._steps is not None:
            return self._steps
        assert self._epochs is not None
        batches = self.train.length()
        if batches is None:
            batches = self._counted()
        steps: int = round(self._epochs * batches / self.accumulate)
        if steps < 1:
            raise ProblemError(
                f"epochs = {self._epochs:g} of {batches} batches, {self.accumulate} a step, are no step; expected at least one"
            )
        return steps

    def _counted(self) -> int:
        """Batches of a pass, read to its end; what may be endless is refused, so that nothing hangs."""
        end = time.monotonic() + _LONGEST_COUNT
        count = 0
        if self.train.may_be_endless:
            raise ProblemError("epochs: train is a callable, whose passes have no length; expected steps")
        for _ in self.train.counted_epoch(derive(self.seed, "count")):
            count += 1
            if time.monotonic() > end:
                raise ProblemError(f"epochs: train gave {count} batches in {_LONGEST_COUNT:g} s and no end; expected steps")
        return count

    @contextmanager
    def left_as_found(self) -> Iterator[None]:
        """The user's module, loaders and random streams stand afterwards where they stood."""
        with ExitStack() as stack:
            stack.enter_context(streams_left_as_found())
            stack.enter_context(self.train.left_as_found())
            if self.validation is not None:
                stack.enter_context(self.validation.left_as_found())
            if self.models.module is not None:
                stack.enter_context(left_as_found(self.models.module))
            yield


@dataclass
class Prepared:
    """A problem that has passed its checks."""

    training: Training
    steps: int
    counts: Counts  # of the checks
    first_loss: float
    description: dict[str, Any]
    features: dict[str, float]  # what is known of other problems is looked up by them


def prepare(problem: Problem, validation_limit: Callable[[int], int] | None, candidates: list[_candidates.Candidate]) -> Prepared:
    """Checks everything that can be checked with one gradient and one evaluation.

    validation_limit(steps)   validation batches in an evaluation, at most; None: nothing is judged
    """
    seed_everything(derive(problem.seed, "checks"))
    steps = problem.steps()
    _schedule.check(problem.schedule, steps)
    training = Training(
        problem.models,
        problem.loss,
        problem.train,
        None,
        problem.metric,
        problem.schedule,
        problem.clip,
        problem.accumulate,
        problem.autocast,
        problem.seed,
    )
    first_seed = derive(problem.seed, "model", 0)
    try:
        problem.models.check(first_seed)
    except ProblemError:
        raise
    except Exception as error:
        add_note(error, "in make_model()")
        raise
    counts = Counts()
    description, found = _check_first_step(training, candidates, counts)
    description.update(steps=steps, accumulate=problem.accumulate, seed=problem.seed)
    if problem.batch_size is not None:
        description["batch_size"] = found["batch_size"] = problem.batch_size
    if validation_limit is None:
        return Prepared(training, steps, counts, math.nan, description, found)
    if problem.validation is None:
        raise TypeError(
            "validation is None; expected held-out data: a DataLoader, a Dataset with batch_size, or an iterable of batches"
        )
    training.validation = _batches.FixedPart(
        problem.validation, max(1, validation_limit(steps)), derive(problem.seed, "validation")
    )
    first_loss = _first_evaluation(training, counts)
    if not math.isfinite(first_loss):
        what = "metric" if problem.metric is not None else "loss"
        raise ProblemError(f"the {what} on validation data is {first_loss} before training; expected a finite number")
    description.update(validation_batches=training.validation.count)
    return Prepared(training, steps, counts, first_loss, description, found)


def _first_evaluation(training: Training, counts: Counts) -> float:
    """Before training; a loss that takes derivatives of its own (of its inputs, say) shows itself here."""
    try:
        return training.evaluate(training.model(0), counts)
    except ProblemError:
        raise
    except Exception as error:
        if not (isinstance(error, RuntimeError) and "does not require grad" in str(error)):
            add_note(error, "in the first evaluation on validation data, before training, without gradients")
            raise
    training.differentiates = True
    try:
        return training.evaluate(training.model(0), counts)
    except ProblemError:
        raise
    except Exception as error:
        add_note(error, "in the first evaluation on validation data, before training")
        raise


def _check_first_step(
    training: Training,
    candidates: list[_candidates.Candidate],
    counts: Counts,
) -> tuple[dict[str, Any], dict[str, float]]:
    model = training.model(0)
    device = device_of(model)
    batches = training.batches(0, device)
    try:
        batch = next(batches)
    except ProblemError:
        raise
    except Exception as error:
        add_note(error, "while reading the first batch of train")
        raise
    size = _examples(batch)
    micro = Training(**{**{f.name: getattr(training, f.name) for f in fields(training)}, "accumulate": 1})
    try:
        value = micro.accumulated(model, iter([batch]), device, counts)
    except ProblemError:
        raise
    except Exception as error:
        add_note(error, f"in the first call of loss(model, batch), before training (seed {training.seed})")
        raise
    if not math.isfinite(float(value)):
        raise ProblemError(
            f"loss(model, batch) is {float(value)} on the first batch, before training (seed {training.seed}); expected a "
            "finite number"
        )
    parameters = trainable(model)
    reached = [(n, p) for n, p in parameters if p.grad is not None]
    if not reached:
        raise ProblemError(
            "loss(model, batch).backward() gave no gradient to any trainable parameter of the model it was called with; "
            "expected the loss to use its "
            "argument `model` (not a module from outside, nor a forward that still calls the original after a copy; then "
            "give make_model as a callable)"
        )
    for name, p in reached:
        grad = p.grad
        assert grad is not None
        grad = grad.coalesce().values() if grad.is_sparse else grad
        if not bool(torch.isfinite(grad).all()):
            raise ProblemError(
                f"the gradient of {name} is not finite (nan or inf) on the first batch, before training; expected finite "
                "gradients"
            )
    for candidate in candidates:
        try:
            candidate.make(model, candidate.lr or 1e-3)
        except (ProblemError, TypeError):
            raise
        except Exception as error:
            add_note(error, f"while making the optimizer {candidate.name}")
            raise
    description = {
        "model": type(model).__name__,
        "parameters": sum(p.numel() for _, p in parameters),
        "tensors": len(parameters),
        "bytes": sum(p.numel() * p.element_size() for _, p in parameters),
        "device": str(device),
        "batch_size": size,
    }
    return description, features(model, size)


def _examples(batch: Any) -> int | None:
    """Examples in a batch, where its first tensor with a dimension tells."""
    if isinstance(batch, torch.Tensor):
        return int(batch.shape[0]) if batch.ndim else None
    parts: list[Any] = []
    if isinstance(batch, dict):
        parts = list(batch.values())
    elif isinstance(batch, (list, tuple)):
        parts = list(batch)
    elif hasattr(batch, "__dict__"):
        parts = list(vars(batch).values())
    for part in parts[:16]:
        size = _examples(part) if isinstance(part, (torch.Tensor, dict, list, tuple)) else None
        if size is not None:
            return size
    return None


def _whole(name: str, value: Any, optional: bool = False) -> Any:
    if value is None and optional:
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        if not (isinstance(value, float) and value.is_integer()):
            raise TypeError(f"{name} is {value!r}; expected a whole number")
        value = int(value)
    if value < 1:
        raise ValueError(f"{name} = {value}; expected at least 1")
    return value


def _positive(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{name} is {value!r}; expected a positive number")
    if not (math.isfinite(value) and value > 0):
        raise ValueError(f"{name} = {value}; expected a positive number")
    return float(value)


def _callable_or_none(name: str, value: Any) -> Any:
    if value is not None and not callable(value):
        raise TypeError(f"{name} is a {type(value).__name__}; expected a callable or None")
    return value
