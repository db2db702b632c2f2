# SPDX-License-Identifier: Apache-2.0
"""Drives the planner: asks for runs, executes them here or with an executor, tells what became of them.

The planner decides by the set of results, whoever made them; a worker that dies costs time, nothing else.
"""

from __future__ import annotations

import contextlib
import hashlib
import math
import os
import pickle
import threading
import time
import traceback
import warnings
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, CancelledError, Executor, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Any

import torch

from ._candidates import Candidate
from ._errors import ProblemError, add_note
from ._progress import Progress
from ._training import Counts, Stopped, Training

_LOST = ("BrokenExecutor", "BrokenProcessPool", "KilledWorker", "CommClosedError", "CancelledError", "FutureCancelledError")
_MOST_LOSSES = 5  # of one run, before the race gives up on its executor


@dataclass
class StepClock:
    """Seconds of a step, measured once: forward and backward over all runs alike, the optimizer's own part for each candidate."""

    forward_backward: float = 0.0
    optimizer: dict[str, float] = field(default_factory=dict)

    def seconds_per_step(self, name: str, result: dict[str, Any], accumulate: int) -> float:
        # What comes in is of whole steps, so micro-batches are counted already.
        del accumulate
        if self.forward_backward <= 0.0:
            self.forward_backward = float(result["forward_backward"])
        if self.optimizer.get(name, 0.0) <= 0.0:
            self.optimizer[name] = float(result["optimizer"])
        return self.forward_backward + self.optimizer[name]


