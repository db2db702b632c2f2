# SPDX-License-Identifier: Apache-2.0
"""`make_model`, a module or a factory, as a source of independent models; and a module that is left as it was found."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.nn.parameter import UninitializedTensorMixin  # type: ignore[attr-defined]

from ._errors import ProblemError
from ._seeds import seeded

_WAY_OUT = "give make_model as a callable that builds a new module, for example make_model=lambda: Net()"
_DISTRIBUTED = ("DistributedDataParallel", "FullyShardedDataParallel", "DataParallel", "FSDPModule")


@contextmanager
def left_as_found(model: nn.Module) -> Iterator[nn.Module]:
    """Parameters, buffers, gradients, requires_grad and modes of `model` are afterwards what they were.

    The package works on copies; this is for losses and hooks that hold on to the module itself.
    """
    tensors = [(t, t.detach().clone()) for t in [*model.parameters(), *model.buffers()] if not _is_lazy(t)]
    grads = [(p, p.grad, p.requires_grad) for p in model.parameters()]
    kept = [(g, g.detach().clone()) for _, g, _ in grads if g is not None]
    modes = [(m, m.training) for m in model.modules()]
    try:
        yield model
    finally:
        with torch.no_grad():
            for tensor, value in [*tensors, *kept]:
                if not _same_bits(tensor, value):
                    tensor.data.copy_(value)
        for p, grad, needs_grad in grads:
            if p.grad is not grad:
                p.grad = grad
            if p.requires_grad != needs_grad:
                p.requires_grad_(needs_grad)
        for module, mode in modes:
            module.training = mode


class ModelSource:
    """Makes models for runs, each with tensors of its own.

    A module is copied. A factory is called with set seeds; one whose results share tensors (`lambda: net`) is copied, too.
    """

    def __init__(self, make_model: Any) -> None:
        self._make = make_model
        self._is_module = isinstance(make_model, nn.Module)
        if not self._is_module and not callable(make_model):
            raise TypeError(f"make_model is a {type(make_model).__name__}; expected an nn.Module or a callable that makes one")
        self._copies = self._is_module
        self._shared: nn.Module | None = None  # what a factory gives again and again

    @property
    def module(self) -> nn.Module | None:
        """The user's own module, where one was given, or a factory gives the same one at each call."""
        return self._make if self._is_module else self._shared

    def make(self, seed: int, first_call: Callable[[nn.Module], None]) -> nn.Module:
        """A model of its own, the same for the same seed, without gradients, in training mode (mixed modes are kept).

        first_call(model)   runs a module with lazy parameters once
        """
        with seeded(seed):
            model = copied(self._make) if self._is_module else self._call()
            if any(_is_lazy(t) for t in [*model.parameters(), *model.buffers()]):
                with torch.no_grad():
                    first_call(model)
        for p in model.parameters():
            p.grad = None
        to_training(model)
        return model

    def _call(self) -> nn.Module:
        model = self._make()
        if not isinstance(model, nn.Module):
            raise TypeError(f"make_model() gave a {type(model).__name__}; expected an nn.Module")
        return copied(model) if self._copies else model

    def check(self, seed: int) -> None:
        """Refuses what cannot be raced fairly; finds out whether a factory's modules share tensors."""
        first = self._make if self._is_module else self._seeded_call(seed)
        _check_kind(first)
        if self._is_module:
            return
        second = self._seeded_call(seed)
        if _shared(first, second):
            self._copies = True
            self._shared = first if first is second else None
            return
        _check_same(first, second)

    def _seeded_call(self, seed: int) -> nn.Module:
        with seeded(seed):
            return self._call()


def to_training(model: nn.Module) -> None:
    """As a training loop would begin: model.train(), unless somebody has put some of the modules into eval mode."""
    modes = {m.training for m in model.modules()}
    overrides = any(type(m).train is not nn.Module.train for m in model.modules())
    if len(modes) == 1 or overrides:
        model.train()


@contextmanager
def evaluating(model: nn.Module, with_gradients: bool) -> Iterator[None]:
    """Eval mode inside, without gradients unless the loss itself differentiates; each submodule's own mode afterwards.

    no_grad, not inference_mode: what a module makes and keeps at its first call must be of use in training.
    """
    modes = [(m, m.training) for m in model.modules()]
    was_training = model.training
    model.eval()
    try:
        with torch.set_grad_enabled(with_gradients):
            yield
    finally:
        model.train(was_training)
        for module, mode in modes:
            module.training = mode


