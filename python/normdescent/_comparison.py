# SPDX-License-Identifier: Apache-2.0
"""The answer of `compare` as a report."""

from __future__ import annotations

import copy
import html
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from ._errors import ProblemError
from ._reports import Report, aligned

if TYPE_CHECKING:
    import torch
    from torch import nn

_COLORS = ("#0b6e99", "#c2510c", "#2c7a34", "#8e3a8e", "#a58900", "#555555", "#b3123d")


@dataclass(frozen=True)
class Interval:
    """A ratio to the baseline with its interval; basis is "predicted" or "measured". NaN where there is none."""

    value: float
    low: float
    high: float
    basis: str

    def __str__(self) -> str:
        if math.isnan(self.value):
            return "-"
        return f"{self.value:.2f} [{self.low:.2f}, {self.high:.2f}]"


@dataclass(frozen=True)
class Speedup:
    """How many times fewer steps, and seconds, than the baseline to the same loss."""

    steps: Interval
    time: Interval


@dataclass(frozen=True)
class Cost(Mapping[str, Any]):
    """What an answer took. runs = (micro-batches with gradients + validation batches / 3) / (steps x accumulate)."""

    runs: float
    seconds: float
    gradients: int
    validation_batches: int

    def __getitem__(self, key: str) -> Any:
        if key not in self.__dataclass_fields__:
            raise KeyError(key)
        return getattr(self, key)

    def __iter__(self) -> Iterator[str]:
        return iter(self.__dataclass_fields__)

    def __len__(self) -> int:
        return len(self.__dataclass_fields__)


