# SPDX-License-Identifier: Apache-2.0
"""The version, and what a bug report should tell."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import sys
from typing import TextIO

__version__ = "0.1.0"

_PACKAGES = ("torch", "numpy", "transformers", "lightning", "dask", "matplotlib", "pandas", "scikit-learn")


def show_versions(file: TextIO | None = None) -> None:
    """Prints the versions that matter, without importing anything."""
    lines = [f"normdescent {__version__}", f"python {platform.python_version()} on {platform.platform()}, {os.cpu_count()} CPUs"]
    for package in _PACKAGES:
        try:
            lines.append(f"{package} {importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:
            lines.append(f"{package} not installed")
    print("\n".join(lines), file=file or sys.stdout)
