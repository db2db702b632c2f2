# SPDX-License-Identifier: Apache-2.0
"""One training run of a user's model: what a race repeats, in this process or in a worker."""

from __future__ import annotations

import inspect
import math
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from . import _schedule
from ._batches import FixedPart, Source, fresh, moved
from ._candidates import Candidate
from ._errors import ProblemError, add_note
from ._features import state_bytes
from ._gradient_noise import GradientPairs
from ._model import ModelSource, evaluating, trainable
from ._seeds import derive, seeded, streams_left_as_found

_TIMED_STEPS = 24  # of each run, with the device synchronized
_INTERRUPTED = 20.0  # times the median step: something else has run
_BLOW_UP = 100.0  # a training loss so many times the first one (at least 1) has diverged
_NUMERIC_WORDS = (
    "nan",
    "inf",
    "finite",
    "singular",
    "converge",
    "positive definite",
    "positive-definite",
    "cholesky",
    "svd",
    "overflow",
    "probability tensor",
)


@dataclass
class Counts:
    """What a run took from the budget."""

    gradients: int = 0  # micro-batches whose gradients were taken
    validation_batches: int = 0

    def add(self, other: Counts) -> None:
        self.gradients += other.gradients
        self.validation_batches += other.validation_batches


class Stopped(Exception):
    """A run was given up because the race is over."""


class Diverged(Exception):
    """The loss or the weights left what can be computed with."""


@dataclass
class Training:
    """A problem ready to be trained any number of times."""

    models: ModelSource
    loss: Callable[[nn.Module, Any], torch.Tensor]
    train: Source
    validation: FixedPart | None
    metric: Callable[[nn.Module, Any], Any] | None
    schedule: _schedule.Schedule | None
    clip: float | None
    accumulate: int
    autocast: torch.dtype | None
    seed: int
    differentiates: bool = False  # whether the loss takes derivatives of its own, as of a physics-informed network

    # Pieces of a run

    def model(self, seed: int) -> nn.Module:
        return self.models.make(derive(self.seed, "model", seed), self._first_call)

    def _first_call(self, model: nn.Module) -> None:
        """Gives lazy parameters their shapes."""
        device = device_of(model)
        self.loss(model, next(self.batches(0, device)))

    def batches(self, seed: int, device: torch.device) -> Iterator[Any]:
        stream = self.train.endless(derive(self.seed, "data", seed))
        return stream if device.type == "cpu" else (moved(b, device) for b in stream)

    def _cast(self, device: torch.device) -> Any:
        return nullcontext() if self.autocast is None else torch.autocast(device.type, dtype=self.autocast)

    def value(self, model: nn.Module, batch: Any, device: torch.device) -> torch.Tensor:
        """The loss of a micro-batch, checked."""
        with self._cast(device):
            value = self.loss(model, batch)
        return checked_loss(value)

    def accumulated(self, model: nn.Module, batches: Iterator[Any], device: torch.device, counts: Counts) -> torch.Tensor:
        """Gradients of the mean over the micro-batches of one step; the mean loss, without its graph."""
        total: torch.Tensor | None = None
        for _ in range(self.accumulate):
            batch = next(batches)
            value = self.value(model, batch, device)
            if not value.requires_grad:
                raise ProblemError(
                    "loss(model, batch) gave a tensor that needs no gradient; expected one computed from the model's parameters "
                    "(is it detached, or computed under torch.no_grad()?)"
                )
            counts.gradients += 1
            (value if self.accumulate == 1 else value / self.accumulate).backward()  # type: ignore[no-untyped-call]
            part = value.detach() / self.accumulate
            total = part if total is None else total + part
            del value, batch
        assert total is not None
        return total

    def evaluate(self, model: nn.Module, counts: Counts) -> float:
        """Mean of metric or loss over the fixed part of the validation data, the same draws in every evaluation."""
        assert self.validation is not None
        device = device_of(model)
        total, count = 0.0, 0
        with seeded(derive(self.seed, "evaluation")), evaluating(model, self.differentiates):
            for batch in self.validation:
                if device.type != "cpu":
                    batch = moved(batch, device)
                counts.validation_batches += 1
                with self._cast(device):
                    value = (self.metric or self.loss)(model, batch)
                total += _number(value, "metric" if self.metric is not None else "loss")
                count += 1
                del value
        return total / count

    # The whole

    def run(
        self, request: dict[str, Any], candidate: Candidate, first_loss: float, stop: Callable[[], bool] = lambda: False
    ) -> dict[str, Any]:
        """Trains once as the planner asked; returns what it is told, with "forward_backward" and "optimizer" seconds beside."""
        with streams_left_as_found():
            return _Run(self, request, candidate, first_loss, stop).execute()


