# SPDX-License-Identifier: Apache-2.0
"""Small problems, and the shortest comparison that exercises the whole way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

torch = pytest.importorskip("torch")


@pytest.fixture(autouse=True)
def _one_thread() -> Any:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def data() -> Any:
    """48 examples of a linear map from 6 to 2 numbers, with noise."""
    g = torch.Generator().manual_seed(0)
    x = torch.randn(48, 6, generator=g)
    return torch.utils.data.TensorDataset(x, x[:, :2] * 2.0 + 0.1 * torch.randn(48, 2, generator=g))


@pytest.fixture
def loss() -> Callable[..., Any]:
    return lambda model, batch: (model(batch[0]) - batch[1]).square().mean()


@pytest.fixture
def compare(data: Any, loss: Callable[..., Any]) -> Callable[..., Any]:
    """nd.compare with what a test does not care about filled in."""
    import normdescent as nd

    def run(make_model: Any = None, loss_: Any = None, train: Any = None, validation: Any = None, **options: Any) -> Any:
        given = {"steps": 40, "batch_size": 8, "budget": 1.0, "optimizers": ["sgd", "adamw"], "seed": 1, "progress": False}
        return nd.compare(
            (lambda: torch.nn.Linear(6, 2)) if make_model is None else make_model,
            loss_ or loss,
            data if train is None else train,
            data if validation is None else validation,
            **{**given, **options},
        )

    return run
