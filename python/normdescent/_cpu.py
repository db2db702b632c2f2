# SPDX-License-Identifier: Apache-2.0
"""Steps of one group's tensors in the host's memory, by the core's rules.

Tensors that lie in memory as the core wants them are stepped where they are. Others (strides, half precision, subclasses) are
copied for the step and written back. Nothing changes before every tensor of every group has been found to fit: prepare() looks,
run() steps.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping, Sequence
from typing import Any

import torch
from torch import Tensor

from . import _core
from ._options import Entry

FAST_READS = _core.use_torch(Tensor, torch.nn.Parameter, torch.float32, torch.float64, torch.bfloat16)

_TROUBLE_PARAMETER, _TROUBLE_STATE, _TROUBLE_STAGING = 1, 2, 3
_HALF = (torch.bfloat16, torch.float16)
_PLAIN = (Tensor, torch.nn.Parameter)
MASTER = "master"  # key of state[p]: the float32 value of a parameter in half precision


def _bump_versions() -> Callable[[list[Tensor]], None]:
    """Autograd must see that values changed, as after any operation in place."""
    from torch.autograd.graph import increment_version

    try:
        increment_version([torch.zeros(1)])
    except TypeError:  # torch 2.4 takes one at a time

        def one_by_one(tensors: list[Tensor]) -> None:
            for tensor in tensors:
                increment_version(tensor)

        return one_by_one
    return increment_version


_increment_versions = _bump_versions()


def compute_dtype(tensor: Tensor) -> torch.dtype | None:
    """What a parameter is stepped in; None if it never is (integers)."""
    if tensor.dtype is torch.float64:
        return torch.float64
    return torch.float32 if tensor.dtype is torch.float32 or tensor.dtype in _HALF else None


def signature(tensors: Sequence[Tensor]) -> tuple[Any, ...]:
    """What a plan was made for."""
    return tuple((t.shape, t.dtype, t.device) for t in tensors)


class Part:
    """The tensors of a group that are stepped in one type."""

    def __init__(
        self,
        entry: Entry,
        options: Mapping[str, str],
        dtype: torch.dtype,
        tensors: Sequence[Tensor],
        names: Sequence[str],
        roles: Sequence[str],
        initial: Mapping[str, float],
    ) -> None:
        self.dtype = dtype
        self.names = names
        self.stepper = _core.Stepper(
            entry.kind,
            dict(options),
            list(names),
            [list(t.shape) for t in tensors],
            list(roles),
            str(dtype).removeprefix("torch."),
            dict(entry.state_keys),
            entry.has_state_at_once,
        )
        self._initial = initial
        self._copies: list[tuple[Tensor, Tensor]] = []  # (destination, source) after the step
        self._stepped: list[Tensor] = []

    # ---- before the step -------------------------------------------------------------------------

    def prepare(self, tensors: list[Tensor], state: MutableMapping[Tensor, dict[str, Any]]) -> bool:
        """Finds everything; False if the plan is not for these tensors any more. ValueError: they cannot be stepped."""
        self._copies = []
        self._stepped = tensors
        trouble = self.stepper.prepare(tensors, None, state)
        if trouble is None:
            return True
        if trouble[0] == _TROUBLE_PARAMETER:
            return False
        gradients = self._gradients(tensors)
        self._fill_state(tensors, gradients, state)
        trouble = self.stepper.prepare(tensors, None, state)
        if trouble is None:
            return True
        if trouble[0] == _TROUBLE_PARAMETER:
            return False
        return self._stage(tensors, gradients, state)

    def _gradients(self, tensors: Sequence[Tensor]) -> list[Tensor | None]:
        gradients = [t.grad for t in tensors]
        for name, tensor, gradient in zip(self.names, tensors, gradients):
            if gradient is not None:
                check_gradient(name, tensor, gradient)
        return gradients

    def _fill_state(
        self, tensors: Sequence[Tensor], gradients: Sequence[Tensor | None], state: MutableMapping[Tensor, dict[str, Any]]
    ) -> None:
        """Makes what is missing, converts what torch's own classes keep in other types, refuses other shapes."""
        made: list[tuple[Tensor, dict[str, Any]]] = []
        for index, (tensor, gradient) in enumerate(zip(tensors, gradients)):
            if gradient is not None:
                made.append((tensor, self.complete_state(index, tensor, state.get(tensor, {}))))
        for tensor, entries in made:
            if entries:
                state[tensor].update(entries)

    @torch.no_grad()
    def complete_state(self, index: int, tensor: Tensor, kept: Mapping[str, Any]) -> dict[str, Any]:
        """The entries that state[p] needs besides or instead of those it has."""
        entries: dict[str, Any] = {}
        any_order = self.stepper.takes_any_order(index)
        for key, shape, kind, _ in self.stepper.layout(index):
            dtype = self.dtype if kind == "full" else torch.bfloat16
            old = kept.get(key)
            if old is None:
                like = any_order and list(tensor.shape) == list(shape)
                entries[key] = (
                    torch.zeros_like(tensor, dtype=dtype, memory_format=torch.preserve_format, requires_grad=False).detach()
                    if like
                    else torch.zeros(shape, dtype=dtype, device=tensor.device)
                )
                if type(entries[key]) is not Tensor:
                    entries[key] = torch.zeros(shape, dtype=dtype, device=tensor.device)
                if key in self._initial:
                    entries[key].fill_(self._initial[key])
            elif not isinstance(old, Tensor) or list(old.shape) != list(shape):
                what = f"shape {tuple(old.shape)}" if isinstance(old, Tensor) else f"a {type(old).__name__}"
                raise ValueError(
                    f"parameter {self.names[index]}: state {key!r} has {what}, must have shape {tuple(shape)}; if the parameter "
                    f"was resized, delete optimizer.state[parameter]"
                )
            elif old.dtype is not dtype or old.device != tensor.device or type(old) is not Tensor:
                entries[key] = torch.empty(shape, dtype=dtype, device=tensor.device).copy_(old)
        if self.stepper.counts_steps(index):
            old = kept.get("step")
            if old is None:
                has_stepped = any(kept.get(key) is not None for key, *_ in self.stepper.layout(index))
                if has_stepped and any(key == "exp_avg_sq" for key, *_ in self.stepper.layout(index)):
                    raise ValueError(f"parameter {self.names[index]}: state has moments but no 'step', which corrects them")
                entries["step"] = torch.full((), float(has_stepped), dtype=torch.float32)
            elif not isinstance(old, Tensor) or old.dtype not in (torch.float32, torch.float64) or old.device.type != "cpu":
                entries["step"] = torch.tensor(float(old), dtype=torch.float32)
        return entries

    @torch.no_grad()
    def _stage(
        self,
        tensors: Sequence[Tensor],
        gradients: Sequence[Tensor | None],
        state: MutableMapping[Tensor, dict[str, Any]],
    ) -> bool:
        values: list[Tensor] = []
        fed: list[Tensor | None] = []
        states: list[dict[str, Any]] = []
        for tensor, gradient in zip(tensors, gradients):
            if gradient is None:
                values.append(tensor)
                fed.append(None)
                states.append(state.get(tensor) or {})
                continue
            value = self._staged_value(tensor, state[tensor])
            values.append(value)
            fed.append(_plain(gradient, self.dtype))
            arrays = {}
            for key, entry in state[tensor].items():
                arrays[key] = entry
                if key == MASTER or not isinstance(entry, Tensor) or entry.is_contiguous():
                    continue
                arrays[key] = entry.contiguous()
                self._copies.append((entry, arrays[key]))
            states.append(arrays)
        trouble = self.stepper.prepare(values, fed, states)
        if trouble is not None:
            if trouble[0] == _TROUBLE_PARAMETER:
                return False
            raise ValueError(f"parameter {self.names[trouble[1]]}: cannot be stepped on the CPU: {tensors[trouble[1]].type()}")
        return True

    def _staged_value(self, tensor: Tensor, kept: dict[str, Any]) -> Tensor:
        current = tensor.detach()
        if tensor.dtype is self.dtype:
            if type(tensor) in _PLAIN and tensor.is_contiguous():
                return current
            copied = torch.empty(tensor.shape, dtype=self.dtype).copy_(current)
            self._copies.append((current, copied))
            return copied
        master = kept.get(MASTER)
        if not isinstance(master, Tensor) or master.shape != tensor.shape:
            master = torch.empty(tensor.shape, dtype=self.dtype).copy_(current)
        else:  # what was changed from outside since the last step is taken over
            wide = torch.empty(tensor.shape, dtype=self.dtype).copy_(current)
            rounded = master.to(tensor.dtype).to(self.dtype)
            master = torch.where(rounded == wide, master.to(self.dtype), wide).contiguous()
        kept[MASTER] = master
        self._copies.append((current, master))
        return master

    # ---- the step --------------------------------------------------------------------------------

    def run(self, lr: float) -> None:
        """The step that was prepared."""
        has_all = self.stepper.run(lr, torch.get_num_threads())
        if self._copies:
            with torch.no_grad():
                for destination, source in self._copies:
                    destination.copy_(source)
            self._copies = []
        _increment_versions(self._stepped if has_all else [t for t in self._stepped if t.grad is not None])
        self._stepped = []