class _Run:
    def __init__(
        self, training: Training, request: dict[str, Any], candidate: Candidate, first_loss: float, stop: Callable[[], bool]
    ) -> None:
        self.t = training
        self.candidate = candidate
        self.lr = float(request["lr"])
        self.steps = int(request["steps"])
        self.seed = int(request["seed"])
        self.first_loss = first_loss
        self.stop = stop
        self.counts = Counts()
        self.step = 0
        self.where = "make_model()"
        self.losses: list[float] = []
        self.curve: list[list[float]] = [[0, first_loss]]
        self.forward_backward: list[float] = []
        self.stepping: list[float] = []
        # The first evaluation, before the first step, is the same for all runs and was made by the checks.
        later = max(1, int(request.get("evaluations", 2)) - 1)
        self.evaluate_at = {max(1, round(self.steps * (i + 1) / later)) for i in range(later)}
        self.noise = GradientPairs(self.steps)
        self.state_bytes = 0
        self.exception: str | None = None

    def execute(self) -> dict[str, Any]:
        try:
            self._train()
            status = "completed"
        except Diverged:
            status = "diverged"
        except Stopped:
            raise
        except Exception as error:
            note = self._note()
            if not self._means_divergence(error):
                add_note(error, note)
                raise
            self.exception = f"{type(error).__name__}: {(str(error).splitlines() or [''])[0][:200]} ({note})"
            status = "diverged"
        return self._result(status)

    def _note(self) -> str:
        return f"in {self.where}: {self.candidate.name}, lr {self.lr:.3g}, step {self.step}, seed {self.seed}"

    def _train(self) -> None:
        t = self.t
        model = t.model(self.seed)
        device = device_of(model)
        self.where = f"the optimizer {self.candidate.name}"
        optimizer = self.candidate.make(model, self.lr)
        closure_needed = _needs_closure(optimizer)
        self.where = "schedule(optimizer, steps)"
        scheduler = _schedule.make(t.schedule, optimizer, self.steps)
        _set_mode(optimizer, True)
        parameters = [p for _, p in trainable(model)]
        self.where = "train"
        batches = t.batches(self.seed, device)
        seed_for_draws = derive(t.seed, "draws", self.seed)
        torch.manual_seed(seed_for_draws)
        with seeded_numpy(seed_for_draws):
            while self.step < self.steps:
                if self.stop():
                    raise Stopped
                self._one_step(model, optimizer, scheduler, parameters, batches, device, closure_needed)
                if self.step in self.evaluate_at and t.validation is not None:
                    self._evaluate(model, optimizer)
        self.state_bytes = state_bytes(optimizer)

    def _one_step(
        self,
        model: nn.Module,
        optimizer: Any,
        scheduler: Any,
        parameters: list[nn.Parameter],
        batches: Iterator[Any],
        device: torch.device,
        closure_needed: bool,
    ) -> None:
        t = self.t
        is_timed = self.step < _TIMED_STEPS
        start = _now(device) if is_timed else 0.0
        self.where = "loss(model, batch)"
        value: torch.Tensor
        if closure_needed:
            kept = [next(batches) for _ in range(t.accumulate)]

            def closure() -> torch.Tensor:
                optimizer.zero_grad()
                return t.accumulated(model, iter([fresh(b) for b in kept]), device, self.counts)

            value = optimizer.step(closure)
            loss = float(value)
        else:
            value = t.accumulated(model, batches, device, self.counts)
            middle = _now(device) if is_timed else 0.0
            if is_timed:
                self.forward_backward.append(middle - start)
            loss = float(value) if device.type == "cpu" or self.step % 8 == 0 or self.step + 1 == self.steps else math.nan
            if not math.isnan(loss) or device.type == "cpu":
                self._check(loss)
            self.noise.see(self.step, parameters)
            if t.clip is not None:
                torch.nn.utils.clip_grad_norm_(parameters, t.clip)
            self.where = f"{self.candidate.name}.step()"
            optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        if scheduler is not None:
            self.where = "the schedule"
            _schedule.advance(scheduler, loss)
        if is_timed:
            self.stepping.append(_now(device) - (start if closure_needed else middle))
        self.losses.append(float(value) if math.isnan(loss) and device.type == "cpu" else loss)
        if closure_needed:
            self._check(loss)
        self.step += 1

    def _check(self, loss: float) -> None:
        if not math.isfinite(loss):
            if self.step == 0:
                raise ProblemError(
                    f"loss(model, batch) is {loss} on the first batch (seed {self.seed}); expected a finite number before "
                    "training"
                )
            raise Diverged
        if self.losses and loss > _BLOW_UP * max(1.0, abs(self.losses[0])):
            raise Diverged

    def _evaluate(self, model: nn.Module, optimizer: Any) -> None:
        self.where = "validation"
        _set_mode(optimizer, False)
        value = self.t.evaluate(model, self.counts)
        _set_mode(optimizer, True)
        if not math.isfinite(value):
            raise Diverged
        self.curve.append([self.step, value])

    def _means_divergence(self, error: Exception) -> bool:
        """Whether an exception comes from weights that a too large rate has ruined, not from the user's code or data.

        Only after weights have moved, only kinds that values can cause, and only if the same batch is fine with fresh weights.
        """
        if self.step == 0 or isinstance(error, (ProblemError, torch.cuda.OutOfMemoryError, NotImplementedError, RecursionError)):
            return False
        kinds = (ValueError, ArithmeticError, AssertionError, IndexError)
        numeric = isinstance(error, RuntimeError) and any(w in str(error).lower() for w in _NUMERIC_WORDS)
        if not (isinstance(error, kinds) or numeric):
            return False
        if self.where == "train":
            return False
        return self._fine_with_fresh_weights()

    def _fine_with_fresh_weights(self) -> bool:
        model = self.t.model(self.seed)
        device = device_of(model)
        if self.where == "validation":
            try:
                self.t.evaluate(model, self.counts)
            except Exception:
                return False
            return True
        batches = self.t.batches(self.seed, device)
        try:
            for _ in range(self.step * self.t.accumulate):
                next(batches)
            for _ in range(self.t.accumulate):
                self.counts.validation_batches += 1
                with torch.set_grad_enabled(self.t.differentiates):
                    self.t.value(model, next(batches), device)
        except Exception:
            return False
        return True

    def _result(self, status: str) -> dict[str, Any]:
        known = [v for v in self.losses if math.isfinite(v)]
        tail = known[-max(1, len(known) // 10) :]
        return {
            "status": status,
            "first_loss": self.first_loss,
            "final_loss": self.curve[-1][1] if status == "completed" else math.inf,
            "curve": self.curve,
            "train_loss": sum(tail) / len(tail) if tail and status == "completed" else math.inf,
            "steps_done": self.step,
            "gradients": self.counts.gradients,
            "validation_batches": self.counts.validation_batches,
            "forward_backward": _typical(self.forward_backward),
            "optimizer": _typical(self.stepping),
            "state_bytes": self.state_bytes,
            "exception": self.exception,
            "gradient_pairs": self.noise.measured() if status == "completed" else [],
        }


@contextmanager
def seeded_numpy(seed: int) -> Iterator[None]:
    """NumPy's and Python's streams for what a model draws; the caller has put all streams aside."""
    import random

    import numpy

    numpy.random.seed(seed % 2**32)
    random.seed(seed)
    yield


def device_of(model: nn.Module) -> torch.device:
    return next((p.device for p in model.parameters()), torch.device("cpu"))


def checked_loss(value: Any) -> torch.Tensor:
    """The loss as a 0-dim tensor, or a ProblemError that says what it is instead."""
    if not isinstance(value, torch.Tensor):
        hint = ""
        if hasattr(value, "keys") and "loss" in value.keys():  # noqa: SIM118 (a ModelOutput is a mapping, too)
            hint = '; return its ["loss"]'
        elif isinstance(value, (tuple, list)) and value and isinstance(value[0], torch.Tensor):
            hint = "; return one of its tensors"
        raise ProblemError(
            f"loss(model, batch) gave a {type(value).__name__}; expected a scalar tensor, the mean over the batch{hint}"
        )
    if value.numel() != 1:
        raise ProblemError(
            f"loss(model, batch) gave a tensor of shape {tuple(value.shape)}; expected a scalar, the mean over the batch "
            "(.mean() of a loss per example)"
        )
    if not value.is_floating_point():
        raise ProblemError(f"loss(model, batch) gave a scalar of {value.dtype}; expected a real floating-point tensor")
    return value.reshape(()) if value.ndim else value


def _number(value: Any, what: str) -> float:
    if isinstance(value, torch.Tensor):
        if value.numel() != 1:
            raise ProblemError(
                f"{what}(model, batch) gave a tensor of shape {tuple(value.shape)} on validation; expected a scalar"
            )
        return float(value.detach())
    try:
        return float(value)
    except (TypeError, ValueError):
        raise ProblemError(
            f"{what}(model, batch) gave a {type(value).__name__} on validation; expected a number, lower is better"
        ) from None


def _needs_closure(optimizer: torch.optim.Optimizer) -> bool:
    try:
        closure = inspect.signature(optimizer.step).parameters.get("closure")
    except (TypeError, ValueError):
        return False
    return closure is not None and closure.default is inspect.Parameter.empty


def _set_mode(optimizer: Any, is_training: bool) -> None:
    # Schedule-free optimizers have a mode of their own.
    switch = getattr(optimizer, "train" if is_training else "eval", None)
    if callable(switch):
        switch()


def _now(device: torch.device) -> float:
    """The clock of a step. One thread on the CPU has a clock of its own, which other work on the machine does not move."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "cpu" and torch.get_num_threads() == 1:
        return time.thread_time()
    return time.perf_counter()


def _typical(seconds: list[float]) -> float:
    """The mean, since some optimizers do their work at every tenth step; without warming up and without interruptions."""
    later = seconds[2:] or seconds
    if not later:
        return 0.0
    most = _INTERRUPTED * statistics.median(later)
    kept = [s for s in later if s <= most]
    return sum(kept) / len(kept)
