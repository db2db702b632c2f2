# SPDX-License-Identifier: Apache-2.0
"""A torch.optim.Optimizer with the steps of the core: the base of all classes in optimizers.py.

What lives between steps is where torch looks for it: `defaults`, `param_groups`, `state`. Everything else here can be thrown
away at any moment and is made anew: pickle, deepcopy and load_state_dict do not even see it.
"""

from __future__ import annotations

import functools
import inspect
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, TypeVar

import torch
from torch import Tensor

from . import _cpu
from ._options import ENTRIES, Entry, Translation, check_keys, nearest
from ._routing import Parameters, as_groups, complete_group, plan_table, roles_of

_C = TypeVar("_C", bound=type)
_Hook = Callable[..., Any]


def refuses_unknown_options(cls: _C) -> _C:
    """Python's own TypeError does not say what was meant; this one does."""
    plain: Callable[..., None] = vars(cls)["__init__"]
    names = list(inspect.signature(plain).parameters)[1:]

    @functools.wraps(plain)
    def __init__(self: Any, *args: Any, **options: Any) -> None:
        for name in options:
            if name not in names:
                known = ", ".join(name for name in names if name != "params")
                raise TypeError(f"{cls.__name__}: no option {name}{nearest(name, names)} (options: {known})")
        plain(self, *args, **options)

    type.__setattr__(cls, "__init__", __init__)
    type.__setattr__(cls, "_watched", tuple(name for name in names if name not in ("params", "roles", "lr")))
    return cls


class _GroupPlan:
    """How one group is stepped as long as neither its options nor its tensors change in kind."""

    def __init__(self, owner: CatalogOptimizer, index: int, group: dict[str, Any], snapshot: tuple[Any, ...]) -> None:
        self.snapshot = snapshot
        self.keys = len(group)
        self.owner = owner
        self.index = index
        self.rebuild(group)

    def rebuild(self, group: dict[str, Any]) -> None:
        tensors: list[Tensor] = group["params"]
        self.signature = _cpu.signature(tensors)
        names, roles = self.owner._names_and_roles(self.index, group)
        options = self.owner._translation.check(group)
        kinds: dict[Any, list[int]] = {}
        for i, tensor in enumerate(tensors):
            dtype = _cpu.compute_dtype(tensor)
            if dtype is not None and tensor.device.type != "meta":
                kinds.setdefault((tensor.device.type == "cpu", dtype), []).append(i)
        self.parts: list[tuple[Any, list[int] | None]] = []
        for (is_cpu, dtype), indices in kinds.items():
            is_all = len(indices) == len(tensors)
            make = _cpu.Part if is_cpu and not self.owner._uses_torch_everywhere else self.owner._device_part
            is_wide = dtype is torch.float64 and options.get("precision") == "bfloat16"  # float64 is there to be precise
            part = make(
                self.owner._entry,
                {**options, "precision": "full"} if is_wide else options,
                dtype,
                [tensors[i] for i in indices],
                [names[i] for i in indices],
                [roles[i] for i in indices],
                {key: float(group[option]) for key, option in self.owner._entry.initial.items()},
            )
            self.parts.append((part, None if is_all else indices))
        self.left_out = [i for i, t in enumerate(tensors) if _cpu.compute_dtype(t) is None]
        self.names = names

    def prepare(self, group: dict[str, Any]) -> None:
        tensors = group["params"]
        state = self.owner.state
        for _ in range(2):
            if len(tensors) == len(self.signature) and all(
                part.prepare(tensors if indices is None else [tensors[i] for i in indices], state)
                for part, indices in self.parts
            ):
                for i in self.left_out:
                    if tensors[i].grad is not None:
                        _cpu.check_gradient(self.names[i], tensors[i], tensors[i].grad)
                return
            self.rebuild(group)
        raise ValueError(f"group {self.index}: its tensors change while they are looked at")


