# SPDX-License-Identifier: Apache-2.0
"""`optimizers=` and `baseline=` as candidates of a race: names of the catalog, options, factories."""

from __future__ import annotations

import difflib
import inspect
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from ._errors import ProblemError
from ._features import roles
from ._model import trainable

Factory = Callable[[list[tuple[str, nn.Parameter]], float], torch.optim.Optimizer]

DEFAULT_OPTIMIZERS = ("sgd-momentum", "adamw", "signsgd", "lion", "muon")
BASELINE = "baseline"  # the name of a baseline given as (factory, lr)

# What a race means by a name, where that is not the class with its defaults: what is known of other problems was learned so.
# Muon matched to AdamW's RMS, so that one rate serves both of its parts, and carries over between shapes.
_MEANINGS: dict[str, tuple[str, dict[str, Any]]] = {
    "sgd-momentum": ("sgd", {"momentum": 0.9, "nesterov": True}),
    "muon": ("muon", {"adjust_lr_fn": "match_rms_adamw", "weight_decay": 0.0}),
}


@dataclass(frozen=True)
class Candidate:
    """One entrant of a race.

    kind         the catalog's name (with aliases), or "custom"
    lr           a fixed rate, or a first guess, or None
    rates_fixed  whether lr is the only rate
    """

    name: str
    kind: str
    lr: float | None = None
    rates_fixed: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)
    factory: Factory | None = None

    def make(self, model: nn.Module, lr: float) -> torch.optim.Optimizer:
        """One optimizer with every trainable parameter of the model."""
        named = trainable(model)
        if self.factory is None:
            return _make_catalog(self.kind, model, named, lr, self.options)
        optimizer = self.factory(named, lr)
        if not isinstance(optimizer, torch.optim.Optimizer):
            raise TypeError(
                f"optimizers: the factory of {self.name} gave a {type(optimizer).__name__}; expected a torch.optim.Optimizer"
            )
        ours = {id(p) for _, p in named}
        held = [p for group in optimizer.param_groups for p in group["params"]]
        if not any(id(p) in ours for p in held):
            raise ProblemError(
                f"optimizers: the factory of {self.name} made an optimizer of other parameters; expected those of its "
                "argument named_parameters"
            )
        return optimizer

    def row(self) -> dict[str, Any]:
        """What the planner is told."""
        return {"name": self.name, "kind": self.kind, "lr": self.lr, "rates_fixed": self.rates_fixed}

    def described(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "options": {k: _plain(v) for k, v in self.options.items()},
            "lr": self.lr,
            "rates_fixed": self.rates_fixed,
        }


def catalog_classes() -> dict[str, type[torch.optim.Optimizer]]:
    """Every optimizer class of the package by its catalog name."""
    from . import optimizers

    found = {}
    for name, value in vars(optimizers).items():
        if isinstance(value, type) and issubclass(value, torch.optim.Optimizer) and not name.startswith("_"):
            kind = getattr(value, "kind", name.lower())
            if kind:
                found[str(kind)] = value
    return found


def _key(name: str) -> str:
    return name.lower().replace("-", "").replace("_", "")


def _plain(value: Any) -> Any:
    if isinstance(value, (str, int, float, bool, type(None))):
        return value
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    return str(value)


def catalog_class(kind: str) -> tuple[type[torch.optim.Optimizer], dict[str, Any]]:
    """The class that a race means by a name, and its options."""
    base, options = _MEANINGS.get(kind, (kind, {}))
    return catalog_classes()[base], dict(options)


def _make_catalog(
    kind: str, model: nn.Module, named: list[tuple[str, nn.Parameter]], lr: float, options: Mapping[str, Any]
) -> torch.optim.Optimizer:
    made, given = catalog_class(kind)
    given.update(options)
    given["lr"] = lr
    if not hasattr(made, "kind"):
        return made([p for _, p in named], **given)
    if made._entry.is_routed:  # type: ignore[attr-defined]
        found = roles(model)
        given["roles"] = {name: found[name] for name, _ in named}
    return made(named, **given)


def _known_name(name: str, where: str) -> str:
    """The canonical name ("AdamW" is "adamw"), or a ValueError with the nearest one."""
    known = {_key(n): n for n in (*catalog_classes(), *_MEANINGS)}
    found = known.get(_key(name))
    if found is not None:
        return found
    near = difflib.get_close_matches(_key(name), list(known), 1, 0.5)
    hint = f"; did you mean {known[near[0]]}?" if near else ""
    raise ValueError(f"{where}: no optimizer {name!r}{hint} (known: {', '.join(sorted(known.values()))})")


def _rate(value: Any, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float, torch.Tensor)):
        raise TypeError(f"{where}: lr is a {type(value).__name__}; expected a number")
    lr = float(value)
    if not (math.isfinite(lr) and lr > 0):
        raise ValueError(f"{where}: lr = {lr}, expected a positive number")
    return lr