@dataclass
class Race:
    """One comparison on its way.

    deadline  time.monotonic() after which no run is begun and the present one is given up, or None
    """

    planner: Any
    training: Training
    candidates: dict[str, Candidate]
    first_loss: float
    steps: int
    counts: Counts
    progress: Progress
    budget_runs: float
    executor: Any = None
    deadline: float | None = None
    clock: StepClock = field(default_factory=StepClock)
    records: list[dict[str, Any]] = field(default_factory=list)
    complete: bool = True
    notes: list[str] = field(default_factory=list)
    last_error: BaseException | None = None

    def cost_runs(self) -> float:
        return (self.counts.gradients + self.counts.validation_batches / 3.0) / (self.steps * self.training.accumulate)

    def drive(self) -> None:
        """Until the planner is done, time is over, or Ctrl-C, after which what was measured stays."""
        try:
            if self.executor is None:
                self._serial()
            else:
                self._parallel()
        except KeyboardInterrupt:
            self.complete = False
            self.notes.append("interrupted: the answer rests on the runs that were finished")

    def _ask(self, limit: int) -> list[dict[str, Any]]:
        """The planner's next runs; a rate that was given is run to the last bit, which logarithms lose."""
        asked = [dict(request) for request in self.planner.ask(limit)]
        for request in asked:
            candidate = self.candidates[request["candidate"]]
            if candidate.rates_fixed and candidate.lr is not None:
                request["lr"] = candidate.lr
        return asked

    def _late(self) -> bool:
        return self.deadline is not None and time.monotonic() > self.deadline

    def _serial(self) -> None:
        while not self.planner.done:
            if self._late():
                return self._out_of_time()
            asked = self._ask(1)
            if not asked:
                raise RuntimeError("the planner is not done but asks for no run")
            request = asked[0]
            ticks = _Ticks(self, request)
            try:
                result = self.training.run(request, self.candidates[request["candidate"]], self.first_loss, ticks)
            except Stopped:
                self.planner.lost(request["id"])
                return self._out_of_time()
            except KeyboardInterrupt:
                self.planner.lost(request["id"])
                raise
            self._settle(request, result)

    def _out_of_time(self) -> None:
        self.notes.append("the time was over before the planner had all the runs that it wanted")

    def _settle(self, request: dict[str, Any], result: dict[str, Any]) -> None:
        self.counts.add(Counts(result["gradients"], result["validation_batches"]))
        seconds = self.clock.seconds_per_step(request["candidate"], result, self.training.accumulate)
        told = {
            k: result[k] for k in ("status", "first_loss", "final_loss", "curve", "train_loss", "gradients", "validation_batches")
        }
        told["seconds_per_step"] = seconds
        self.planner.tell(request["id"], told)
        record = {k: request[k] for k in ("id", "candidate", "lr", "steps", "seed", "purpose")}
        record.update(
            {
                k: result[k]
                for k in (
                    "status",
                    "final_loss",
                    "train_loss",
                    "curve",
                    "steps_done",
                    "gradients",
                    "validation_batches",
                    "state_bytes",
                    "exception",
                    "gradient_pairs",
                )
            }
        )
        record["seconds_per_step"] = seconds
        self.records.append(record)
        self.progress.show(self._fraction(), f"{request['candidate']} lr {request['lr']:.3g}")

    def _fraction(self) -> float:
        if math.isfinite(self.budget_runs):
            return float(self.planner.cost_runs) / max(self.budget_runs, 1e-12)
        planned = float(getattr(self.planner, "runs_planned", 0.0))
        return len(self.records) / planned if planned else 0.0

    # With an executor

    def _parallel(self) -> None:
        make = self.executor if not hasattr(self.executor, "submit") else None
        executor = make() if make is not None else self.executor
        if isinstance(executor, ThreadPoolExecutor):  # the same process: nothing to send
            payload, key = b"", f"thread-{id(self.training)}"
            _CACHE[key] = (self.training, self.candidates)
        else:
            payload = _pickled(self.training, self.candidates)
            key = hashlib.blake2b(payload, digest_size=16).hexdigest()
        running: dict[Future[Any], dict[str, Any]] = {}
        losses = 0
        limit = _workers(executor)
        threads = max(1, torch.get_num_threads() // limit)
        try:
            while not self.planner.done or running:
                if self._late():
                    self._out_of_time()
                    break
                broken = False
                for request in self._ask(limit - len(running)) if limit > len(running) else []:
                    try:
                        future = _submit(executor, execute, key, payload, request, self.first_loss, os.getpid(), threads)
                    except Exception as error:
                        self.planner.lost(request["id"])
                        if not _is_lost(error):
                            raise
                        broken = True
                        break
                    running[future] = request
                if not running and not broken:
                    if self.planner.done:
                        break
                    raise RuntimeError("the planner is not done but asks for no run")
                for future in _wait(running, 1.0 if self.deadline is not None else None):
                    request = running.pop(future)
                    lost = self._collect(future, request)
                    losses += lost
                    broken |= lost
                if broken and _is_broken(executor):
                    for future, request in running.items():
                        if future.done() and not future.cancelled() and future.exception() is None:
                            self._collect(future, request)
                        else:
                            self.planner.lost(request["id"])
                    running.clear()
                    if make is None or losses > _MOST_LOSSES:
                        warnings.warn(
                            "the executor lost its workers; the race goes on in this process", RuntimeWarning, stacklevel=4
                        )
                        self.notes.append("the executor lost its workers: the rest was run in the main process")
                        return self._serial()
                    _shut_down(executor)
                    executor = make()
                elif losses > 100 * _MOST_LOSSES:
                    raise RuntimeError("the executor loses every run")
        finally:
            for future in running:
                future.cancel()
            _CACHE.pop(key, None)
            if make is not None:
                _shut_down(executor)

    def _collect(self, future: Future[Any], request: dict[str, Any]) -> bool:
        """Tells the planner what a future brought; whether it was lost."""
        try:
            result = future.result()
        except (Exception, CancelledError) as error:
            if not _is_lost(error):
                raise
            self.planner.lost(request["id"])
            return True
        if result["status"] == "error":
            raise _user_error(result)
        self._settle(request, result)
        return False


class _Ticks:
    """Asked by a run before each step: shows progress, and says when to stop."""

    def __init__(self, race: Race, request: dict[str, Any]) -> None:
        self._race = race
        self._text = f"{request['candidate']} lr {request['lr']:.3g}, {request['steps']} steps"

    def __call__(self) -> bool:
        self._race.progress.show(self._race._fraction(), self._text)
        return self._race._late()


# What runs in a worker

_LOCK = threading.Lock()  # random streams belong to the process: runs in threads take turns
_CACHE: dict[str, tuple[Training, dict[str, Candidate]]] = {}


def execute(key: str, payload: bytes, request: dict[str, Any], first_loss: float, parent: int, threads: int) -> dict[str, Any]:
    """One run in a worker; a failure comes back as a value, since an exception that cannot be pickled breaks whole pools."""
    with _LOCK:
        try:
            if os.getpid() != parent:
                torch.set_num_threads(threads)
            if key not in _CACHE:
                _CACHE.clear()
                _CACHE[key] = pickle.loads(payload)
            training, candidates = _CACHE[key]
            return training.run(request, candidates[request["candidate"]], first_loss)
        except Exception as error:
            text = "".join(traceback.format_exception(type(error), error, error.__traceback__))
            pickled: bytes | None
            try:
                pickled = pickle.dumps(error)
                pickle.loads(pickled)
            except Exception:
                pickled = None
            return {
                "status": "error",
                "error": pickled,
                "type": type(error).__name__,
                "message": str(error),
                "notes": list(getattr(error, "__notes__", [])),
                "traceback": text,
            }


def _user_error(result: dict[str, Any]) -> BaseException:
    error: BaseException
    if result["error"] is not None:
        error = pickle.loads(result["error"])
    else:
        error = ProblemError(f"a run failed in a worker: {result['type']}: {result['message']}")
    if not getattr(error, "__notes__", None):
        for note in result["notes"]:
            add_note(error, note)
    return add_note(error, "in a worker of the executor:\n" + result["traceback"])


def _pickled(training: Training, candidates: dict[str, Candidate]) -> bytes:
    value = (training, candidates)
    try:
        return pickle.dumps(value)
    except Exception as first:
        try:
            import cloudpickle  # type: ignore[import-untyped]
        except ImportError:
            raise _unpicklable(first) from first
        try:
            return bytes(cloudpickle.dumps(value))
        except Exception as second:
            raise _unpicklable(second) from second


def _unpicklable(error: Exception) -> ProblemError:
    return ProblemError(
        f"executor: the problem cannot be sent to workers ({type(error).__name__}: "
        f"{(str(error).splitlines() or [''])[0][:200]}); expected make_model, "
        "loss and data that can be pickled: define them at the top of a module (no lambdas), or install cloudpickle"
    )


def _submit(executor: Any, function: Callable[..., Any], *arguments: Any) -> Future[Any]:
    return executor.submit(function, *arguments)  # type: ignore[no-any-return]


def _wait(running: dict[Future[Any], Any], timeout: float | None) -> list[Future[Any]]:
    if not running:
        return []
    if all(isinstance(f, Future) for f in running):
        return list(wait(running, timeout, FIRST_COMPLETED).done)
    while True:  # futures of another make: ask them
        done = [f for f in running if f.done()]
        if done or timeout is not None:
            return done
        time.sleep(0.01)


def _workers(executor: Any) -> int:
    for name in ("_max_workers", "max_workers"):
        count = getattr(executor, name, None)
        if isinstance(count, int) and count > 0:
            return count
    client = getattr(executor, "_client", None)
    if client is not None and hasattr(client, "ncores"):
        return max(1, int(sum(client.ncores().values())))
    return max(1, os.cpu_count() or 1)


def _is_lost(error: BaseException) -> bool:
    return any(kind.__name__ in _LOST for kind in type(error).__mro__)


def _is_broken(executor: Any) -> bool:
    """A pool of processes that lost one is broken for good; other executors mend themselves."""
    return bool(getattr(executor, "_broken", False))


def _shut_down(executor: Executor) -> None:
    with contextlib.suppress(Exception):  # a broken pool may refuse
        executor.shutdown(wait=False, cancel_futures=True)