def _plain(gradient: Tensor, dtype: torch.dtype) -> Tensor:
    plain = gradient.detach()
    if type(plain) is Tensor and plain.dtype is dtype and plain.is_contiguous() and not plain.is_neg():
        return plain
    return torch.empty(gradient.shape, dtype=dtype).copy_(plain)


def check_gradient(name: str, tensor: Tensor, gradient: Tensor) -> None:
    """ValueError for a gradient that no optimizer of ours can use."""
    problem = ""
    if gradient.layout is not torch.strided:
        problem = "is sparse, must be dense: this optimizer does not support sparse gradients (Embedding(sparse=False))"
    elif gradient.is_complex() or tensor.is_complex():
        problem = f"is {gradient.dtype}, must be real: complex parameters are not supported"
    elif not gradient.is_floating_point() or compute_dtype(tensor) is None:
        problem = f"is {gradient.dtype} for a parameter in {tensor.dtype}, must be float32, float64, bfloat16 or float16"
    elif gradient.device != tensor.device:
        problem = f"is on {gradient.device}, must be on the parameter's device {tensor.device}"
    elif gradient.shape != tensor.shape:
        problem = f"has shape {tuple(gradient.shape)}, must have the parameter's {tuple(tensor.shape)}"
    if problem:
        raise ValueError(f"parameter {name}: gradient {problem}")