class CatalogOptimizer(torch.optim.Optimizer):
    """An optimizer of the catalog, used like any of torch.optim.

    `params` are what torch.optim takes (tensors, named tensors, groups), or a module. Optimizers that treat matrices, embeddings,
    the head and vectors differently want a module or named parameters; `roles` ({"name": "embedding"}) says what they cannot
    see. Groups may have any option of their own; schedulers may change lr, momentum and betas.
    """

    kind: ClassVar[str] = ""  # the catalog's name
    _entry: ClassVar[Entry]
    _translation: ClassVar[Translation]

    _watched: ClassVar[tuple[str, ...]] = ()  # the options but lr, which comes with each step

    _uses_torch_everywhere: ClassVar[bool] = False  # tests step CPU tensors as those of other devices are stepped

    _plans: list[_GroupPlan | None] | None = None
    _loading: Mapping[str, Any] | None = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if cls.kind and "kind" in cls.__dict__:
            cls._entry = ENTRIES[cls.kind]
            cls._translation = Translation(cls.kind)

    def __init__(self, params: Parameters, defaults: dict[str, Any], roles: Mapping[str, str] | None = None) -> None:
        groups = as_groups(params, roles, type(self).__name__, self._entry.is_routed)
        self._translation.check(defaults)
        super().__init__(groups, defaults)

    # ---- groups ----------------------------------------------------------------------------------

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Adds a group: {"params": ..., "lr": ..., any other option}; nothing if it is refused."""
        if isinstance(param_group, dict) and isinstance(param_group.get("params"), (set, frozenset)):
            raise TypeError("params is a set, whose order differs between runs: must be a list, or a module")
        group = complete_group(param_group, {}, self._entry.is_routed)
        name = type(self).__name__
        check_keys(name, group, self._known_keys())
        for key in list(group):
            if key in self._neutral_keys():
                del group[key]
        self._translation.check({**self.defaults, **group})
        for index, tensor in enumerate(group["params"]):
            if tensor.is_complex():
                label = group["param_names"][index] if "param_names" in group else f"number {index}"
                raise ValueError(f"{name}: parameter {label} is {tensor.dtype}: complex parameters are not supported")
        super().add_param_group(group)
        self._plans = None
        if self._entry.has_state_at_once:
            plan = _GroupPlan(self, len(self.param_groups) - 1, self.param_groups[-1], ())
            for part, indices in plan.parts:
                tensors = self.param_groups[-1]["params"]
                for k, tensor in enumerate(tensors if indices is None else [tensors[i] for i in indices]):
                    self.state[tensor].update(part.complete_state(k, tensor, {}))

    def _known_keys(self) -> set[str]:
        return {"lr", *self._watched}

    def _neutral_keys(self) -> set[str]:
        """torch's keys that this class does not have and that change nothing: left out of its groups."""
        from ._options import TORCH_KEYS

        return set(TORCH_KEYS) - self._known_keys()

    def _names_and_roles(self, index: int, group: dict[str, Any]) -> tuple[list[str], list[str]]:
        """One name and one role for each tensor, whatever has been done to the group's list since."""
        tensors = group["params"]
        given = group.get("param_names")
        if given is not None and len(given) != len(tensors):
            given = None
        first = sum(len(other["params"]) for other in self.param_groups[:index])
        names = [str(name) for name in given] if given is not None else [f"{first + i}" for i in range(len(tensors))]
        if len(set(names)) != len(names):
            names = [f"{first + i}:{name}" for i, name in enumerate(names)]
        roles = list(group.get("roles", ()))[: len(tensors)]
        if len(roles) < len(tensors):
            roles += roles_of(tensors[len(roles) :], None, {}, {})
        return names, roles

    # ---- the step --------------------------------------------------------------------------------

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """One step. `closure`, if given, first computes the gradients and returns the loss."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for plan, group in zip(self._current_plans(), self.param_groups):
            plan.prepare(group)
        for ready, group in zip(self._plans or (), self.param_groups):
            lr = float(group["lr"])
            for part, _ in ready.parts if ready is not None else ():
                part.run(lr)
        return loss

    def _current_plans(self) -> list[_GroupPlan]:
        """Made anew where a scheduler, or anybody, changed an option."""
        if self._plans is None or len(self._plans) != len(self.param_groups):
            self._plans = [None] * len(self.param_groups)
        watched = self._watched
        for index, group in enumerate(self.param_groups):
            plan = self._plans[index]
            snapshot = tuple([group[key] for key in watched])
            if plan is None or plan.snapshot != snapshot or plan.keys != len(group):
                check_keys(type(self).__name__, {k: v for k, v in group.items() if k in _ALL_KEYS}, self._known_keys())
                self._plans[index] = _GroupPlan(self, index, group, snapshot)
        return self._plans  # type: ignore[return-value]

    def _device_part(self, *arguments: Any) -> Any:
        from . import _device

        return _device.Part(*arguments)

    # ---- what it does ----------------------------------------------------------------------------

    def plan(self) -> list[dict[str, Any]]:
        """What happens to each parameter, with the learning rates of now."""
        rows: list[dict[str, Any]] = []
        for plan, group in zip(self._current_plans(), self.param_groups):
            if _cpu.signature(group["params"]) != plan.signature:
                plan.rebuild(group)
            order: list[tuple[int, dict[str, Any]]] = []
            for part, indices in plan.parts:
                own = part.stepper.explain(float(group["lr"]))
                order += zip(indices if indices is not None else range(len(own)), own)
            rows += [row for _, row in sorted(order, key=lambda pair: pair[0])]
        return rows

    def explain(self) -> str:
        """plan() as a table: every parameter once, with its rule, rate and decay."""
        return plan_table(self.plan())

    # ---- state -----------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """As torch's; state of tensors that have left the groups is left out, where torch raises KeyError."""
        present = {id(tensor) for group in self.param_groups for tensor in group["params"]}
        everything = self.state
        if all(not isinstance(key, Tensor) or id(key) in present for key in everything):
            return super().state_dict()
        kept = {key: value for key, value in everything.items() if not isinstance(key, Tensor) or id(key) in present}
        self.state = defaultdict(dict, kept)
        try:
            return super().state_dict()
        finally:
            self.state = everything

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Continues from a state of this class or of torch's class of the same name.

        Parameters are matched by name where both sides have names, else by their order. A state that does not fit raises
        ValueError and changes nothing. Numbers keep their type: float32 state of bfloat16 parameters is not rounded.
        """

        def adapt(_: Any, given: dict[str, Any]) -> dict[str, Any]:
            self._loading = self._matched(given)
            return dict(self._loading)

        handle = self.register_load_state_dict_pre_hook(adapt)
        try:
            super().load_state_dict(state_dict)  # type: ignore[arg-type]
        finally:
            handle.remove()
            self._loading = None
        self._plans = None

    def _matched(self, given: Mapping[str, Any]) -> dict[str, Any]:
        saved = [dict(group) for group in given["param_groups"]]
        if len(saved) != len(self.param_groups):
            raise ValueError(f"optimizer state: {len(saved)} groups, must be {len(self.param_groups)}")
        renumbered: dict[Any, Any] = {}
        for index, (group, new) in enumerate(zip(self.param_groups, saved)):
            if len(new["params"]) != len(group["params"]):
                raise ValueError(
                    f"optimizer state: group {index} has {len(new['params'])} parameters, must have {len(group['params'])}"
                )
            ids = list(new["params"])
            names, own = new.get("param_names"), group.get("param_names")
            if names and own and list(names) != list(own):
                if set(names) != set(own) or len(set(names)) != len(names):
                    other = sorted(set(names) ^ set(own))[:3]
                    raise ValueError(f"optimizer state: group {index} is of other parameters ({', '.join(other)})")
                place = {name: i for i, name in enumerate(names)}
                order = [place[name] for name in own]
                new["params"] = [ids[i] for i in order]
                new["param_names"] = list(own)
                if "roles" in new:
                    new["roles"] = [new["roles"][i] for i in order]
            new["params"] = list(new["params"])
            check_keys(f"optimizer state for {type(self).__name__}", new, self._known_keys())
            for key in self._neutral_keys() & set(new):
                del new[key]
            for key, value in self.defaults.items():
                new.setdefault(key, value)
            if self._entry.is_routed and "roles" not in new:
                new["roles"] = list(group.get("roles", ()))
            self._translation.check(new)
            for id_, tensor in zip(new["params"], group["params"]):
                self._check_shapes(id_, given["state"].get(id_, {}), tensor)
        return {**given, "param_groups": saved, "state": {**given["state"], **renumbered}}

    def _check_shapes(self, id_: Any, entries: Mapping[str, Any], tensor: Tensor) -> None:
        for key in self._entry.state_keys.values():
            value = entries.get(key)
            if isinstance(value, Tensor) and value.ndim == tensor.ndim and value.ndim > 0 and value.shape != tensor.shape:
                shapes = f"{tuple(value.shape)}, the parameter {tuple(tensor.shape)}"
                raise ValueError(f"optimizer state: {key!r} of parameter {id_} has shape {shapes}")

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self._plans = None
        given = self._loading
        if given is None:
            return
        # torch casts floating-point state to the parameter's type: masters and moments get theirs back.
        by_id = {
            id_: tensor
            for saved, group in zip(given["param_groups"], self.param_groups)
            for id_, tensor in zip(saved["params"], group["params"])
        }
        for id_, entries in given["state"].items():
            tensor = by_id.get(id_)
            if tensor is None:
                continue
            for key, value in entries.items():
                now = self.state[tensor].get(key)
                if isinstance(value, Tensor) and isinstance(now, Tensor) and now.dtype != value.dtype and key != "step":
                    self.state[tensor][key] = value.detach().to(device=now.device, copy=True)
                elif isinstance(value, Tensor) and isinstance(now, Tensor) and now is value:
                    self.state[tensor][key] = value.detach().clone()


def make(kind: str, params: Parameters, lr: float | None = None, **core_options: Any) -> CatalogOptimizer:
    """The catalog's optimizer of that name with the *catalog's* defaults, where torch's class of the name has others.

    make("muon", model) is what `compare` races as "muon"; options are called as in Python (momentum, betas, weight_decay).
    """
    from . import optimizers

    if kind not in ENTRIES:
        raise ValueError(f"no optimizer {kind}{nearest(kind, ENTRIES)} (known: {', '.join(ENTRIES)})")
    cls = getattr(optimizers, ENTRIES[kind].class_name)
    options = {**catalog_defaults(kind), **core_options}
    if lr is not None:
        options["lr"] = lr
    made: CatalogOptimizer = cls(params, **options)
    return made


def catalog_defaults(kind: str) -> dict[str, Any]:
    """The catalog's defaults by Python's names, for a class whose own are torch's."""
    from ._options import PAIRS, core_rows

    entry = ENTRIES[kind]
    values: dict[str, Any] = {}
    rows: Sequence[Mapping[str, str]] = core_rows(kind)
    text = {row["name"]: row["default"] for row in rows}
    for row in rows:
        key = entry.python_name(row["name"])
        if key is None:
            continue
        if key in PAIRS and row["name"] not in entry.renamed:
            values[key] = tuple(float(text[name]) for name in PAIRS[key])
        else:
            values[key] = parse(row["default"], row["domain"])
    if kind == "muon":
        values["adjust_lr_fn"] = text["shape_scale"]
    return values


def parse(text: str, domain: str) -> Any:
    """A default of the catalog as a value of Python."""
    if domain == "one of true, false":
        return text == "true"
    if domain.startswith("a whole number"):
        return int(text)
    return float(text) if domain.startswith("in ") else text


_ALL_KEYS = frozenset(
    {"lr", "momentum", "betas", "eps", "weight_decay", "nesterov", "dampening", "maximize", "amsgrad", "capturable"}
    | {"differentiable", "foreach", "fused", "ns_steps", "ns_coefficients", "adjust_lr_fn", "lr_decay", "momentum_decay"}
    | {"alpha", "centered", "rho"}
)
__all__ = ["CatalogOptimizer", "catalog_defaults", "make", "refuses_unknown_options"]
