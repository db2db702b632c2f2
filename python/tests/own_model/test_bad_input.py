# SPDX-License-Identifier: Apache-2.0
"""One exception each, whose message says what, where, what was expected; the model is as it was, and nothing hangs."""

from __future__ import annotations

import itertools
import pickle
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import normdescent as nd
import pytest
import torch
from torch import nn


def squares(model: nn.Module, batch: Any) -> torch.Tensor:
    return (model(batch[0]) - batch[1]).square()


class Output(dict):  # type: ignore[type-arg]
    """As transformers' ModelOutput: a mapping with attributes."""


LOSSES = {
    "per example": (lambda m, b: squares(m, b).mean(1), r"shape \(8,\); expected a scalar"),
    "float": (lambda m, b: squares(m, b).mean().item(), "float; expected a scalar tensor"),
    "dict": (lambda m, b: {"loss": squares(m, b).mean()}, r'dict; expected a scalar tensor.*return its \["loss"\]'),
    "output": (lambda m, b: Output(loss=squares(m, b).mean()), r"Output; expected a scalar tensor"),
    "tuple": (lambda m, b: (squares(m, b).mean(), 1), "tuple; expected a scalar tensor.*one of its tensors"),
    "None": (lambda m, b: None, "NoneType; expected a scalar tensor"),
    "detached": (lambda m, b: squares(m, b).mean().detach(), "needs no gradient"),
    "complex": (lambda m, b: squares(m, b).mean() * (1 + 0j), "complex64"),
    "nan": (lambda m, b: squares(m, b).mean() * float("nan"), "is nan on the first batch.*expected a finite"),
    "inf": (lambda m, b: squares(m, b).mean() + float("inf"), "is inf on the first batch"),
    "gradient": (
        lambda m, b: squares(m, b).sum() * 0.0 + (m.weight * 0.0).abs().sqrt().sum(),
        "gradient of weight is not finite",
    ),
}


@pytest.mark.parametrize("name", LOSSES)
def test_losses_that_cannot_be_used(compare: Any, name: str) -> None:
    loss, message = LOSSES[name]
    net = nn.Linear(6, 2)
    before = net.weight.detach().clone()
    with pytest.raises(nd.ProblemError, match=message):
        compare(net, loss)
    assert torch.equal(before, net.weight)
    assert net.weight.grad is None


def test_a_metric_that_is_no_number(compare: Any) -> None:
    with pytest.raises(nd.ProblemError, match=r"metric\(model, batch\) gave a dict on validation"):
        compare(metric=lambda model, batch: {"accuracy": 1.0})
    with pytest.raises(nd.ProblemError, match=r"metric on validation data is nan before training"):
        compare(metric=lambda model, batch: float("nan"))


_CALLS = itertools.count()


def drifting() -> nn.Module:
    net = nn.Linear(6, 2)
    with torch.no_grad():
        net.bias.add_(next(_CALLS))
    return net


MODELS = {
    "no parameter": (lambda: nn.Flatten(), "no trainable parameter"),
    "all frozen": (lambda: nn.Linear(6, 2).requires_grad_(False), "no trainable parameter .2 parameters"),
    "two devices": (lambda: nn.Sequential(nn.Linear(6, 2), nn.Linear(2, 2, device="meta")), "several devices .cpu, meta"),
    "not deterministic": (drifting, "not deterministic.*bias"),
    "other shapes": (
        lambda: nn.Sequential(*(nn.Linear(6, 6) for _ in range(1 + next(_CALLS) % 2)), nn.Linear(6, 2)),
        "not deterministic.*parameters",
    ),
}


@pytest.mark.parametrize("name", MODELS)
def test_models_that_cannot_be_used(compare: Any, name: str) -> None:
    make, message = MODELS[name]
    with pytest.raises(nd.ProblemError, match=message):
        compare(make)


def test_a_factory_that_makes_no_module(compare: Any) -> None:
    with pytest.raises(TypeError, match=r"make_model\(\) gave a list; expected an nn.Module"):
        compare(lambda: [1])
    with pytest.raises(TypeError, match=r"make_model is a int"):
        compare(3)


