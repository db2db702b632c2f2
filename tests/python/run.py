# SPDX-License-Identifier: Apache-2.0
"""Runs the Python tests; exits 77, which ctest calls skipped, where this Python has no torch."""

import sys
import unittest
from pathlib import Path

try:
    import torch  # noqa: F401
except ImportError as error:
    print(f"skipped: {error} ({sys.executable}; Debian's package is python3-torch)")
    sys.exit(77)

pattern = sys.argv[1] if len(sys.argv) > 1 else "test_*.py"
tests = unittest.defaultTestLoader.discover(str(Path(__file__).parent), pattern)
sys.exit(0 if unittest.TextTestRunner(verbosity=2).run(tests).wasSuccessful() else 1)
