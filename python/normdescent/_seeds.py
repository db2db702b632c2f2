# SPDX-License-Identifier: Apache-2.0
"""Seeds by purpose, and random streams that are left where they stood."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy
import torch


def derive(seed: int, *purpose: object) -> int:
    """A seed of 63 bits from a seed and what it is for; it does not depend on what was drawn before."""
    text = "/".join([str(int(seed)), *map(str, purpose)])
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little") >> 1


def seed_everything(seed: int) -> None:
    """Sets the streams of torch (all devices), NumPy and Python."""
    torch.manual_seed(seed)
    numpy.random.seed(seed % 2**32)
    random.seed(seed)


def _accelerators() -> list[Any]:
    """torch's device modules whose random streams exist now. One that was never used has no stream to disturb."""
    found: list[Any] = []
    if torch.cuda.is_available() and torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        found.append(torch.cuda)
    xpu = getattr(torch, "xpu", None)
    if xpu is not None and xpu.is_available() and xpu.is_initialized():
        found.append(xpu)
    return found


@contextmanager
def streams_left_as_found() -> Iterator[None]:
    """Whatever is drawn inside, torch, NumPy and Python go on afterwards as if nothing had been."""
    cpu, legacy, python = torch.get_rng_state(), numpy.random.get_state(), random.getstate()
    devices = [(module, module.get_rng_state_all()) for module in _accelerators()]
    has_mps = torch.backends.mps.is_available()
    mps = torch.mps.get_rng_state() if has_mps else None
    try:
        yield
    finally:
        torch.set_rng_state(cpu)
        numpy.random.set_state(legacy)
        random.setstate(python)
        for module, states in devices:
            module.set_rng_state_all(states)
        if mps is not None:
            torch.mps.set_rng_state(mps)


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Streams set to `seed` inside, left as found outside."""
    with streams_left_as_found():
        seed_everything(seed)
        yield
