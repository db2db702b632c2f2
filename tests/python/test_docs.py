# SPDX-License-Identifier: Apache-2.0
"""The Python code that people read in the documents runs."""

import contextlib
import io
import re
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


class Documents(unittest.TestCase):
    def test_code_blocks_run(self) -> None:
        blocks = []
        for name in ("README.md", "docs/python.md"):
            blocks += re.findall(
                r"^```python\n(.*?)^```", (ROOT / name).read_text(encoding="utf-8"), re.M | re.S
            )
        self.assertGreaterEqual(len(blocks), 2)
        for block in blocks:
            with self.subTest(block=block), contextlib.redirect_stdout(io.StringIO()):
                exec(compile(block, "document", "exec"), {})

    def test_the_example_trains(self) -> None:
        program = (ROOT / "examples/python/train.py").read_text(encoding="utf-8")
        with contextlib.redirect_stdout(io.StringIO()) as output:
            exec(compile(program, "train.py", "exec"), {})
        self.assertIn("step 199", output.getvalue())
