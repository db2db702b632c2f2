# SPDX-License-Identifier: Apache-2.0
"""Gradient noise during training, from the micro-batches of gradient accumulation."""

from __future__ import annotations

import json
from typing import Any, Iterable, Union

import torch

from ._parameters import module_parameters


class TrainingMonitor:
    """Measures noise and signal at a few thousand coordinates of every gradient, and the spectral
    noise of one matrix after the other.

        monitor = TrainingMonitor(model)
        for each step:
            for each of n micro-batches:
                (loss / n).backward()
                monitor.observe_micro_batch(weight=1 / n)
            optimizer.step(); optimizer.zero_grad(); monitor.end_step()
        print(monitor.report()["noise_density"])

    What a step meets - curvature along it, what it gained, the multiple of it that would have gained
    most - from the gradient of one more micro-batch before and after it:

        next_loss().backward(); monitor.observe_before_step(loss); optimizer.zero_grad()
        the step as above
        the same loss.backward(); monitor.observe_after_step(loss); optimizer.zero_grad()

    params        a module, named_parameters() or tensors
    coordinates   that are read of each gradient; at least 16 of each tensor
    window        micro-batches that a report is about: the newest
    matrix_every  steps between measurements of one matrix's spectral noise, in turn; 0: none
    """

    def __init__(
        self,
        params: Union[torch.nn.Module, Iterable[Any]],
        coordinates: int = 8192,
        window: int = 64,
        matrix_every: int = 8,
        seed: int = 1,
    ) -> None:
        if isinstance(params, torch.nn.Module):
            self._names, roles, tensors = module_parameters(params)
        else:
            items = [item if isinstance(item, tuple) else (None, item) for item in params]
            self._names = [name or f"parameter_{i}" for i, (name, _) in enumerate(items)]
            tensors = [tensor for _, tensor in items]
            roles = torch.ops.normdescent.parameter_roles(self._names, tensors, [], [])
        for name, value, least in (
            ("coordinates", coordinates, 1),
            ("window", window, 2),
            ("matrix_every", matrix_every, 0),
        ):
            if value < least:
                raise ValueError(f"{name} = {value}, must be >= {least}")
        self._engine = torch.classes.normdescent.TrainingMonitor(
            self._names, roles, tensors, coordinates, window, matrix_every, seed
        )

    def observe_micro_batch(self, weight: float = 1.0, accumulated: bool = True) -> None:
        """Reads .grad after a micro-batch's backward().

        weight       the factor that the loss carried: 1 / n if n of them add up to the mean
        accumulated  .grad holds the sum of the step so far; False if it was zeroed before
        """
        if not weight > 0:
            raise ValueError(f"weight = {weight}, must be > 0")
        self._engine.observe_micro_batch(float(weight), accumulated)

    def observe_before_step(self, loss: float) -> None:
        """Reads .grad, of one micro-batch that has no part in the coming step, and the parameters.

        loss  of that micro-batch alone, as .grad is its gradient alone
        """
        self._engine.observe_before_step(float(loss))

    def observe_after_step(self, loss: float) -> None:
        """The same micro-batch's .grad and loss where the step has led."""
        if not self._engine.awaits_after_step():
            raise ValueError("observe_after_step() needs observe_before_step()")
        self._engine.observe_after_step(float(loss))

    def end_step(self) -> None:
        """Call it when the parameters have moved."""
        self._engine.end_step()

    def report(self) -> dict[str, Any]:
        """What the window shows, per micro-batch: {"value", "se"} each, None if not measured.

        Critical batch sizes count micro-batches. "because" says why something is missing.
        """
        result: dict[str, Any] = json.loads(self._engine.report())
        for name, row in zip(self._names, result["per_parameter"]):
            row["name"] = name
        return result
