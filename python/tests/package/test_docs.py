# SPDX-License-Identifier: Apache-2.0
"""Every block of Python in docs/python runs, page by page, in the order of the page."""

from __future__ import annotations

import pathlib
import re
import subprocess
import sys

import pytest

PAGES = sorted((pathlib.Path(__file__).resolve().parents[3] / "docs" / "python").glob("*.md"))


def blocks(text: str) -> list[tuple[int, str]]:
    """The blocks with the line they start at."""
    return [(text[: m.start(1)].count("\n") + 1, m.group(1)) for m in re.finditer(r"^```python\n(.*?)^```", text, re.S | re.M)]


def test_there_are_pages() -> None:
    assert PAGES, "docs/python is not in this checkout"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_blocks_run(page: pathlib.Path, tmp_path: pathlib.Path) -> None:
    script = ""
    for line, block in blocks(page.read_text()):
        script += f"\n# {page.name}, line {line}\n{block}"
    (tmp_path / f"{page.stem}.py").write_text(script)
    done = subprocess.run(
        [sys.executable, "-W", "error::UserWarning", f"{page.stem}.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
