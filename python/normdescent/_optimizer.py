# SPDX-License-Identifier: Apache-2.0
"""A torch.optim.Optimizer with the steps of the library: the base of all classes of the catalog."""

from __future__ import annotations

import ctypes
from contextlib import contextmanager
from typing import Any, Callable, ClassVar, Iterator, Mapping, Optional

import torch

from . import _catalog
from ._groups import NAMES, ROLES, Parameters, as_groups, name_tensors
from ._report import ParameterCounters, ParameterPlan, plan_table

# Key of a group in state dicts: what the library must know to continue.
_RUN = "normdescent"


@contextmanager
def _refusals() -> Iterator[None]:
    """What the library refuses is a ValueError; torch makes a RuntimeError of it."""
    try:
        yield
    except (RuntimeError, ValueError) as error:
        raise ValueError(str(error).replace("learning_rate", "lr")) from None


class _Closure:
    """A Python function as an address that the library calls: int(), 0 for success."""

    def __init__(self, function: Optional[Callable[[], Any]]) -> None:
        self.result: Any = None
        self.error: Optional[BaseException] = None
        self._function = function
        self._pointer = ctypes.CFUNCTYPE(ctypes.c_int)(self._run)  # must outlive the call
        self.address = 0
        if function is not None:
            self.address = ctypes.cast(self._pointer, ctypes.c_void_p).value or 0

    def _run(self) -> int:
        try:
            with torch.enable_grad():
                self.result = self._function() if self._function else None
        except BaseException as error:  # a callback may not raise through C
            self.error = error
            return 1
        return 0


