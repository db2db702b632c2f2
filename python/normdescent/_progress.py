# SPDX-License-Identifier: Apache-2.0
"""How far a race has come, on standard error: one line that is rewritten in a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from typing import Any, TextIO


class Progress:
    """progress=None shows a bar where somebody watches: a terminal or a notebook. False shows nothing."""

    def __init__(self, wanted: bool | None, what: str, stream: TextIO | None = None) -> None:
        if wanted is not None and not isinstance(wanted, bool):
            raise TypeError(f"progress is {wanted!r}; expected True, False or None")
        self._stream = sys.stderr if stream is None else stream
        self._terminal = bool(getattr(self._stream, "isatty", lambda: False)())
        self._on = (self._terminal or _in_notebook()) if wanted is None else wanted
        self._what = what
        self._start = time.monotonic()
        self._shown = -1e9
        self._width = 0
        self._bar: Any = None
        self._task: Any = None

    def __enter__(self) -> Progress:
        if self._on and self._terminal:
            try:
                from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
                from rich.progress import Progress as Rich
            except ImportError:
                return self
            from rich.console import Console

            columns = (
                TextColumn("{task.description}"),
                BarColumn(),
                TextColumn("{task.percentage:>3.0f}%"),
                TimeRemainingColumn(),
                TextColumn("{task.fields[now]}"),
            )
            self._bar = Rich(*columns, console=Console(file=self._stream), transient=True)
            self._bar.start()
            self._task = self._bar.add_task(self._what, total=1.0, now="")
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()
        elif self._on and self._terminal and self._width:
            print("\r" + " " * self._width + "\r", end="", file=self._stream, flush=True)

    def show(self, fraction: float, now: str) -> None:
        """`fraction` done in [0, 1] and what is being done; at most five times a second in a terminal, every 30 s in a log."""
        if not self._on:
            return
        moment = time.monotonic()
        if moment - self._shown < (0.2 if self._terminal else 30.0):
            return
        self._shown = moment
        fraction = min(1.0, max(0.0, fraction))
        if self._bar is not None:
            self._bar.update(self._task, completed=fraction, now=now)
            return
        line = f"{self._what} {100 * fraction:3.0f} %{self._left(moment, fraction)}  {now}"
        if self._terminal:
            line = line[:118]
            print("\r" + line.ljust(self._width), end="", file=self._stream, flush=True)
            self._width = max(self._width, len(line))
        else:
            print(line, file=self._stream, flush=True)

    def _left(self, moment: float, fraction: float) -> str:
        spent = moment - self._start
        if fraction < 0.02 or spent < 1.0:
            return ""
        left = spent * (1.0 - fraction) / fraction
        return f", {left / 60:.0f} min left" if left > 90 else f", {left:.0f} s left"


def _in_notebook() -> bool:
    shell = sys.modules.get("IPython")
    found = shell.get_ipython() if shell is not None and hasattr(shell, "get_ipython") else None
    return type(found).__name__ == "ZMQInteractiveShell"
