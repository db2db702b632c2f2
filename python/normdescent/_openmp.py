# SPDX-License-Identifier: Apache-2.0
"""One OpenMP in a process: idle threads of a second pool spin, and take the processors from the first.

A local build links the system's libgomp, a wheel wants any library of that name. torch brings one under the same name: loaded
first, it serves both, whichever is imported first. Machines without any get the copy in the wheel.
"""

from __future__ import annotations

import ctypes
import importlib.util
import pathlib
import sys

NAME = "libgomp.so.1"


def load() -> None:
    """Loads the library that torch will use, if torch is installed and has one; else the system's; else the wheel's."""
    if "torch" in sys.modules or not sys.platform.startswith("linux"):
        return
    places = []
    try:
        torch = importlib.util.find_spec("torch")  # imports nothing
    except (ImportError, ValueError):
        torch = None
    if torch is not None and torch.origin is not None:
        places.append(str(pathlib.Path(torch.origin).parent / "lib" / NAME))
    places += [NAME, str(pathlib.Path(__file__).parent / "_libs" / NAME)]
    for place in places:
        try:
            ctypes.CDLL(place, mode=ctypes.RTLD_GLOBAL)
        except OSError:
            continue
        return
