# SPDX-License-Identifier: Apache-2.0
"""The catalog of optimizers as the library tells it: names, options, defaults, domains."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from typing import Any, Iterable, Mapping, Union

import torch

OptionValue = Union[bool, int, float, str]

# What other libraries call our options; only for hints in errors.
_SYNONYMS = {
    "learning_rate": "lr",
    "weight_decay": "decoupled_decay",
    "momentum": "beta",
    "betas": "beta1",
    "eps": "epsilon",
}


@dataclass(frozen=True)
class Option:
    """One option of an optimizer. The library's learning_rate is lr, as torch's schedulers want."""

    name: str
    default: OptionValue
    domain: str
    meaning: str

    @property
    def choices(self) -> list[str]:
        """The texts that a choice may be; empty for numbers."""
        return (
            self.domain[len("one of ") :].split(", ") if self.domain.startswith("one of ") else []
        )


@dataclass(frozen=True)
class CatalogEntry:
    """One optimizer of the catalog."""

    name: str  # "normalized-sgd"
    title: str  # "Normalized SGD"
    summary: str  # the update in one line
    geometry: str
    options: tuple[Option, ...]

    @property
    def class_name(self) -> str:
        """The title as the name of a class: NormalizedSGD."""
        return "".join(
            word[0].upper() + word[1:] for word in re.findall(r"[A-Za-z0-9]+", self.title)
        )


def _typed(text: str, domain: str) -> OptionValue:
    """A default as a value of the type that its domain tells."""
    if domain == "one of true, false":
        return text == "true"
    if domain.startswith("one of "):
        return text
    return int(text) if domain.startswith("a whole number") else float(text)


def _option(name: str, default: str, domain: str, meaning: str) -> Option:
    return Option(
        "lr" if name == "learning_rate" else name, _typed(default, domain), domain, meaning
    )


def catalog() -> list[CatalogEntry]:
    """Every optimizer of the library."""
    return [
        CatalogEntry(name, title, summary, geometry, tuple(_option(*row) for row in options))
        for name, title, summary, geometry, _, options in torch.ops.normdescent.catalog()
    ]


def to_text(value: Any) -> str:
    """A value as the library parses it. Numbers keep every bit: repr reads back equal."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    if isinstance(value, int):
        return str(value)
    try:
        return repr(float(value))  # numbers of NumPy and tensors of one number too
    except (TypeError, ValueError):
        return str(value)  # the library's error then names the option


def library_options(options: Mapping[str, Any]) -> dict[str, str]:
    """Options by Python's names as texts by the library's names."""
    return {
        "learning_rate" if name == "lr" else name: to_text(value) for name, value in options.items()
    }


def hint(name: str, known: Iterable[str]) -> str:
    """What `name` may have meant, as the end of an error message; empty if it is like no option."""
    names = list(known)
    meant = _SYNONYMS.get(name) if _SYNONYMS.get(name) in names else None
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.75)
    guess = meant or (near[0] if near else None)
    return f"; did you mean {guess}?" if guess else ""
