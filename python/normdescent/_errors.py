# SPDX-License-Identifier: Apache-2.0
"""What goes wrong, by kind."""

from __future__ import annotations

from typing import TypeVar


class ProblemError(ValueError):
    """A user's model, loss or data did something that cannot be worked with: what, where, what was expected, a hint."""


class RoutingWarning(UserWarning):
    """Parameters were given a rule by their shape, because nothing said what they are."""


class MissingPackageError(ImportError):
    """An optional package is needed for what was asked."""

    def __init__(self, package: str, purpose: str, extra: str = "") -> None:
        way = f"pip install 'normdescent[{extra}]'" if extra else f"pip install {package}"
        super().__init__(f"{purpose} needs {package}: {way}", name=package)
        self._arguments = (package, purpose, extra)

    def __reduce__(self) -> tuple[type[MissingPackageError], tuple[str, str, str]]:
        return type(self), self._arguments


E = TypeVar("E", bound=BaseException)


def add_note(error: E, note: str) -> E:
    """`error.add_note(note)`, for Python 3.10 too (PEP 678 came with 3.11)."""
    if hasattr(error, "add_note"):
        error.add_note(note)
    else:
        error.__notes__ = [*getattr(error, "__notes__", []), note]  # type: ignore[attr-defined]
    return error