class CatalogOptimizer(torch.optim.Optimizer):
    """An optimizer of the catalog. Its subclasses have the options; used like any of torch.optim.

    params  a module, which tells names and roles (embedding, head, matrix, vector) by itself; or
            named_parameters(), tensors, or groups of either, with options of their own
    roles   roles by parameter name, for what the rule gets wrong: {"token_table": "embedding"}

    A step with a NaN or infinite gradient changes nothing; `skipped_parameter` then names the
    parameter. The state lives in the library: `state` stays empty, state_dict() has it. Wrong
    values raise ValueError, unknown options TypeError.
    """

    entry: ClassVar[_catalog.CatalogEntry]

    skipped_parameter: Optional[str]
    """The first parameter with a gradient that was not finite; None if the last step was done."""

    has_stopped: bool
    """Whether on_nonfinite="stop" has ended the run: steps change nothing any more."""

    clip_factor: float
    """The smallest factor that clipping put on a tensor in the last step."""

    def __init__(
        self,
        params: Parameters,
        roles: Optional[Mapping[str, str]] = None,
        **options: _catalog.OptionValue,
    ) -> None:
        defaults = {option.name: option.default for option in self.entry.options}
        for name in options:
            if name not in defaults:
                known = ", ".join(defaults)
                near = _catalog.hint(name, defaults)
                raise TypeError(f"{type(self).__name__}: no option {name}{near} (options: {known})")
        self._start_engine()
        self._role_overrides = dict(roles or {})
        super().__init__(as_groups(params), {**defaults, **options})
        known_names = {name for group in self.param_groups for name in group[NAMES]}
        for name in self._role_overrides:
            if name not in known_names:
                raise ValueError(f"roles: no parameter {name}{_catalog.hint(name, known_names)}")

    def _start_engine(self) -> None:
        self._engine = torch.classes.normdescent.TensorOptimizer(self.entry.name)
        self._applied: list[dict[str, str]] = []  # the options that the engine has, of each group
        self.skipped_parameter = None
        self.has_stopped = False
        self.clip_factor = 1.0

    # ---- groups ----------------------------------------------------------------------------------

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Adds a group: {"params": ..., "lr": ..., any other option}; nothing if it is refused."""
        group = dict(param_group)
        for key in group:
            near = _catalog.hint(key, self.defaults)
            if near and key not in self.defaults and key not in ("params", NAMES, ROLES):
                raise ValueError(f"{type(self).__name__}: no option {key}{near}")
        name_tensors(group, self.param_groups, self._role_overrides)
        super().add_param_group(group)
        try:
            self._add_to_engine(self.param_groups[-1])
        except BaseException:
            self.param_groups.pop()
            raise

    def _add_to_engine(self, group: dict[str, Any]) -> None:
        options = self._checked_options(group)
        with _refusals():
            self._engine.add_group(group[NAMES], group[ROLES], group["params"], options)
        self._applied.append(options)

    def _checked_options(self, group: Mapping[str, Any]) -> dict[str, str]:
        """The options as the engine takes them, without the learning rate: a step is given it."""
        texts = _catalog.library_options(
            {option.name: group[option.name] for option in self.entry.options}
        )
        with _refusals():
            torch.ops.normdescent.check_options(self.entry.name, texts)
        del texts["learning_rate"]
        return texts

    def _apply_options(self) -> None:
        """Takes over what somebody, a scheduler say, changed in the groups since the last step."""
        for k, group in enumerate(self.param_groups):
            options = _catalog.library_options(
                {name: group[name] for name in self.defaults_without_lr}
            )
            if options != self._applied[k]:
                options = self._checked_options(group)
                with _refusals():
                    self._engine.set_options(k, options)
                self._applied[k] = options

    @property
    def defaults_without_lr(self) -> list[str]:
        """The names of all options but the learning rate."""
        return [option.name for option in self.entry.options if option.name != "lr"]

    def _learning_rates(self) -> list[float]:
        return [float(group["lr"]) for group in self.param_groups]

    # ---- steps -----------------------------------------------------------------------------------

    def step(self, closure: Optional[Callable[[], Any]] = None) -> Any:
        """One step. `closure`, if given, first computes the gradients and returns the loss."""
        self._apply_options()
        call = _Closure(closure)
        try:
            with _refusals():
                report = self._engine.step(self._learning_rates(), call.address)
        except ValueError:
            if call.error is not None:
                raise call.error from None
            raise
        skipped, self.has_stopped, self.clip_factor = report
        self.skipped_parameter = skipped or None
        return call.result

    def plan(self) -> list[ParameterPlan]:
        """What happens to each parameter, with the learning rates of now."""
        self._apply_options()
        with _refusals():
            return [ParameterPlan(*row) for row in self._engine.explain(self._learning_rates())]

    def explain(self) -> str:
        """plan() as a table."""
        return plan_table(self.plan())

    def measure_next_step(self) -> None:
        """Lets the next step measure its update, at the cost of a copy of the parameters."""
        self._engine.measure_next_step()

    def counters(self) -> list[ParameterCounters]:
        """What was done with each parameter: shows a rule that silently does nothing."""
        return [ParameterCounters(*row) for row in self._engine.counters()]

    # ---- state -----------------------------------------------------------------------------------

    def _engine_state(self) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
        with _refusals():
            tensors, metadata = self._engine.state()
        return dict(tensors), dict(metadata)

    def state_dict(self) -> dict[str, Any]:
        """In torch's form: state by index of the parameter, groups with their options."""
        tensors, metadata = self._engine_state()
        names = [name for group in self.param_groups for name in group[NAMES]]
        index = {name: i for i, name in enumerate(names)}
        state: dict[int, dict[str, torch.Tensor]] = {}
        for key, tensor in tensors.items():
            name, buffer = key.rsplit("/", 1)
            state.setdefault(index[name], {})[buffer] = tensor
        groups = []
        for k, group in enumerate(self.param_groups):
            packed = {key: value for key, value in group.items() if key != "params"}
            packed["params"] = [index[name] for name in group[NAMES]]
            prefix = f"group.{k}."
            packed[_RUN] = {
                key[len(prefix) :]: v for key, v in metadata.items() if key.startswith(prefix)
            }
            groups.append(packed)
        return {"state": state, "param_groups": groups}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Continues bit for bit from a state of the same optimizer on the same parameters.

        Any other raises ValueError and changes nothing. Parameters are matched by their order.
        """
        saved = state_dict["param_groups"]
        sizes = [len(group["params"]) for group in saved]
        if sizes != [len(group["params"]) for group in self.param_groups]:
            raise ValueError(
                f"optimizer state: groups of {sizes} parameters, must be of "
                f"{[len(group['params']) for group in self.param_groups]}"
            )
        tensors = {}
        metadata = {}
        groups = []
        for k, (group, new) in enumerate(zip(self.param_groups, saved)):
            if _RUN not in new:
                raise ValueError(
                    f"optimizer state: group {k} was not saved by normdescent.{type(self).__name__}"
                )
            metadata.update({f"group.{k}.{key}": value for key, value in new[_RUN].items()})
            for name, i in zip(group[NAMES], new["params"]):
                tensors.update(
                    {f"{name}/{buffer}": t for buffer, t in state_dict["state"].get(i, {}).items()}
                )
            kept = {key: group[key] for key in ("params", NAMES, ROLES)}
            groups.append({**group, **{key: v for key, v in new.items() if key != _RUN}, **kept})
        fresh = type(self).__new__(type(self))
        fresh._restore(groups, tensors, metadata)
        self.param_groups = groups
        self._engine, self._applied = fresh._engine, fresh._applied

    def _restore(
        self,
        groups: list[dict[str, Any]],
        tensors: dict[str, torch.Tensor],
        metadata: dict[str, str],
    ) -> None:
        """A new engine for these groups, in this state."""
        self._start_engine()
        for group in groups:
            self._add_to_engine(group)
        with _refusals():
            self._engine.load_state(tensors, metadata)

    def __getstate__(self) -> dict[str, Any]:
        kept = ("defaults", "state", "param_groups", "_role_overrides")
        return {**{key: self.__dict__[key] for key in kept}, "engine_state": self._engine_state()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        rest = dict(state)
        engine_state = rest.pop("engine_state")
        super().__setstate__(rest)
        self._restore(self.param_groups, *engine_state)
