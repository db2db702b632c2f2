# SPDX-License-Identifier: Apache-2.0
"""What people and torch's own tools expect of a torch.optim.Optimizer, as checks that any optimizer can be held to.

    from normdescent import testing
    testing.check_optimizer(lambda params, **options: MyOptimizer(params, lr=0.01, **options))

Every check is a function of `make(params, **options)`, where options are `lr` and what a check is about (`maximize`); it raises
AssertionError. CHECKS lists them all; a check that a class is known to fail goes into `expected_failures` with a reason, and must
then fail.
"""

from __future__ import annotations

import copy
import io
import math
import pickle
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

Make = Callable[..., torch.optim.Optimizer]

LR = 0.01


def _parameters(dtype: torch.dtype = torch.float32, seed: int = 0) -> list[nn.Parameter]:
    g = torch.Generator().manual_seed(seed)
    shapes: tuple[tuple[int, ...], ...] = ((6, 4), (4,), (3, 5), (2, 3, 2, 2))
    return [nn.Parameter(torch.randn(shape, generator=g, dtype=torch.float64).to(dtype)) for shape in shapes]


def _gradients(parameters: Sequence[Tensor], t: int) -> list[Tensor]:
    g = torch.Generator().manual_seed(1000 + t)
    return [torch.randn(*p.shape, generator=g, dtype=torch.float64).to(p.dtype) for p in parameters]


def _go(optimizer: torch.optim.Optimizer, parameters: Sequence[Tensor], steps: Sequence[int]) -> None:
    for t in steps:
        for p, g in zip(parameters, _gradients(parameters, t)):
            p.grad = g
        optimizer.step()


def _same(a: Sequence[Tensor], b: Sequence[Tensor], what: str) -> None:
    for k, (x, y) in enumerate(zip(a, b)):
        assert torch.equal(x.detach(), y.detach()), f"{what}: tensor {k} differs by {(x - y).abs().max():.3g}"


def _quiet(make: Make, params: Any, **options: Any) -> torch.optim.Optimizer:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # routing by shape is meant here
        return make(params, **options)


def _refused(action: Callable[[], Any], *words: str) -> None:
    try:
        action()
    except (TypeError, ValueError, RuntimeError, NotImplementedError) as error:
        text = str(error).lower()
        assert "\n" not in str(error).strip(), f"the refusal is no single line: {error}"
        assert all(word.lower() in text for word in words), f"the refusal does not say {words}: {error}"
        return
    raise AssertionError(f"was not refused: {' '.join(words)}")


# ---- steps -------------------------------------------------------------------------------------------


def check_descends(make: Make) -> None:
    """A convex function falls."""
    p = nn.Parameter(torch.randn(6, 4, generator=torch.Generator().manual_seed(0)))
    optimizer = _quiet(make, [p], lr=LR)
    first = p.detach().square().sum()
    for _ in range(100):
        optimizer.zero_grad()
        p.square().sum().backward()
        optimizer.step()
    assert p.detach().square().sum() < first, f"{first:.4g} became {p.detach().square().sum():.4g}"


def check_maximize(make: Make) -> None:
    """`maximize` is the step on the negative gradient, bit for bit."""
    a, b = _parameters(), _parameters()
    up, down = _quiet(make, a, lr=LR, maximize=True), _quiet(make, b, lr=LR)
    for t in range(4):
        for p, q, g in zip(a, b, _gradients(a, t)):
            p.grad, q.grad = -g, g
        up.step(), down.step()
    _same(a, b, "maximize")


def check_gradients_untouched(make: Make) -> None:
    """A step only reads gradients."""
    parameters = _parameters()
    optimizer = _quiet(make, parameters, lr=LR)
    for t in range(3):
        for p, g in zip(parameters, _gradients(parameters, t)):
            p.grad = g
        before = [p.grad.clone() for p in parameters if p.grad is not None]
        optimizer.step()
        _same([p.grad for p in parameters if p.grad is not None], before, "gradient")


def check_closure(make: Make) -> None:
    """step(closure) computes gradients first and returns the loss."""
    a, b = _parameters(), _parameters()
    plain, closed = _quiet(make, a, lr=LR), _quiet(make, b, lr=LR)
    for _ in range(3):
        plain.zero_grad()
        sum(p.square().sum() for p in a).backward()  # type: ignore[union-attr]
        plain.step()

        def closure() -> Any:
            closed.zero_grad()
            value: Tensor = sum(p.square().sum() for p in b)  # type: ignore[assignment]
            value.backward()
            return value

        with torch.no_grad():
            loss: Any = closed.step(closure)
        assert loss is not None and math.isfinite(float(loss.detach())), f"step(closure) gave {loss}"
    _same(a, b, "step(closure)")