ARGUMENTS = {
    "budget negative": ({"budget": -1}, ValueError, "budget = -1"),
    "budget negative text": ({"budget": "-1 run"}, ValueError, "budget = '-1 run'"),
    "budget text": ({"budget": "soon"}, ValueError, "budget = 'soon'.*expected"),
    "budget unit": ({"budget": "3 parsecs"}, ValueError, "unit 'parsecs'"),
    "budget nan": ({"budget": float("nan")}, ValueError, "budget = nan"),
    "budget bool": ({"budget": True}, TypeError, "budget is a bool"),
    "budget None": ({"budget": None}, TypeError, "budget is a NoneType"),
    "steps 0": ({"steps": 0}, ValueError, "steps = 0"),
    "steps text": ({"steps": "many"}, TypeError, "steps is 'many'"),
    "steps and epochs": ({"epochs": 2}, TypeError, "exactly one"),
    "neither": ({"steps": None}, TypeError, "exactly one"),
    "batch size": ({"batch_size": -8}, ValueError, "batch_size = -8"),
    "no batch size": ({"batch_size": None}, nd.ProblemError, "train is a TensorDataset.*expected batch_size"),
    "batch too large": ({"batch_size": 99}, nd.ProblemError, "48 examples, fewer than one batch of 99"),
    "accumulate": ({"accumulate": 0}, ValueError, "accumulate = 0"),
    "clip": ({"clip": -1.0}, ValueError, "clip = -1.0"),
    "autocast": ({"autocast": "bfloat16"}, TypeError, "autocast is 'bfloat16'; expected a torch dtype"),
    "objective": ({"objective": "stepps"}, ValueError, "objective = 'stepps'.*did you mean steps"),
    "seed": ({"seed": 0.5}, TypeError, "seed is a float"),
    "schedule": ({"schedule": "cosine"}, TypeError, "schedule is a str; expected a callable"),
    "scheduler": ({"schedule": lambda o, s: 3}, TypeError, "gave a int; expected a torch LR scheduler"),
    "optimizer": ({"optimizers": ["adanw"]}, ValueError, "no optimizer 'adanw'; did you mean adamw"),
    "option": ({"optimizers": {"adamw": {"beta": (0.9, 0.95)}}}, ValueError, "no option 'beta'; did you mean betas"),
    "lr": ({"optimizers": {"adamw": {"lr": -1.0}}}, ValueError, "lr = -1.0"),
    "twice": ({"optimizers": ["adamw", "AdamW"]}, ValueError, "adamw is named twice"),
    "one name": ({"optimizers": "adamw"}, TypeError, "optimizers is a str; expected a list"),
    "none": ({"optimizers": []}, ValueError, "optimizers is empty"),
    "no optimizer made": (
        {"optimizers": [lambda named, lr: None]},
        TypeError,
        "gave a NoneType; expected a torch.optim.Optimizer",
    ),
    "baseline": ({"baseline": "adm"}, ValueError, "baseline: no optimizer 'adm'"),
    "baseline kind": ({"baseline": 3}, TypeError, "baseline is a int"),
    "metric": ({"metric": 3}, TypeError, "metric is a int"),
    "progress": ({"progress": "yes"}, TypeError, "progress is 'yes'"),
    "resume": ({"resume": 3}, TypeError, "resume is a int"),
}


@pytest.mark.parametrize("name", ARGUMENTS)
def test_arguments_that_cannot_be_used(compare: Any, name: str) -> None:
    given, kind, message = ARGUMENTS[name]
    with pytest.raises(kind, match=message):
        compare(**given)


SOURCES = {
    "tensor": (lambda: torch.randn(8, 6), TypeError, "is a Tensor; expected a DataLoader"),
    "dict": (lambda: {"x": 1}, TypeError, "is a dict"),
    "number": (lambda: 3, TypeError, "is a int"),
    "empty": (lambda: [], nd.ProblemError, "no batch; expected"),
}


@pytest.mark.parametrize("what", ["train", "validation"])
@pytest.mark.parametrize("name", SOURCES)
def test_data_that_cannot_be_used(compare: Any, what: str, name: str) -> None:
    make, kind, message = SOURCES[name]
    with pytest.raises(kind, match=what + ".*" + message):
        compare(**{what: make()})


def test_a_callable_that_gives_nothing_new(compare: Any, data: Any) -> None:
    kept = iter([data[:8]] * 5)
    with pytest.raises(nd.ProblemError, match=r"train\(seed\) gave the same iterator twice"):
        compare(train=lambda seed: kept)
    with pytest.raises(nd.ProblemError, match=r"train\(seed\) gave a int; expected an iterator"):
        compare(train=lambda seed: 3)


def test_missing_arguments_are_named() -> None:
    with pytest.raises(TypeError, match=r"misses train, validation"):
        nd.compare(nn.Linear(6, 2), squares)
    with pytest.raises(TypeError, match=r"loss is a str|loss is str"):
        nd.compare(nn.Linear(6, 2), "mse", [1], [1], steps=3)


def test_a_problem_that_cannot_be_sent_to_workers(compare: Any, monkeypatch: Any) -> None:
    monkeypatch.setitem(__import__("sys").modules, "cloudpickle", None)
    with ProcessPoolExecutor(1) as pool, pytest.raises(nd.ProblemError, match=r"cannot be sent to workers.*top of a module"):
        compare(executor=pool)


def test_an_exception_of_the_users_first_call_passes_with_a_note(compare: Any) -> None:
    with pytest.raises(KeyError, match=r"missing") as caught:
        compare(None, lambda model, batch: {}["missing"])
    assert "first call of loss" in caught.value.__notes__[0]


def test_our_errors_survive_pickling() -> None:
    error = pickle.loads(pickle.dumps(nd.ProblemError("what, where")))
    assert type(error) is nd.ProblemError
    assert str(error) == "what, where"
