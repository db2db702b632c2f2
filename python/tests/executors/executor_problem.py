# SPDX-License-Identifier: Apache-2.0
"""A problem that workers can import, whose loss kills the worker that calls it first."""

from __future__ import annotations

import multiprocessing
import os
from typing import Any

import torch


def make_model() -> torch.nn.Module:
    return torch.nn.Linear(6, 2)


def loss(model: torch.nn.Module, batch: Any) -> torch.Tensor:
    return (model(batch[0]) - batch[1]).square().mean()


class Killing:
    """`marker` is a file that is made by the worker that dies."""

    def __init__(self, marker: str) -> None:
        self.marker = marker

    def __call__(self, model: torch.nn.Module, batch: Any) -> torch.Tensor:
        if multiprocessing.parent_process() is not None and not os.path.exists(self.marker):
            with open(self.marker, "w"):
                os._exit(9)
        return loss(model, batch)