def check_parameters_without_gradient(make: Make) -> None:
    """Frozen parameters, and those without a gradient, keep value and state; one whose gradient comes late starts then."""
    parameters = _parameters()
    parameters[0].requires_grad_(False)
    optimizer = _quiet(make, parameters, lr=LR)
    had_state = bool(optimizer.state)
    start = [p.detach().clone() for p in parameters]
    for t in range(4):
        gradients = _gradients(parameters, t)
        for k, p in enumerate(parameters):
            p.grad = gradients[k] if k >= 2 or (k == 1 and t >= 2) else None
        optimizer.step()
        assert torch.equal(parameters[0], start[0]), "a frozen parameter moved"
        assert torch.equal(parameters[1], start[1]) == (t < 2), f"step {t}: a parameter moved exactly when it had no gradient"
    if not had_state:
        assert not optimizer.state.get(parameters[0]), "a frozen parameter has state"


def check_zero_step_fills_state(make: Make) -> None:
    """Zero gradients at rate 0 move nothing and make the state that a step makes (torch.distributed.checkpoint does that)."""
    a, b = _parameters(), _parameters()
    zero, real = _quiet(make, a, lr=0.0), _quiet(make, b, lr=LR)
    for p in a:
        p.grad = torch.zeros_like(p)
    zero.step()
    _same(a, b, "a step at rate 0")
    _go(real, b, [0])
    for p, q in zip(a, b):
        keys, wanted = set(zero.state.get(p, {})), set(real.state.get(q, {}))
        assert keys == wanted, f"state has {keys}, after a real step {wanted}"


def check_not_finite(make: Make) -> None:
    """NaN in one tensor leaves the others as they would be, unless the optimizer looks at all of them together."""
    parameters = _parameters()
    optimizer = _quiet(make, parameters, lr=LR)
    for p, g in zip(parameters, _gradients(parameters, 0)):
        p.grad = g
    parameters[1].grad = torch.full_like(parameters[1], float("nan"))
    optimizer.step()  # does not hang, does not raise


# ---- tensors -----------------------------------------------------------------------------------------


def check_number(make: Make) -> None:
    """A tensor without dimensions moves."""
    p = nn.Parameter(torch.tensor(1.5))
    optimizer = _quiet(make, [p], lr=LR)
    p.grad = torch.tensor(1.0)
    optimizer.step()
    assert p.item() < 1.5, f"1.5 became {p.item()}"


def check_empty(make: Make) -> None:
    """Tensors without entries and groups without tensors are legal, beside others."""
    p, q = nn.Parameter(torch.empty(0, 4)), nn.Parameter(torch.ones(3, 2))
    optimizer = _quiet(make, [{"params": [p, q]}, {"params": []}], lr=LR)
    for _ in range(2):
        p.grad, q.grad = torch.zeros(0, 4), torch.ones(3, 2)
        optimizer.step()
    assert bool((q < 1).all()), "the tensor beside an empty one did not move"
    optimizer.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    optimizer.step()


def check_memory_layouts(make: Make) -> None:
    """Strides of values and gradients change nothing: channels_last, transposed, gaps, expanded."""
    g = torch.Generator().manual_seed(0)

    def draw(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=g)

    cases = [
        (draw(4, 3, 2, 2).to(memory_format=torch.channels_last), draw(4, 3, 2, 2)),
        (draw(4, 3, 2, 2), draw(4, 3, 2, 2).to(memory_format=torch.channels_last)),
        (draw(4, 3, 2, 2).to(memory_format=torch.channels_last), draw(4, 3, 2, 2).to(memory_format=torch.channels_last)),
        (draw(6, 4).t(), draw(4, 6)),
        (draw(4, 6), draw(6, 4).t()),
        (draw(6, 4).t(), draw(6, 4).t()),
        (draw(4, 8)[:, ::2], draw(4, 4)),
        (draw(3, 5), draw(1, 5).expand(3, 5)),
        (draw(3, 5), draw(1).expand(3, 5)),
        (draw(7), draw(14)[::2]),
    ]
    strided = [nn.Parameter(value) for value, _ in cases]
    plain = [nn.Parameter(value.contiguous().clone()) for value, _ in cases]
    a, b = _quiet(make, strided, lr=LR), _quiet(make, plain, lr=LR)
    for t in range(3):
        for p, q, (_, gradient) in zip(strided, plain, cases):
            p.grad = gradient * (t + 1) if t else gradient
            q.grad = (gradient * (t + 1)).contiguous().clone()
        a.step(), b.step()
    for k, (p, q) in enumerate(zip(strided, plain)):
        # A mix-up is off by the length of a step; bfloat16 inside of msign makes rounding a hundredth of that.
        assert (p - q).detach().abs().max() <= 0.03 * LR, f"layout {k}: off by {(p - q).abs().max():.3g}"


