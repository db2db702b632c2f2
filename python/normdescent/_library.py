# SPDX-License-Identifier: Apache-2.0
"""Finds and loads the shared library that holds all of the arithmetic."""

from __future__ import annotations

import os
from pathlib import Path

import torch

_FILE_NAME = "libnormdescent_torch_operators.so"
_ENVIRONMENT = "NORMDESCENT_TORCH_OPERATORS"


def _candidates() -> list[Path]:
    """Named by the user, or installed beside the package, or in a build folder, newest first."""
    chosen = os.environ.get(_ENVIRONMENT)
    if chosen:
        return [Path(chosen)]
    package = Path(__file__).resolve().parent
    beside = [package / _FILE_NAME]
    built = [
        path for path in package.parents[1].glob(f"build/*/python/{_FILE_NAME}") if path.is_file()
    ]
    return beside + sorted(built, key=lambda path: path.stat().st_mtime, reverse=True)


def load() -> Path:
    """Loads the library into torch and says where it was. ImportError says what to do."""
    candidates = _candidates()
    for path in candidates:
        if not path.is_file():
            continue
        try:
            torch.ops.load_library(str(path))
        except OSError as error:
            raise ImportError(
                f"{path} does not load into torch {torch.__version__}, which must be the LibTorch "
                f"that it was built with: {error}"
            ) from error
        return path
    looked = ", ".join(str(path) for path in candidates)
    raise ImportError(
        f"normdescent: {_FILE_NAME} is at none of: {looked}. Build it with `cmake --preset release "
        f"&& cmake --build --preset release` (needs LibTorch), or set {_ENVIRONMENT} to its path."
    )
