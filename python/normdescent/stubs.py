# SPDX-License-Identifier: Apache-2.0
"""Writes __init__.pyi from the catalog: `python3 -m normdescent.stubs`, when that changed."""

from __future__ import annotations

import textwrap
from pathlib import Path

from ._catalog import CatalogEntry, Option, catalog
from ._classes import option_line

_WIDTH = 100

PATH = Path(__file__).with_name("__init__.pyi")

_HEAD = """\
# SPDX-License-Identifier: Apache-2.0
# Written by `python3 -m normdescent.stubs` from the catalog; a test compares.
from pathlib import Path
from typing import Any, Literal, Mapping, Optional

import torch

from ._catalog import CatalogEntry as CatalogEntry
from ._catalog import Option as Option
from ._catalog import catalog as catalog
from ._groups import Parameters
from ._monitor import TrainingMonitor as TrainingMonitor
from ._optimizer import CatalogOptimizer as CatalogOptimizer
from ._report import ParameterCounters as ParameterCounters
from ._report import ParameterPlan as ParameterPlan

library_path: Path
classes: dict[str, type[CatalogOptimizer]]

def make(name: str, params: Parameters, **options: Any) -> CatalogOptimizer: ...
def msign(g: torch.Tensor, method: str = ..., steps: int = ...) -> torch.Tensor: ...
def step_norm(x: torch.Tensor, geometry: str) -> float: ...
def dual_norm(g: torch.Tensor, geometry: str) -> float: ...
def dual_unit(g: torch.Tensor, geometry: str) -> torch.Tensor: ...
"""


def _type(option: Option) -> str:
    if isinstance(option.default, str):
        return "Literal[" + ", ".join(f'"{choice}"' for choice in option.choices) + "]"
    return type(option.default).__name__


def _default(option: Option) -> str:
    return f'"{option.default}"' if isinstance(option.default, str) else repr(option.default)


def _parameter(option: Option) -> list[str]:
    line = f"        {option.name}: {_type(option)} = {_default(option)},"
    if len(line) <= _WIDTH or not isinstance(option.default, str):
        return [line]
    choices = [f'            "{choice}",' for choice in option.choices]
    return [f"        {option.name}: Literal[", *choices, f"        ] = {_default(option)},"]


def _class(entry: CatalogEntry) -> str:
    rate = next(option for option in entry.options if option.name == "lr")
    lines = [
        f"class {entry.class_name}(CatalogOptimizer):",
        *textwrap.wrap(f'    """{entry.title}: {entry.summary}', _WIDTH, subsequent_indent=" " * 4),
        "",
    ]
    for option in entry.options:
        lines += textwrap.wrap(
            option_line(option), _WIDTH, initial_indent=" " * 4, subsequent_indent=" " * 8
        )
    lines += ['    """', "", "    def __init__(", "        self,", "        params: Parameters,"]
    lines += [f"        lr: float = {_default(rate)},", "        *,"]
    lines += ["        roles: Optional[Mapping[str, str]] = None,"]
    for option in entry.options:
        if option is not rate:
            lines += _parameter(option)
    return "\n".join([*lines, "    ) -> None: ..."]) + "\n"


def text() -> str:
    """The whole file."""
    return "\n".join([_HEAD, *(_class(entry) for entry in catalog())])


if __name__ == "__main__":
    PATH.write_text(text(), encoding="utf-8")