class Comparison(Report):
    """The answer of `compare`: which optimizer, at which rate, how sure, and what it cost."""

    __module__ = "normdescent"
    schema: ClassVar[str] = "normdescent.compare/1"

    def __init__(
        self, data: Mapping[str, Any], candidates: Mapping[str, Any] | None = None, schedule: Callable[..., Any] | None = None
    ) -> None:
        super().__init__(data)
        self._candidates = dict(candidates or {})  # factories are no data: they live as long as the process
        self._schedule = schedule

    # What was decided

    @property
    def winner(self) -> str | None:
        """A name where its chance to be best is at least 0.95, else None."""
        return self._data["winner"]  # type: ignore[no-any-return]

    @property
    def choice(self) -> str:
        return str(self._data["choice"])

    @property
    def lr(self) -> float:
        return float(self._data["lr"])

    @property
    def choice_in_steps(self) -> str:
        return str(self._data["choice_in_steps"])

    @property
    def choice_in_time(self) -> str:
        return str(self._data["choice_in_time"])

    @property
    def baseline(self) -> str:
        return str(self._data["baseline"])

    @property
    def rates(self) -> dict[str, float]:
        """The rate of every candidate."""
        return {name: float(c["lr"]) for name, c in self._data["candidates"].items()}

    @property
    def speedups(self) -> dict[str, Speedup]:
        return {
            name: Speedup(_interval(c["speedup_steps"]), _interval(c["speedup_time"]))
            for name, c in self._data["candidates"].items()
        }

    @property
    def reasons(self) -> tuple[str, ...]:
        return tuple(self._data["reasons"])

    @property
    def cost(self) -> Cost:
        c = self._data["cost"]
        return Cost(float(c["runs"]), float(c["seconds"]), int(c["gradients"]), int(c["validation_batches"]))

    @property
    def critical_batch(self) -> dict[str, float] | None:
        """value, low, high in examples, from the second half of the choice's runs; None where it was not measurable."""
        return copy.deepcopy(self._data["critical_batch"])  # type: ignore[no-any-return]

    @property
    def complete(self) -> bool:
        """False after Ctrl-C: the answer rests on what was finished."""
        return bool(self._data["complete"])

    @property
    def runs(self) -> list[dict[str, Any]]:
        """Every training run of the race with its curve."""
        return copy.deepcopy(self._data["runs"])

    # The recipe

    def optimizer(self, model: nn.Module) -> torch.optim.Optimizer:
        """The choice as one torch.optim.Optimizer on `model`: each trainable parameter once, rates set."""
        from ._candidates import Candidate

        row = self._data["candidates"][self.choice]
        candidate = self._candidates.get(self.choice)
        if candidate is None:
            if row["kind"] == "custom":
                raise ProblemError(
                    f"the choice is {self.choice}, an optimizer of a factory of yours, which a file cannot hold; expected "
                    "the report of compare() itself: "
                    f"call your factory with lr={self.lr:.6g}"
                )
            options = {k: tuple(v) if isinstance(v, list) else v for k, v in row["options"].items()}
            candidate = Candidate(self.choice, row["kind"], None, False, options)
        return candidate.make(model, self.lr)

    def scheduler(self, optimizer: torch.optim.Optimizer) -> Any:
        """The schedule of the whole run; call its step() after each optimizer.step(). None for a constant rate."""
        from . import _schedule

        if self._schedule is None and self._data["problem"]["schedule"] != "default":
            raise ProblemError(
                "the schedule was a factory of yours, which a file cannot hold; call it with the optimizer and the steps"
            )
        return _schedule.make(self._schedule, optimizer, int(self._data["problem"]["steps"]))

    def code(self) -> str:
        """The lines to paste."""
        row = self._data["candidates"][self.choice]
        steps = int(self._data["problem"]["steps"])
        lr = f"{self.lr:.6g}"
        if row["kind"] == "custom":
            lines = [f"optimizer = {self.choice}(list(model.named_parameters()), {lr})"]
        else:
            from ._candidates import catalog_class

            made, options = catalog_class(row["kind"])
            options.update({k: tuple(v) if isinstance(v, list) else v for k, v in row["options"].items()})
            given = "".join(f", {k}={v!r}" for k, v in options.items())
            lines = ["import normdescent as nd", f"optimizer = nd.{made.__name__}(model, lr={lr}{given})"]
        if self._data["problem"]["schedule"] == "default":
            lines.append(
                f"scheduler = nd.warmup_cosine(optimizer, steps={steps})  # scheduler.step() after each optimizer.step()"
            )
        else:
            lines.append(f"scheduler = schedule(optimizer, {steps})")
        if self._data["problem"].get("clip") is not None:
            lines.append(
                "# before each optimizer.step(): torch.nn.utils.clip_grad_norm_(model.parameters(), "
                f"{self._data['problem']['clip']:g})"
            )
        return "\n".join(lines)

    # Faces

    def __repr__(self) -> str:
        s = self.speedups[self.choice].steps
        lead = "" if math.isnan(s.value) else f", {s.value:.2f}x [{s.low:.2f}, {s.high:.2f}]"
        return (
            f"Comparison(winner={self.winner!r}, choice={self.choice!r}, lr={self.lr:.3g}{lead}, cost {self.cost.runs:.2f} runs)"
        )

    def __str__(self) -> str:
        d = self._data
        lines = [self._headline(), ""]
        header = [
            "optimizer",
            "lr",
            "best between",
            f"steps x {self.baseline}",
            f"time x {self.baseline}",
            "chance",
            "ms a step",
            "state",
        ]
        rows = [
            header,
            *([r["name"], r["lr"], r["range"], r["steps"], r["time"], r["chance"], r["ms"], r["state"]] for r in self._rows()),
        ]
        lines += aligned(rows)
        lines.append("")
        lines += [f"- {reason}" for reason in self.reasons]
        lines.append(self._cost_line())
        gain = d.get("expected_gain_of_more")
        if gain is not None:
            lines.append(
                f"As much evidence again is expected to save {100 * gain:.1f} % of the steps; without any the choice would "
                f"be {d['default']['choice']} at {d['default']['lr']:.3g}."
            )
        return "\n".join(lines)

    def _headline(self) -> str:
        name, lr = self.choice, f"{self.lr:.3g}"
        first = f"Winner: {self.winner}." if self.winner else "No winner beyond doubt."
        both = (
            ""
            if self.choice_in_steps == self.choice_in_time
            else f" In steps {self.choice_in_steps}, in time {self.choice_in_time}."
        )
        unfinished = "" if self.complete else " (interrupted)"
        return f"{first} Use {name} at lr {lr}.{both}{unfinished}"

    def _cost_line(self) -> str:
        c = self.cost
        d = self._data
        runs = f"{len(d['runs'])} runs of the race; budget {d['budget']}"
        return f"Cost: {c.runs:.3g} training runs of {d['problem']['steps']} steps, {c.seconds:.3g} s ({runs})."

    def _rows(self) -> list[dict[str, str]]:
        found = []
        for name, c in sorted(
            self._data["candidates"].items(), key=lambda item: (item[0] != self.choice, -(item[1]["probability_best"] or 0.0))
        ):
            s = self.speedups[name]
            low, high = c.get("lr_low"), c.get("lr_high")
            ms, state = c.get("seconds_per_step"), c.get("state_bytes")
            found.append(
                {
                    "name": name,
                    "lr": f"{c['lr']:.3g}",
                    "range": "fixed" if c.get("rates_fixed") else f"{low:.2g} .. {high:.2g}" if low and high else "-",
                    "steps": "diverged" if c.get("diverged") else str(s.steps),
                    "time": "diverged" if c.get("diverged") else str(s.time),
                    "chance": "-" if c["probability_best"] is None else f"{100 * c['probability_best']:.0f} %",
                    "ms": f"{1e3 * ms:.3g}" if ms else "-",
                    "state": _size(state) if state is not None else "-",
                }
            )
        return found

    def _title(self) -> str:
        return f"{self._data['problem'].get('model', 'model')}: {self.choice} at {self.lr:.3g}"

    def _html_body(self) -> str:
        head = [
            "optimizer",
            "lr",
            "best between",
            f"steps, times {self.baseline}",
            f"time, times {self.baseline}",
            "chance to be best",
            "ms a step",
            "state",
        ]
        keys = ["name", "lr", "range", "steps", "time", "chance", "ms", "state"]
        rows = "".join("<tr>" + "".join(f"<td>{html.escape(r[k])}</td>" for k in keys) + "</tr>" for r in self._rows())
        head_html = "".join(f"<th>{html.escape(h)}</th>" for h in head)
        reasons = "".join(f"<li>{html.escape(r)}</li>" for r in self.reasons)
        return (
            f"<h2>{html.escape(self._headline())}</h2><table><thead><tr>{head_html}</tr></thead><tbody>{rows}</tbody></table>{self._chart()}"
            f"<ul>{reasons}</ul><p>{html.escape(self._cost_line())}</p><pre>{html.escape(self.code_or_nothing())}</pre>"
        )

    def code_or_nothing(self) -> str:
        try:
            return self.code()
        except (ImportError, KeyError):
            return ""

    def _points(self) -> dict[str, list[tuple[float, float]]]:
        """Final loss over rate of the longest runs of each candidate."""
        found: dict[str, list[tuple[float, float]]] = {}
        for name in self._data["candidates"]:
            runs = [r for r in self._data["runs"] if r["candidate"] == name and r["final_loss"] is not None]
            longest = max((r["steps"] for r in runs), default=0)
            found[name] = sorted((float(r["lr"]), float(r["final_loss"])) for r in runs if r["steps"] == longest)
        return {name: points for name, points in found.items() if points}

    def _chart(self) -> str:
        points = self._points()
        values = [p for series in points.values() for p in series]
        if len(values) < 2:
            return ""
        width, height, left, top = 640, 260, 60, 12
        xs, ys = [math.log2(x) for x, _ in values], [y for _, y in values]
        x0, x1, y0, y1 = min(xs), max(xs), min(ys), max(ys)

        def at(lr: float, loss: float) -> tuple[float, float]:
            x = left + (math.log2(lr) - x0) / ((x1 - x0) or 1.0) * (width - left - 110)
            return x, top + (y1 - loss) / ((y1 - y0) or 1.0) * (height - top - 40)

        parts = []
        for i, (name, series) in enumerate(points.items()):
            color = _COLORS[i % len(_COLORS)]
            places = [at(*p) for p in series]
            line = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
            dots = "".join(
                f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{color}"><title>{html.escape(name)}, lr {p[0]:.3g}: '
                f"{p[1]:.4g}</title></circle>"
                for (x, y), p in zip(places, series, strict=True)
            )
            label = f'<text x="{places[-1][0] + 6:.1f}" y="{places[-1][1] + 4:.1f}" fill="{color}">{html.escape(name)}</text>'
            parts.append(f'<polyline points="{line}" fill="none" stroke="{color}"/>{dots}{label}')
        axis = "".join(
            f'<text x="{x:.0f}" y="{height - 8}" text-anchor="middle">{2**v:.2g}</text>'
            for v, x in ((x0, left), (x1, width - 110))
        ) + "".join(
            f'<text x="{left - 8}" y="{y:.0f}" text-anchor="end">{v:.3g}</text>' for v, y in ((y1, top + 4), (y0, height - 36))
        )
        label = f'<text x="{(width - 60) / 2:.0f}" y="{height - 8}" text-anchor="middle">learning rate</text>'
        title = 'role="img" aria-label="final validation loss over learning rate"'
        return f'<svg viewBox="0 0 {width} {height}" width="{width}" {title}>{axis}{"".join(parts)}{label}</svg>'

    def plot(self, ax: Any = None) -> Any:
        """Final validation loss over learning rate on matplotlib axes, which are returned and not shown."""
        try:
            from matplotlib import pyplot
        except ImportError as error:
            raise ImportError("plot() needs matplotlib: pip install normdescent[plot]") from error
        if ax is None:
            ax = pyplot.subplots()[1]
        for name, series in self._points().items():
            ax.plot([x for x, _ in series], [y for _, y in series], marker="o", label=name)
        ax.set_xscale("log", base=2)
        ax.set_xlabel("learning rate")
        ax.set_ylabel("validation " + str(self._data["problem"].get("judged_by", "loss")))
        if self._points():
            ax.legend()
        return ax


def _interval(found: Mapping[str, Any] | None) -> Interval:
    if found is None or found.get("value") is None:
        return Interval(math.nan, math.nan, math.nan, "predicted")
    value, low, high = (math.nan if found[k] is None else float(found[k]) for k in ("value", "low", "high"))
    return Interval(value, low, high, str(found["basis"]))


def _size(count: float) -> str:
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} GB"