def _from_factory(name: str, factory: Any, lr: float | None, fixed: bool) -> Candidate:
    if isinstance(factory, type) and issubclass(factory, torch.optim.Optimizer):
        return Candidate(name, "custom", lr, fixed, {}, _ClassFactory(factory))
    return Candidate(name, "custom", lr, fixed, {}, factory)


class _ClassFactory:
    """A class of torch.optim as a factory."""

    def __init__(self, made: type[torch.optim.Optimizer]) -> None:
        self._made = made

    def __call__(self, named: list[tuple[str, nn.Parameter]], lr: float) -> torch.optim.Optimizer:
        return self._made([p for _, p in named], lr=lr)  # type: ignore[call-arg]


def _one(name: str, value: Any, where: str) -> Candidate:
    if value is None:
        value = {}
    if isinstance(value, tuple) and len(value) == 2 and callable(value[0]):
        return _from_factory(name, value[0], _rate(value[1], where), False)
    if callable(value):
        return _from_factory(name, value, None, False)
    if not isinstance(value, Mapping):
        raise TypeError(
            f"{where}: a {type(value).__name__}; expected a dict of options, a factory(named_parameters, lr), or (factory, lr)"
        )
    kind = _known_name(name, where)
    options = dict(value)
    lr = options.pop("lr", None)
    _check_options(kind, options, where)
    return Candidate(name, kind, None if lr is None else _rate(lr, where), lr is not None, options)


def _check_options(kind: str, options: Mapping[str, Any], where: str) -> None:
    if not options:
        return
    made, _ = catalog_class(kind)
    parameters = inspect.signature(made.__init__).parameters
    if any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters.values()):
        return
    names = [n for n in parameters if n not in ("self", "params")]
    for option in options:
        if option not in names:
            near = difflib.get_close_matches(option, names, 1, 0.5)
            raise ValueError(
                f"{where}: no option {option!r}{f'; did you mean {near[0]}?' if near else ''} (known: {', '.join(names)})"
            )


def parse(optimizers: Any, baseline: Any) -> tuple[list[Candidate], str]:
    """The candidates, the baseline among them, and the baseline's name."""
    if optimizers is None:
        optimizers = list(DEFAULT_OPTIMIZERS)
    if isinstance(optimizers, (str, bytes)) or not isinstance(optimizers, Iterable):
        raise TypeError(
            f"optimizers is a {type(optimizers).__name__}; expected a list of names or a mapping from names to options"
        )
    found: list[Candidate] = []
    if isinstance(optimizers, Mapping):
        for name, value in optimizers.items():
            found.append(_one(str(name), value, f"optimizers[{name!r}]"))
    else:
        for entry in optimizers:
            found.append(_entry(entry, f"optimizers[{len(found)}]", {c.name for c in found}))
    if not found:
        raise ValueError("optimizers is empty; expected at least one name or factory")
    names = [c.name for c in found]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(
                f"optimizers: {name} is named twice; expected each candidate once (a mapping gives two of a kind names of "
                "their own)"
            )
    return _with_baseline(found, baseline)


def _entry(entry: Any, where: str, taken: set[str]) -> Candidate:
    if isinstance(entry, str):
        name = _known_name(entry, where)
        return Candidate(name, name)
    factory = entry[0] if isinstance(entry, tuple) and len(entry) == 2 else entry
    if not callable(factory):
        raise TypeError(
            f"{where} is a {type(entry).__name__}; expected a name, a factory(named_parameters, lr), or (factory, lr)"
        )
    name = getattr(factory, "__name__", type(factory).__name__).strip("<>")
    unique, number = name, 2
    while unique in taken:
        unique, number = f"{name}-{number}", number + 1
    return _one(unique, entry, where)


def _with_baseline(found: list[Candidate], baseline: Any) -> tuple[list[Candidate], str]:
    if isinstance(baseline, str):
        by_name = {c.name: c for c in found}
        if baseline in by_name:
            return found, baseline
        name = _known_name(baseline, "baseline")
        if name not in by_name:
            found.append(Candidate(name, name, default_rate(name), True))
        return found, name
    if isinstance(baseline, tuple) and len(baseline) == 2 and (callable(baseline[0]) or isinstance(baseline[0], str)):
        lr = _rate(baseline[1], "baseline")
        name = BASELINE
        if any(c.name == name for c in found):
            raise ValueError(f"optimizers: {name!r} is the name of the baseline; expected another name")
        if isinstance(baseline[0], str):
            found.append(Candidate(name, _known_name(baseline[0], "baseline"), lr, True))
        else:
            found.append(_from_factory(name, baseline[0], lr, True))
        return found, name
    raise TypeError(f"baseline is a {type(baseline).__name__}; expected a name or (factory, lr)")


def default_rate(name: str) -> float | None:
    """The rate that the class has by default."""
    made, _ = catalog_class(name)
    default = inspect.signature(made.__init__).parameters.get("lr")
    if default is None or not isinstance(default.default, (int, float)):
        return None
    return float(default.default)
