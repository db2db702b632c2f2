# SPDX-License-Identifier: Apache-2.0
"""One class for each optimizer of the catalog; stubs.py tells type checkers of them."""

from __future__ import annotations

import inspect
from typing import Any, Optional

from ._catalog import CatalogEntry, Option
from ._groups import Parameters
from ._optimizer import CatalogOptimizer


def option_line(option: Option) -> str:
    """An option as its line of a docstring."""
    return f"{option.name}  {option.meaning}; {option.domain}"


def _signature(entry: CatalogEntry) -> inspect.Signature:
    parameter = inspect.Parameter
    rate, *others = sorted(entry.options, key=lambda option: option.name != "lr")
    return inspect.Signature(
        [
            parameter("self", parameter.POSITIONAL_OR_KEYWORD),
            parameter("params", parameter.POSITIONAL_OR_KEYWORD, annotation=Parameters),
            parameter(
                "lr", parameter.POSITIONAL_OR_KEYWORD, default=rate.default, annotation=float
            ),
            parameter(
                "roles", parameter.KEYWORD_ONLY, default=None, annotation="Mapping[str, str] | None"
            ),
            *(
                parameter(
                    o.name, parameter.KEYWORD_ONLY, default=o.default, annotation=type(o.default)
                )
                for o in others
            ),
        ]
    )


def make_class(entry: CatalogEntry) -> type[CatalogOptimizer]:
    """The class of a catalog entry, e.g. Muon(params, lr=0.001, *, roles=None, beta=0.95, ...)."""

    def __init__(
        self: CatalogOptimizer, params: Parameters, lr: Optional[float] = None, **options: Any
    ) -> None:
        if lr is not None:
            options["lr"] = lr
        CatalogOptimizer.__init__(self, params, **options)

    __init__.__signature__ = _signature(entry)  # type: ignore[attr-defined]
    lines = "\n    ".join(option_line(option) for option in entry.options)
    doc = f"{entry.title}: {entry.summary}\n\n    {lines}\n\n    The rest: CatalogOptimizer."
    namespace = {"__init__": __init__, "__doc__": doc, "__module__": "normdescent", "entry": entry}
    return type(entry.class_name, (CatalogOptimizer,), namespace)
