# SPDX-License-Identifier: Apache-2.0
"""What can be wrong with a user's problem, as exceptions that survive pickling."""

from __future__ import annotations

from typing import TypeVar

E = TypeVar("E", bound=BaseException)


class ProblemError(ValueError):
    """A user's model, loss or data did something that cannot be raced: what, where, what was expected, a hint."""

    __module__ = "normdescent"


def add_note(error: E, note: str) -> E:
    """`error.add_note(note)`, for Python 3.10 too (PEP 678 came with 3.11)."""
    if hasattr(error, "add_note"):
        error.add_note(note)
    else:
        notes = getattr(error, "__notes__", [])
        error.__notes__ = [*notes, note]  # type: ignore[attr-defined]
    return error
