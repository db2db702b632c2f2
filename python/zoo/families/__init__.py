# SPDX-License-Identifier: Apache-2.0
"""Families of problems: functions from a Draw to Parts."""

from __future__ import annotations

from collections.abc import Callable

from zoo.families import adaptation, dense, generative, images, sequences, sparse
from zoo.problem import Draw, Parts

FAMILIES: dict[str, Callable[[Draw], Parts]] = {
    **sequences.FAMILIES,
    **images.FAMILIES,
    **dense.FAMILIES,
    **generative.FAMILIES,
    **sparse.FAMILIES,
    **adaptation.FAMILIES,
}
