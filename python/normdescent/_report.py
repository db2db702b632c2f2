# SPDX-License-Identifier: Apache-2.0
"""What an optimizer says of itself, parameter by parameter."""

from __future__ import annotations

from typing import NamedTuple, Sequence


class ParameterPlan(NamedTuple):
    """What happens to one parameter. A step is learning_rate * radius * shape_scale long."""

    name: str
    shape: list[int]
    role: str
    recipe: str
    correction: str
    clip_norm: float
    estimator: str
    direction: str
    shape_scale: float
    radius: float
    learning_rate: float
    decay: str
    state_buffers: int


class ParameterCounters(NamedTuple):
    """What was really done with one parameter since it was added or its options changed.

    The last two are those of the last measured step: sqrt(mean (x' - x)^2), and the cosine of the
    angle between x - x' and the momentum; NaN before one and where they do not exist.
    """

    name: str
    recipe: str
    steps: int
    orthogonalizations: int
    update_rms: float
    momentum_cosine: float


def plan_table(plans: Sequence[ParameterPlan]) -> str:
    """A line for each parameter, under a line of heads."""
    heads = (
        "parameter",
        "shape",
        "role",
        "estimator",
        "direction",
        "scale",
        "rate",
        "decay",
        "state",
    )
    rows = [heads] + [
        (
            p.name,
            "x".join(str(extent) for extent in p.shape),
            p.role,
            p.estimator,
            p.direction,
            f"{p.radius * p.shape_scale:.3g}",
            f"{p.learning_rate:.3g}",
            p.decay,
            str(p.state_buffers),
        )
        for p in plans
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(heads))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows
    )
