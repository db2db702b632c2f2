# SPDX-License-Identifier: Apache-2.0
"""How options are called: torch's names and meanings here, the library's in the core.

The core's catalog knows every option (`_core.catalog()`); this module only says what Python calls it, which of torch's
keys mean something here, and which are refused.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from . import _core

# What the core calls an option -> what torch's users call it.
NAMES = {
    "learning_rate": "lr",
    "beta": "momentum",
    "decoupled_decay": "weight_decay",
    "epsilon": "eps",
    "steps": "ns_steps",
    "fallback_epsilon": "adamw_eps",
    "fallback_decoupled_decay": "adamw_weight_decay",
    "fallback_rate": "adamw_lr_ratio",
}
# Two numbers of the core that are one pair in torch.
PAIRS = {"betas": ("beta1", "beta2"), "adamw_betas": ("fallback_beta1", "fallback_beta2")}

# Options of the core that Python does not have, and why.
ABSENT = {
    "clip_norm": "torch.nn.utils.clip_grad_norm_ does it, before the step",
    "on_nonfinite": "as in torch, a step is taken whatever the gradient is; GradScaler skips those that are not finite",
    "bfloat16_rounding": "parameters in bfloat16 keep a float32 master in their state",
    "rounding_seed": "belongs to stochastic rounding",
}

# Keys that schedulers, wrappers and trainers put into groups.
FOREIGN_KEYS = frozenset(
    {"params", "param_names", "roles", "name", "initial_lr", "max_lr", "min_lr", "swa_lr", "max_momentum", "base_momentum"}
    | {"lr_scale", "group_name", "param_group_name"}
)

# Keys that torch's own classes have, with the values that change nothing here. "foreach" and "fused" only choose an
# implementation: ours is one pass in any case, and GradScaler scales for a class that does not say it does so itself.
TORCH_KEYS: dict[str, Callable[[Any], bool]] = {
    "foreach": lambda value: value is None or isinstance(value, bool),
    "fused": lambda value: value is None or isinstance(value, bool),
    "capturable": lambda value: not value,
    "differentiable": lambda value: not value,
    "amsgrad": lambda value: not value,
    "decoupled_weight_decay": lambda value: bool(value),
}
WHY_NOT = {
    "capturable": "a step of ours is not captured in a CUDA graph",
    "differentiable": "gradients do not flow through a step of ours",
    "amsgrad": "there is no maximum of second moments here",
    "decoupled_weight_decay": "weight decay is decoupled here",
}


def nearest(name: str, known: Iterable[str]) -> str:
    """The hint of a refusal: '; did you mean weight_decay?' or nothing."""
    found = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.6)
    return f"; did you mean {found[0]}?" if found else ""


@dataclass(frozen=True)
class Entry:
    """An optimizer of the catalog as a class of Python."""

    kind: str  # the catalog's name
    class_name: str
    torch_class: str = ""  # the class of torch.optim whose defaults and meanings this one has
    state_keys: Mapping[str, str] = field(default_factory=dict)  # the core's buffers -> keys of state[p]
    is_routed: bool = False  # parameters of different roles get different rules
    renamed: Mapping[str, str] = field(default_factory=dict)  # the core's name -> Python's, before NAMES
    dropped: frozenset[str] = frozenset()  # options of the core that torch's own keys stand for
    initial: Mapping[str, str] = field(default_factory=dict)  # key of state[p] -> the option that says what it starts from
    has_state_at_once: bool = False  # torch's class fills `state` when it is made, counts included
    torch_keys: tuple[str, ...] = ("foreach", "capturable", "differentiable", "fused")

    def python_name(self, core_name: str) -> str | None:
        """What Python calls an option of the core; None if it has none."""
        if core_name in ABSENT or core_name in self.dropped:
            return None
        for pair, members in PAIRS.items():
            if core_name in members and core_name not in self.renamed:
                return pair
        return self.renamed.get(core_name, NAMES.get(core_name, core_name))


_ADAM = {"momentum": "exp_avg", "second_moment": "exp_avg_sq"}
_MUON = {"momentum": "momentum_buffer", "second_moment": "exp_avg_sq"}
_HEAVY_BALL = frozenset({"momentum_form", "start"})

ENTRIES: dict[str, Entry] = {
    entry.kind: entry
    for entry in (
        Entry(
            "sgd",
            "SGD",
            torch_class="SGD",
            state_keys={"momentum": "momentum_buffer"},
            renamed={"l2_penalty": "weight_decay", "decoupled_decay": "decoupled_decay"},
            dropped=_HEAVY_BALL,
            torch_keys=("foreach", "differentiable", "fused"),
        ),
        Entry("normalized-sgd", "NormalizedSGD", state_keys={"momentum": "momentum_buffer"}),
        Entry("row-normalized-sgd", "RowNormalizedSGD", state_keys={"momentum": "momentum_buffer"}),
        Entry("signsgd", "SignSGD"),
        Entry("signum", "Signum", state_keys={"momentum": "momentum_buffer"}),
        Entry("lion", "Lion", state_keys={"momentum": "exp_avg"}),
        Entry("cautious-lion", "CautiousLion", state_keys={"momentum": "exp_avg"}),
        Entry(
            "muon",
            "Muon",
            torch_class="Muon",
            state_keys=_MUON,
            is_routed=True,
            dropped=frozenset({"shape_scale"}) | _HEAVY_BALL,
        ),
        Entry("muonlight", "Muonlight", state_keys=_MUON, is_routed=True),
        Entry(
            "adamw",
            "AdamW",
            torch_class="AdamW",
            state_keys=_ADAM,
            torch_keys=("amsgrad", "foreach", "capturable", "differentiable", "fused"),
        ),
        Entry(
            "adagrad",
            "Adagrad",
            torch_class="Adagrad",
            state_keys={"sum_of_squares": "sum", "momentum": "momentum_buffer"},
            renamed={"delta": "eps", "l2_penalty": "weight_decay", "decoupled_decay": "decoupled_decay"},
            initial={"sum": "initial_accumulator_value"},
            has_state_at_once=True,
            torch_keys=("foreach", "differentiable", "fused"),
        ),
        Entry("adagrad-norm", "AdaGradNorm", state_keys={"momentum": "momentum_buffer"}, renamed={"delta": "eps"}),
        Entry("mars-lion", "MARSLion", state_keys={"momentum": "exp_avg"}),
        Entry("mars-adamw", "MARSAdamW", state_keys=_ADAM),
        Entry("scion", "Scion", state_keys={"momentum": "momentum_buffer"}, is_routed=True),
        Entry("scion-constrained", "ScionConstrained", state_keys={"momentum": "momentum_buffer"}, is_routed=True),
        Entry("lionmuon", "LionMuon", state_keys={"momentum": "exp_avg"}, is_routed=True),
        Entry("asgo", "ASGO", state_keys=_MUON, is_routed=True, renamed={"beta2": "beta2"}),
        Entry("shampoo", "Shampoo", state_keys=_MUON, is_routed=True, renamed={"beta2": "beta2"}),
    )
}

# torch.optim.Muon's only set of coefficients that the core has by name.
_JORDAN = (3.4445, -4.775, 2.0315)
_SHAPE_SCALES = {None: "sqrt-max-one", "original": "sqrt-max-one", "match_rms_adamw": "match-adamw-rms"}


def core_rows(kind: str) -> list[dict[str, str]]:
    """The options of an optimizer as the core lists them."""
    for row in _core.catalog():
        if row["name"] == kind:
            return list(row["options"])
    raise ValueError(f"no optimizer {kind}{nearest(kind, ENTRIES)}")


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    if isinstance(value, int):
        return str(value)
    return repr(float(value))  # a tensor of one element, too: torch takes them for lr and betas


def _sgd(group: Mapping[str, Any], core: dict[str, str]) -> None:
    damping, momentum = float(group["dampening"]), float(group["momentum"])
    if damping not in (0.0, momentum):
        raise ValueError(f"dampening = {damping}, must be 0 or equal to momentum, which makes it an average")
    core["momentum_form"] = "ema" if momentum and damping else "heavy-ball"
    core["start"] = "first-gradient" if momentum and damping else "zero"
    if group["nesterov"] and (momentum <= 0.0 or damping != 0.0):
        raise ValueError("nesterov: needs a momentum and no dampening")


def _muon(group: Mapping[str, Any], core: dict[str, str]) -> None:
    scale = group["adjust_lr_fn"]
    core["shape_scale"] = _SHAPE_SCALES.get(scale, str(scale))
    if tuple(float(c) for c in group["ns_coefficients"]) != _JORDAN:
        raise ValueError(f"ns_coefficients = {group['ns_coefficients']}, must be {_JORDAN}; method= names other iterations")
    if not 0.0 <= float(group["eps"]) <= 1e-6:
        raise ValueError(f"eps = {group['eps']}, must be in [0, 1e-6]: msign of ours needs none")
    if group["precision"] == "auto":  # torch iterates in bfloat16
        core["precision"] = "bfloat16" if group["method"] == "jordan" else "full"
    if group["method"] in ("svd", "resolvent"):
        core["steps"] = "0"  # they take none


def _adagrad(group: Mapping[str, Any], core: dict[str, str]) -> None:
    if float(group["lr_decay"]) != 0.0:
        raise ValueError(f"lr_decay = {group['lr_decay']}, must be 0; a scheduler does it: 1 / (1 + t lr_decay)")
    if not float(group["initial_accumulator_value"]) >= 0.0:
        raise ValueError(f"initial_accumulator_value = {group['initial_accumulator_value']}, must be at least 0")


_SPECIAL: dict[str, Callable[[Mapping[str, Any], dict[str, str]], None]] = {"sgd": _sgd, "muon": _muon, "adagrad": _adagrad}


class Translation:
    """From a group of one class to the options of the core."""

    def __init__(self, kind: str) -> None:
        self.entry = ENTRIES[kind]
        self.single: list[tuple[str, str]] = []  # (Python's key, the core's name)
        self.pairs: list[tuple[str, tuple[str, str]]] = []
        for row in core_rows(kind):
            key = self.entry.python_name(row["name"])
            if key is None or key == "lr":
                continue
            if key in PAIRS and row["name"] not in self.entry.renamed:
                if (key, PAIRS[key]) not in self.pairs:
                    self.pairs.append((key, PAIRS[key]))
            else:
                self.single.append((key, row["name"]))
        self._special = _SPECIAL.get(kind)

    def __call__(self, group: Mapping[str, Any]) -> dict[str, str]:
        """ValueError that names key and value for what is outside its domain."""
        core = {"learning_rate": "1"}  # the rate of a step comes with the step
        for key, name in self.single:
            value = group[key]
            core[name] = "0" if value is None else _text(value)
        for key, names in self.pairs:
            pair = tuple(group[key])
            if len(pair) != 2:
                raise ValueError(f"{key} = {group[key]}, must be two numbers")
            core.update(zip(names, map(_text, pair), strict=True))
        if self._special is not None:
            self._special(group, core)
        for key in self.entry.torch_keys:
            value = group.get(key)
            if not TORCH_KEYS[key](value) and value is not None:
                raise ValueError(f"{key} = {value!r} is not supported: {WHY_NOT.get(key, 'must be True, False or None')}")
        if group.get("fused") and group.get("foreach"):
            raise ValueError("fused and foreach: must not both be True")
        return core

    def check(self, group: Mapping[str, Any]) -> dict[str, str]:
        """The core's options, after the core has looked at them and lr at itself."""
        core = self(group)
        lr = group["lr"]
        if not 0.0 <= float(lr) < float("inf"):
            raise ValueError(f"lr = {lr}, must be in [0, inf)")
        try:
            _core.check_options(self.entry.kind, core)
        except ValueError as error:
            raise ValueError(self._in_python_words(str(error))) from None
        return core

    def _in_python_words(self, message: str) -> str:
        for key, names in self.pairs:
            for index, name in enumerate(names):
                message = message.replace(f"{name} = ", f"{key}[{index}] = ")
        for key, name in self.single:
            if key != name:
                message = message.replace(f" {name} = ", f" {key} = ")
        return message


def check_keys(class_name: str, group: Mapping[str, Any], known: Iterable[str]) -> None:
    """ValueError for a key of a group that neither the class nor a scheduler has."""
    known = set(known)
    for key in group:
        if key in known or key in FOREIGN_KEYS:
            continue
        if key in TORCH_KEYS and TORCH_KEYS[key](group[key]):
            continue
        reason = f" ({WHY_NOT[key]})" if key in WHY_NOT else ""
        options = ", ".join(sorted(known - FOREIGN_KEYS))
        raise ValueError(f"{class_name}: no option {key}{reason}{nearest(key, known)} (options: {options})")