def check_types(make: Make) -> None:
    """float64 as precise as it is; bfloat16 and float16 keep steps that are smaller than their spacing."""
    single, double = _parameters(), _parameters(torch.float64)
    for p, q in zip(single, double):
        q.data.copy_(p.data)
    a, b = _quiet(make, single, lr=LR), _quiet(make, double, lr=LR)
    for t in range(3):
        for p, q, g in zip(single, double, _gradients(single, t)):
            p.grad, q.grad = g, g.double()
        a.step(), b.step()
    for p, q in zip(single, double):
        assert (p - q).detach().abs().max() <= 0.1 * LR, f"float32 and float64 differ by {(p - q).abs().max():.3g}"
    for dtype in (torch.bfloat16, torch.float16):
        p = nn.Parameter(torch.full((4, 4), 8.0, dtype=dtype))
        optimizer = _quiet(make, [p], lr=LR)
        for t in range(60):
            p.grad = torch.ones(4, 4, dtype=dtype) + 0.25 * torch.eye(4, dtype=dtype) * (t % 2)
            optimizer.step()
        assert p.dtype is dtype and bool((p < 8).any()), f"{dtype}: steps below the spacing of the type were lost"


def check_refused_tensors(make: Make) -> None:
    """Sparse gradients and complex parameters are refused by name, and nothing has changed then."""
    parameters = [*_parameters(), nn.Parameter(torch.ones(4, 2))]
    optimizer = _quiet(make, parameters, lr=LR)
    start = [p.detach().clone() for p in parameters]
    for p, g in zip(parameters, _gradients(parameters, 0)):
        p.grad = g
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        parameters[-1].grad = torch.sparse_coo_tensor(torch.tensor([[0], [1]]), torch.tensor([1.0]), (4, 2))
    _refused(optimizer.step, "sparse")
    _same(parameters, start, "after a refusal")
    assert not any(optimizer.state.get(p) for p in parameters[:-1]) or all(
        not torch.any(v) for p in parameters for v in optimizer.state.get(p, {}).values() if isinstance(v, Tensor)
    ), "state after a refusal"

    def complex_step() -> None:
        z = nn.Parameter(torch.ones(2, dtype=torch.complex64))
        other = _quiet(make, [z], lr=LR)
        z.grad = torch.ones(2, dtype=torch.complex64)
        other.step()

    _refused(complex_step, "complex")


def check_autograd_sees_steps(make: Make) -> None:
    """backward() through values that a step has changed is an error, as after any operation in place."""
    p = nn.Parameter(torch.randn(3, 3))
    optimizer = _quiet(make, [p], lr=LR)
    loss = (p * p).sum()
    p.grad = torch.ones(3, 3)
    optimizer.step()
    try:
        loss.backward()
    except RuntimeError:
        return
    raise AssertionError("backward() used values that the step had changed")


def check_changed_groups(make: Make) -> None:
    """Tensors that are replaced, appended or resized in a group are stepped, the old ones are not, the others keep state."""
    a, b = nn.Parameter(torch.zeros(3, 2)), nn.Parameter(torch.zeros(2, 2))
    optimizer = _quiet(make, [a, b], lr=LR)
    a.grad, b.grad = torch.ones(3, 2), torch.ones(2, 2)
    optimizer.step()
    old, kept = a.detach().clone(), copy.deepcopy(optimizer.state.get(b, {}))
    new, more = nn.Parameter(torch.zeros(5, 2)), nn.Parameter(torch.zeros(4))
    optimizer.param_groups[0]["params"][0] = new
    optimizer.param_groups[0]["params"].append(more)
    b.grad, new.grad, more.grad = None, torch.ones(5, 2), torch.ones(4)
    optimizer.step()
    assert bool(new.abs().sum() > 0) and bool(more.abs().sum() > 0), "a new tensor was not stepped"
    assert torch.equal(a, old), "the replaced tensor was stepped again"
    for key, value in kept.items():
        is_kept = not isinstance(value, Tensor) or torch.equal(value, optimizer.state[b][key])
        assert is_kept, f"state {key} of another tensor changed"
    more.data = torch.zeros(4)
    more.grad = torch.ones(4)
    optimizer.step()
    assert bool(more.abs().sum() > 0), "a tensor with another storage was not stepped"


