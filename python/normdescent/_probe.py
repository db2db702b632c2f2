# SPDX-License-Identifier: Apache-2.0
"""`probe`: noise, density, tails, critical batch, curvature and gains of a model of one's own, in every optimizer's geometry."""

from __future__ import annotations

import html
import json
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import torch
from torch import nn

from ._batches import fresh, moved
from ._errors import ProblemError, add_note
from ._features import roles
from ._model import trainable
from ._problem import Problem, prepare
from ._progress import Progress
from ._reports import Report, aligned
from ._seeds import derive, seeded
from ._training import Counts, Training, device_of

__all__ = ["Probe", "probe"]

_FEWEST_MICRO_BATCHES, _MOST_MICRO_BATCHES = 24, 64
_PILOT_STEPS = 16
_PILOTS_FROM = 5000  # steps of a run: pilots take some 300 gradients
_KEPT_BATCHES = 128


class Probe(Report):
    """What was measured at the start of training. None where nothing could be measured, and `not_measured` says why."""

    __module__ = "normdescent"
    schema: ClassVar[str] = "normdescent.probe/1"

    @property
    def noise_density(self) -> float | None:
        """||noise||_1^2 / (d ||noise||_2^2) in (0, 1]: 1 where noise is spread evenly, small where few coordinates have it."""
        return self._number("noise_density")

    @property
    def tail_index(self) -> float | None:
        """2 for noise with finite variance, less for heavier tails."""
        return self._number("tail_index")

    @property
    def geometries(self) -> dict[str, dict[str, Any]]:
        """By name (euclidean, sign, ...): noise_scale, gradient_norm, smoothness, curvature, critical_batch in examples, ..."""
        return {str(g["geometry"]): dict(g) for g in self.to_dict()["geometries"]}

    @property
    def critical_batch(self) -> dict[str, float | None]:
        """By geometry, in examples: below it noise limits, above it examples are wasted."""
        return {name: g["critical_batch"] for name, g in self.geometries.items()}

    @property
    def curvature(self) -> dict[str, float | None]:
        """By geometry: <g(x) - g(x - a d), d> / a along its own direction d; signed."""
        return {name: g["curvature"] for name, g in self.geometries.items()}

    @property
    def gains(self) -> list[dict[str, Any]]:
        """The best decrease of the loss by one step along each geometry's direction, and its step size."""
        return self.to_dict()["one_step_gain"]  # type: ignore[no-any-return]

    @property
    def not_measured(self) -> list[dict[str, Any]]:
        return self.to_dict()["not_measured"]  # type: ignore[no-any-return]

    def _number(self, key: str) -> float | None:
        value = self._data.get(key)
        return None if value is None else float(value)

    def __repr__(self) -> str:
        density = "-" if self.noise_density is None else f"{self.noise_density:.3f}"
        return f"Probe(noise_density={density}, cost {self._data['cost']['gradients']} gradients)"

    def __str__(self) -> str:
        d = self._data
        lines = [f"{d['problem']['model']}: {d['problem']['parameters']} parameters, loss {_text(d.get('loss'))}"]
        lines.append(f"noise density {_text(d.get('noise_density'))}, tail index {_text(d.get('tail_index'))}")
        header = ["geometry", "noise", "gradient", "curvature", "critical batch"]
        rows = [header] + [
            [str(g["geometry"])] + [_text(g[k]) for k in ("noise_scale", "gradient_norm", "curvature", "critical_batch")]
            for g in d["geometries"]
        ]
        lines += aligned(rows)
        lines += [
            f"one step along {g['direction']}: gain {_text(g['gain'])} at learning rate {_text(g['learning_rate'])}"
            for g in d["one_step_gain"]
        ]
        lines += [f"not measured: {n['quantity']}: {n['because']}" for n in d["not_measured"]]
        c = d["cost"]
        lines.append(f"Cost: {c['gradients']} gradients and {c['losses']} losses of micro-batches, {c['seconds']:.3g} s.")
        return "\n".join(lines)

    def _title(self) -> str:
        return f"{self._data['problem']['model']}: geometry"

    def _html_body(self) -> str:
        return f"<pre>{html.escape(str(self))}</pre>"


