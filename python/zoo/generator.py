# SPDX-License-Identifier: Apache-2.0
"""Draws problems: family, settings, batch, horizon, schedule, scale of the initialization. `problem(7)` is the same
everywhere.
"""

from __future__ import annotations

import math
from typing import Any

from zoo.families import FAMILIES
from zoo.problem import Draw, Problem

ORDER = list(FAMILIES)
WORK = 1.2e9  # multiplications of one training run at most, so that a full race takes seconds


def problem(index: int, **fixed: Any) -> Problem:
    """The index-th problem; families take turns. `fixed` overrides drawn settings (steps=, batch_size=, width=, ...)."""
    family = ORDER[index % len(ORDER)]
    draw = Draw(f"{family}/{index}", fixed)
    parts = FAMILIES[family](draw)
    parts_weights = sum(p.numel() for p in parts.make().parameters() if p.requires_grad)
    draw.choice("init_scale", [1.0, 1.0, 1.0, 1.0, 0.5, 2.0])
    long = draw.chance("long", 0.12)
    steps = draw.integer("steps", 1500, 3000) if long else draw.integer("steps", 100, 1200)
    usual = draw.chance("usual_batch", 0.75)
    exponent = draw.choice("log2_batch", [3, 4, 5, 6, 7, 8] if usual else [0, 1, 2, 9, 10])
    exponent = max(exponent, int(math.log2(low := draw.settings.get("batch_min", 1))))
    if "batch_size" in fixed:
        exponent = int(math.log2(fixed["batch_size"]))
    elif "steps" not in fixed:  # what is too much becomes a smaller batch and a shorter run in turn
        while steps * 2**exponent * 3 * parts_weights * parts.positions > WORK:
            if 2**exponent > max(8, low):
                exponent -= 1
            elif steps > 150:
                steps = round(0.7 * steps)
            elif 2**exponent > low:
                exponent -= 1
            else:
                break
    schedule = draw.choice("schedule", ["cosine"] * 8 + ["linear", "constant"])
    settings = {
        k: v for k, v in draw.settings.items() if k not in ("steps", "schedule", "log2_batch", "batch_min", "long", "usual_batch")
    }
    return Problem(f"{family}-{index}", family, steps, 2**exponent, schedule, parts, settings)