def trainable(model: nn.Module) -> list[tuple[str, nn.Parameter]]:
    """Every parameter that is trained, once, tied ones under their first name."""
    return [(n, p) for n, p in model.named_parameters() if p.requires_grad]


def copied(module: nn.Module) -> nn.Module:
    """A deep copy, also of modules that keep results of an earlier call, which copy.deepcopy refuses."""
    try:
        return copy.deepcopy(module)
    except Exception as first:
        memo: dict[int, Any] = {}
        seen: set[int] = set()
        _detach_kept(module, memo, seen, 12)
        try:
            return copy.deepcopy(module, memo)
        except Exception:
            raise ProblemError(
                f"make_model: this {type(module).__name__} cannot be copied ({type(first).__name__}: {_line(first)}); {_WAY_OUT}"
            ) from first


def _detach_kept(value: Any, memo: dict[int, Any], seen: set[int], depth: int) -> None:
    # Tensors that came out of a computation: the copy gets their values without the graph.
    if id(value) in seen or depth == 0:
        return
    seen.add(id(value))
    if isinstance(value, torch.Tensor):
        if not value.is_leaf:
            memo[id(value)] = value.detach().clone()
        return
    if isinstance(value, dict):
        parts = list(value.values())
    elif isinstance(value, (list, tuple, set, frozenset)):
        parts = list(value)
    elif hasattr(value, "__dict__") and not isinstance(value, type) and not callable(getattr(value, "__code__", None)):
        parts = list(vars(value).values())
    else:
        return
    for part in parts:
        _detach_kept(part, memo, seen, depth - 1)


def _check_kind(model: nn.Module) -> None:
    name = type(model).__name__
    if name in _DISTRIBUTED:
        raise ProblemError(f"make_model: a {name}; expected the plain module: one device for now, DDP and FSDP are not supported")
    devices = sorted({str(p.device) for p in model.parameters() if not _is_lazy(p)})
    if len(devices) > 1:
        raise ProblemError(f"make_model: parameters on several devices ({', '.join(devices)}); expected all of them on one")
    if not any(p.requires_grad for p in model.parameters()):
        count = sum(1 for _ in model.parameters())
        raise ProblemError(
            f"make_model: the {name} has no trainable parameter ({count} parameters, none with requires_grad); expected at "
            "least one to train"
        )


def _storages(model: nn.Module) -> dict[tuple[str, int], str]:
    found = {}
    for name, t in [*model.named_parameters(), *model.named_buffers()]:
        if not _is_lazy(t) and t.numel() > 0 and type(t.data) is torch.Tensor and t.layout is torch.strided:
            found[(str(t.device), t.untyped_storage().data_ptr())] = name
    return found


def _shared(first: nn.Module, second: nn.Module) -> bool:
    if {id(m) for m in first.modules()} & {id(m) for m in second.modules()}:
        return True
    return bool(_storages(first).keys() & _storages(second).keys())


def _check_same(first: nn.Module, second: nn.Module) -> None:
    ours, others = dict(first.named_parameters()), dict(second.named_parameters())
    hint = (
        "expected equal models after torch, NumPy and Python were seeded alike "
        "(draw from their global generators, or seed your own in make_model)"
    )
    if ours.keys() != others.keys():
        name = sorted(ours.keys() ^ others.keys())[0]
        raise ProblemError(f"make_model is not deterministic: two calls gave different parameters ({name}); {hint}")
    for name, p in ours.items():
        q = others[name]
        if _is_lazy(p) or _is_lazy(q):
            continue
        if p.shape != q.shape or p.dtype != q.dtype or not _same_bits(p, q):
            raise ProblemError(f"make_model is not deterministic: two calls gave different values of {name}; {hint}")


def _same_bits(a: torch.Tensor, b: torch.Tensor) -> bool:
    if a.layout is not torch.strided or a.numel() == 0 or a.is_meta:
        return True
    a, b = a.detach(), b.detach()
    try:
        if torch.equal(a, b):
            return True
        return bool(((a == b) | ((a != a) & (b != b))).all())
    except (RuntimeError, NotImplementedError):
        return True


def _is_lazy(tensor: torch.Tensor) -> bool:
    return isinstance(tensor, UninitializedTensorMixin)


def _line(error: BaseException) -> str:
    return (str(error).splitlines() or [""])[0][:160]