def _text(value: Any) -> str:
    return "-" if value is None else f"{value:.3g}"


def probe(
    make_model: Any,
    loss: Callable[[nn.Module, Any], torch.Tensor] | None = None,
    train: Any = None,
    validation: Any = None,
    *,
    steps: int | None = None,
    batch_size: int | None = None,
    seed: int = 0,
    progress: bool | None = None,
) -> Probe:
    """Measures the geometry of a training problem at its start: `loss.backward()` is all that it asks of the model.

    make_model, loss, train, validation, batch_size, seed   as in compare(); a Problem may stand in the place of the first four
    steps   of the run that is planned: short runs get a cheaper probe (micro-batches and pilots), None is a probe without pilots
    """
    if isinstance(make_model, Problem):
        problem = make_model
        steps = problem._steps if steps is None else steps
    else:
        missing = [name for name, value in (("loss", loss), ("train", train)) if value is None]
        if missing:
            raise TypeError(f"probe() misses {', '.join(missing)}; expected probe(make_model, loss, train)")
        problem = Problem(
            make_model,
            loss,
            train,
            validation,
            steps=1 if steps is None else steps,
            batch_size=batch_size,
            seed=seed,
            baseline="adamw",
        )
    from . import _core

    start = time.monotonic()
    with Progress(progress, "normdescent probe") as shown, problem.left_as_found():
        prepared = prepare(problem, None, [])
        host = _Host(prepared.training, prepared.counts, derive(problem.seed, "probe"))
        micro_batches = (
            _MOST_MICRO_BATCHES if steps is None else min(_MOST_MICRO_BATCHES, max(_FEWEST_MICRO_BATCHES, steps // 50))
        )
        options = {
            "micro_batches": micro_batches,
            "micro_batch_size": 1,
            "batch_size": problem.accumulate,
            "pilot_steps": _PILOT_STEPS if steps is not None and steps >= _PILOTS_FROM else 0,
            "seed": derive(problem.seed, "probe") % 2**32,
        }
        try:
            text = _core.probe(host.rows(), host.gradient, host.loss, options, shown.show)
        finally:
            host.close()
        data = json.loads(text)
    if data["status"] == "not measurable":
        raise ProblemError(f"probe: not measurable because {data['reason']}")
    _in_examples(data, prepared.description["batch_size"])
    counts = prepared.counts
    data.update(
        schema=Probe.schema,
        problem=prepared.description,
        cost={"gradients": counts.gradients, "losses": host.losses, "seconds": time.monotonic() - start},
    )
    return Probe(data)


def _in_examples(data: dict[str, Any], examples: int | None) -> None:
    """The core counts micro-batches; people count examples."""
    data["unit_examples"] = examples
    points = [data, *data["pilot"]]
    for point in points:
        for geometry in point["geometries"]:
            for key in ("critical_batch", "critical_batch_se"):
                if geometry[key] is not None:
                    geometry[key] = geometry[key] * examples if examples is not None else None


class _Host:
    """The model as the core's Objective sees it: float32 tensors by address, and streams of micro-batches that can be read again.

    Tensors of a model in float32 on the CPU are the core's own: no copy is kept. Others are copied to and from host memory.
    """

    def __init__(self, training: Training, counts: Counts, seed: int) -> None:
        self._training = training
        self._counts = counts
        self._seed = seed
        self._model = training.model(0)
        self._device = device_of(self._model)
        self._named = trainable(self._model)
        self._own = [not _is_plain(p) for _, p in self._named]
        self._values: list[torch.Tensor] = []
        self._gradients: list[torch.Tensor] = []
        for (_, p), own in zip(self._named, self._own, strict=True):
            self._values.append(p.detach().to("cpu", torch.float32).contiguous().clone() if own else p.detach())
            self._gradients.append(torch.zeros_like(self._values[-1]))
            if not own:
                p.grad = self._gradients[-1]
        self._streams: dict[int, _Stream] = {}
        self.losses = 0
        self._is_known = False

    def rows(self) -> list[dict[str, Any]]:
        found = roles(self._model)
        return [
            {"name": name, "shape": list(p.shape) or [1], "role": found[name], "value": v.data_ptr(), "gradient": g.data_ptr()}
            for (name, p), v, g in zip(self._named, self._values, self._gradients, strict=True)
        ]

    def gradient(self, stream: int, first: int, count: int) -> float:
        self._write_values()
        for (_, p), own, gradient in zip(self._named, self._own, self._gradients, strict=True):
            gradient.zero_()
            p.grad = None if own else gradient
        total = 0.0
        with seeded(derive(self._seed, "draws", stream, first)):
            for batch in self._batches(stream, first, count):
                value = self._call(batch)
                (value / count).backward()  # type: ignore[no-untyped-call]
                total += float(value.detach()) / count
                self._counts.gradients += 1
                del value, batch
        self._read_gradients()
        return total

    def loss(self, stream: int, first: int, count: int) -> float:
        self._write_values()
        total = 0.0
        # In training mode, as gradients are taken; what normalization layers remember is of no use here.
        with seeded(derive(self._seed, "draws", stream, first)):
            for batch in self._batches(stream, first, count):
                total += self._judged(batch) / count
                self.losses += 1
                self._counts.validation_batches += 1
        return total

    def _judged(self, batch: Any) -> float:
        """A loss without gradients, unless it takes derivatives of its own, which the first one shows."""
        again = None if self._is_known else fresh(batch)
        try:
            with torch.set_grad_enabled(self._training.differentiates):
                value = float(self._call(batch).detach())
        except RuntimeError as error:
            if again is None or "does not require grad" not in str(error):
                raise
            self._training.differentiates = True
            value = float(self._call(again).detach())
        self._is_known = True
        return value

    def close(self) -> None:
        for _, p in self._named:
            p.grad = None
        self._streams.clear()

    def _call(self, batch: Any) -> torch.Tensor:
        try:
            return self._training.value(self._model, batch, self._device)
        except ProblemError:
            raise
        except Exception as error:
            add_note(error, "in loss(model, batch), while the probe measured")
            raise

    def _batches(self, stream: int, first: int, count: int) -> Iterator[Any]:
        if stream not in self._streams:
            self._streams[stream] = _Stream(self._training, derive(self._seed, "stream", stream), self._device)
        found = self._streams[stream]
        return (found.at(first + i) for i in range(count))

    def _write_values(self) -> None:
        with torch.no_grad():
            for (_, p), own, value in zip(self._named, self._own, self._values, strict=True):
                if own:
                    p.copy_(value)

    def _read_gradients(self) -> None:
        for (_, p), own, gradient in zip(self._named, self._own, self._gradients, strict=True):
            grad = p.grad
            if grad is None or grad is gradient:
                continue
            # Autograd may put a new tensor in the place of ours (a sparse gradient, another layout).
            gradient.copy_(grad.to_dense() if grad.is_sparse else grad)
            p.grad = None if own else gradient


class _Stream:
    """Micro-batch number i of one stream, the same each time: kept for a while, else read again."""

    def __init__(self, training: Training, seed: int, device: torch.device) -> None:
        self._training = training
        self._seed = seed
        self._device = device
        self._kept: OrderedDict[int, Any] = OrderedDict()
        self._iterator: Iterator[Any] | None = None
        self._next = 0

    def at(self, index: int) -> Any:
        if index not in self._kept:
            if self._iterator is None or index < self._next:
                self._iterator = self._training.train.endless(self._seed)
                self._next = 0
            while self._next <= index:
                batch = next(self._iterator)
                if self._next > index - _KEPT_BATCHES:
                    self._kept[self._next] = batch
                self._next += 1
            while len(self._kept) > _KEPT_BATCHES:
                self._kept.popitem(last=False)
        batch = fresh(self._kept[index])
        return batch if self._device.type == "cpu" else moved(batch, self._device)


def _is_plain(p: nn.Parameter) -> bool:
    return (
        p.device.type == "cpu"
        and p.dtype == torch.float32
        and p.is_contiguous()
        and p.layout is torch.strided
        and type(p.data) is torch.Tensor
    )