# ---- options and groups ------------------------------------------------------------------------------


def check_groups(make: Make) -> None:
    """Groups have rates of their own; one added later is stepped; an unknown key, a tensor twice and a set are refused."""
    a, b, c = (nn.Parameter(torch.ones(3, 3)) for _ in range(3))
    optimizer = _quiet(make, [{"params": [a]}, {"params": [b], "lr": 0.0}], lr=LR)
    for p in (a, b, c):
        p.grad = torch.eye(3) + 0.5
    optimizer.step()
    assert bool((a < 1).any()) and torch.equal(b, torch.ones(3, 3)), "rates of groups"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        optimizer.add_param_group({"params": [c], "lr": LR})
        optimizer.step()
        assert bool((c < 1).any()), "a group that was added did not move"
        count = len(optimizer.param_groups)
        _refused(lambda: optimizer.add_param_group({"params": [a]}), "more than one")
        fresh = nn.Parameter(torch.ones(2))
        _refused(lambda: optimizer.add_param_group({"params": [fresh], "no_such_option": 1}), "no_such_option")
        _refused(lambda: optimizer.add_param_group({"params": {nn.Parameter(torch.ones(2))}}), "set")
        assert len(optimizer.param_groups) == count, "a refused group was added"
    _refused(lambda: _quiet(make, {nn.Parameter(torch.ones(2))}, lr=LR), "set")
    _refused(lambda: _quiet(make, [], lr=LR), "empty")
    _refused(lambda: _quiet(make, [nn.Parameter(torch.ones(2))], lr=-1.0), "lr")
    _refused(lambda: _quiet(make, [nn.Parameter(torch.ones(2))], lr=float("nan")), "lr")


def check_unknown_option(make: Make) -> None:
    """A misspelled option is refused with the nearest name."""
    _refused(lambda: _quiet(make, [nn.Parameter(torch.ones(2))], lr=LR, maximise=True), "maximise", "maximize")


def check_named_parameters(make: Make) -> None:
    """Named parameters keep their names; a state is then matched by name, whatever the order."""
    a, b = _parameters(), _parameters()
    names = [f"layer{k}.weight" for k in range(len(a))]
    first = make(list(zip(names, a)), lr=LR)
    assert first.param_groups[0]["param_names"] == names, "names"
    _go(first, a, [0, 1])
    for p, q in zip(a, b):
        q.data.copy_(p.data)
    second = make(list(zip(names, b))[::-1], lr=LR)
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    for t in (2, 3):
        for p, q, g in zip(a, b, _gradients(a, t)):
            p.grad, q.grad = g, g.clone()
        first.step(), second.step()
    for p, q in zip(a, b):
        assert torch.allclose(p, q, rtol=1e-5, atol=1e-7), "a state in another order of names was mixed up"
    other = make([(f"other{k}", p) for k, p in enumerate(_parameters())], lr=LR)
    _refused(lambda: other.load_state_dict(first.state_dict()), "other parameters")


def check_tensor_lr(make: Make) -> None:
    """lr may be a tensor, and may be changed in place."""
    a, b = _parameters(), _parameters()
    rate = torch.tensor(LR, dtype=torch.float64)
    x, y = _quiet(make, a, lr=rate), _quiet(make, b, lr=LR)
    _go(x, a, [0])
    _go(y, b, [0])
    rate.mul_(0.5)
    y.param_groups[0]["lr"] *= 0.5
    _go(x, a, [1])
    _go(y, b, [1])
    _same(a, b, "lr as a tensor")


# ---- schedulers, scalers, hooks ----------------------------------------------------------------------


def check_schedulers(make: Make) -> None:
    """Every scheduler of torch drives it, through a save in the middle."""
    from torch.optim import lr_scheduler as schedulers
    from torch.optim.swa_utils import SWALR

    def cycles(optimizer: torch.optim.Optimizer) -> bool:
        return "momentum" in optimizer.defaults or "betas" in optimizer.defaults

    kinds: dict[str, Callable[[Any], Any]] = {
        "LambdaLR": lambda o: schedulers.LambdaLR(o, lambda t: 1 / (1 + t)),
        "MultiplicativeLR": lambda o: schedulers.MultiplicativeLR(o, lambda t: 0.9),
        "StepLR": lambda o: schedulers.StepLR(o, 2),
        "MultiStepLR": lambda o: schedulers.MultiStepLR(o, [2, 4]),
        "ConstantLR": lambda o: schedulers.ConstantLR(o, total_iters=3),
        "LinearLR": lambda o: schedulers.LinearLR(o, total_iters=4),
        "ExponentialLR": lambda o: schedulers.ExponentialLR(o, 0.9),
        "CosineAnnealingLR": lambda o: schedulers.CosineAnnealingLR(o, 4),
        "CosineAnnealingWarmRestarts": lambda o: schedulers.CosineAnnealingWarmRestarts(o, 3),
        "PolynomialLR": lambda o: schedulers.PolynomialLR(o, 5),
        "CyclicLR": lambda o: schedulers.CyclicLR(o, LR / 10, LR, step_size_up=2, cycle_momentum="momentum" in o.defaults),
        "OneCycleLR": lambda o: schedulers.OneCycleLR(o, LR, total_steps=9, cycle_momentum=cycles(o)),
        "SequentialLR": lambda o: schedulers.SequentialLR(
            o, [schedulers.LinearLR(o, total_iters=2), schedulers.ExponentialLR(o, 0.9)], milestones=[2]
        ),
        "SWALR": lambda o: SWALR(o, swa_lr=LR / 2, anneal_epochs=3),
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, build in kinds.items():
            a, b = _parameters(), _parameters()
            whole, half = make(a, lr=LR), make(b, lr=LR)
            schedule, other = build(whole), build(half)
            for t in range(3):
                _go(whole, a, [t])
                schedule.step()
                _go(half, b, [t])
                other.step()
            again = make(b, lr=LR)
            resumed = build(again)
            resumed.load_state_dict(copy.deepcopy(other.state_dict()))
            again.load_state_dict(copy.deepcopy(half.state_dict()))
            for t in range(3, 6):
                _go(whole, a, [t])
                schedule.step()
                _go(again, b, [t])
                resumed.step()
                assert whole.param_groups[0]["lr"] == again.param_groups[0]["lr"], f"{name}: another rate after a save"
            _same(a, b, name)
        plateau_parameters = _parameters()
        optimizer = make(plateau_parameters, lr=LR)
        plateau = schedulers.ReduceLROnPlateau(optimizer, patience=0)
        for _ in range(4):
            _go(optimizer, plateau_parameters, [0])
            plateau.step(1.0)
        assert float(optimizer.param_groups[0]["lr"]) < LR, "ReduceLROnPlateau"


def check_grad_scaler(make: Make) -> None:
    """GradScaler's scale has no influence, and a step with an infinite gradient is not taken."""

    def train(scale: float) -> list[nn.Parameter]:
        parameters = _parameters()
        optimizer = _quiet(make, parameters, lr=LR)
        scaler = torch.amp.GradScaler("cpu", init_scale=scale, growth_interval=2)
        for t in range(5):
            optimizer.zero_grad()
            loss: Tensor = sum((p * g).sum() for p, g in zip(parameters, _gradients(parameters, t)))  # type: ignore[assignment]
            scaler.scale(loss * float("inf") if t == 2 else loss).backward()
            scaler.step(optimizer)
            scaler.update()
        return parameters

    _same(train(1024.0), train(4.0), "GradScaler")


def check_hooks(make: Make) -> None:
    """Step hooks run once a step, before and after; zero_grad does both of its ways."""
    parameters = _parameters()
    optimizer = _quiet(make, parameters, lr=LR)
    calls: list[str] = []
    optimizer.register_step_pre_hook(lambda *_: calls.append("before"))
    optimizer.register_step_post_hook(lambda *_: calls.append("after"))
    _go(optimizer, parameters, [0, 1])
    assert calls == ["before", "after"] * 2, f"hooks ran as {calls}"
    optimizer.zero_grad(set_to_none=False)
    assert all(p.grad is not None and not p.grad.any() for p in parameters), "zero_grad(set_to_none=False)"
    optimizer.zero_grad()
    assert all(p.grad is None for p in parameters), "zero_grad()"


# ---- state -------------------------------------------------------------------------------------------


def check_state_dict(make: Make) -> None:
    """State through torch.save and torch.load(weights_only=True), before and after steps: goes on bit for bit."""
    for dtype in (torch.float32, torch.float64, torch.bfloat16):
        for done in (0, 3):
            a = _parameters(dtype)
            first = _quiet(make, a, lr=LR)
            _go(first, a, range(done))
            file = io.BytesIO()
            torch.save(first.state_dict(), file)
            file.seek(0)
            state = torch.load(file, weights_only=True)
            b = [nn.Parameter(p.detach().clone()) for p in a]
            second = _quiet(make, b, lr=0.5)
            second.load_state_dict(state)
            for p, q in zip(a, b):
                for key, value in first.state.get(p, {}).items():
                    other = second.state[q][key]
                    if isinstance(value, Tensor):
                        assert other.dtype == value.dtype and torch.equal(other, value), f"{dtype}: state {key} was not kept"
            _go(first, a, range(done, done + 3))
            _go(second, b, range(done, done + 3))
            _same(a, b, f"{dtype}, saved after {done} steps")


def check_state_is_not_shared(make: Make) -> None:
    """Loading copies: the two optimizers go their own ways."""
    a = _parameters()
    first = _quiet(make, a, lr=LR)
    _go(first, a, [0])
    b = [nn.Parameter(p.detach().clone()) for p in a]
    second = _quiet(make, b, lr=LR)
    second.load_state_dict(first.state_dict())
    before = copy.deepcopy(first.state_dict()["state"])
    _go(second, b, [1, 2])
    for index, entries in first.state_dict()["state"].items():
        for key, value in entries.items():
            if isinstance(value, Tensor):
                assert torch.equal(value, before[index][key]), f"state {key} of the first changed with the second's steps"


def check_wrong_state(make: Make) -> None:
    """A state of other groups or other shapes is refused, and nothing changes."""
    a = _parameters()
    first = _quiet(make, a, lr=LR)
    _go(first, a, [0])
    fewer = _quiet(make, _parameters()[:2], lr=LR)
    before = str(fewer.state_dict())
    _refused(lambda: fewer.load_state_dict(first.state_dict()))
    groups = _quiet(make, [{"params": [p]} for p in _parameters()], lr=LR)
    _refused(lambda: groups.load_state_dict(first.state_dict()))
    assert str(fewer.state_dict()) == before, "a refused state was loaded in part"


def check_copies(make: Make) -> None:
    """deepcopy and pickle give an optimizer that goes on alone, with its parameters."""
    for kind in ("deepcopy", "pickle"):
        a = _parameters()
        first = _quiet(make, a, lr=LR)
        _go(first, a, [0, 1])
        second = copy.deepcopy(first) if kind == "deepcopy" else pickle.loads(pickle.dumps(first))
        b = second.param_groups[0]["params"]
        assert not any(p is q for p, q in zip(a, b)), f"{kind} shares parameters"
        _go(first, a, [2, 3])
        _go(second, b, [2, 3])
        _same(a, b, kind)


def check_state_can_be_forgotten(make: Make) -> None:
    """state.clear(), or a deleted entry, starts anew, as pruning and densification do it."""
    a, b = _parameters(), _parameters()
    first = _quiet(make, a, lr=LR)
    _go(first, a, [0, 1])
    first.state.clear()
    for p, q in zip(a, b):
        q.data.copy_(p.data)
    second = _quiet(make, b, lr=LR)
    _go(first, a, [2, 3])
    _go(second, b, [2, 3])
    _same(a, b, "after state.clear()")


CHECKS: tuple[Callable[[Make], None], ...] = tuple(
    function for name, function in sorted(globals().items()) if name.startswith("check_") and callable(function)
)


def check_optimizer(make: Make, expected_failures: Mapping[str, str] | None = None) -> None:
    """All checks; `expected_failures` maps names of checks to reasons, and those must fail."""
    expected = dict(expected_failures or {})
    unknown = set(expected) - {check.__name__ for check in CHECKS}
    if unknown:
        raise ValueError(f"expected_failures: no check {', '.join(sorted(unknown))}")
    problems = []
    for check in CHECKS:
        name = check.__name__
        try:
            check(make)
        except Exception as error:
            if name not in expected:
                problems.append(f"{name}: {error}")
        else:
            if name in expected:
                problems.append(f"{name}: was expected to fail ({expected[name]}) and passes")
    assert not problems, "\n".join(problems)
