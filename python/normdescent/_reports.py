# SPDX-License-Identifier: Apache-2.0
"""A report is one dict with faces: text, HTML, figure, file. Everything shown comes from to_dict() alone."""

from __future__ import annotations

import copy
import html
import json
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, TypeVar

R = TypeVar("R", bound="Report")
RESULT_FILE, PAGE_FILE = "result.json", "report.html"


class Report:
    """The part that all reports share."""

    schema: ClassVar[str] = ""

    def __init__(self, data: Mapping[str, Any]) -> None:
        self._data = json_able(data)

    def to_dict(self) -> dict[str, Any]:
        """All of it, versioned by "schema", ready for JSON (what is not finite is None)."""
        return copy.deepcopy(self._data)

    @classmethod
    def from_dict(cls: type[R], data: Mapping[str, Any]) -> R:
        found = data.get("schema") if isinstance(data, Mapping) else None
        if found != cls.schema:
            raise ValueError(
                f"schema = {found!r}; expected {cls.schema!r}: is this the result of something else, or of another version?"
            )
        return cls(data)

    def save(self, folder: str | os.PathLike[str]) -> Path:
        """Writes result.json and report.html into a folder, which is made."""
        path = Path(folder)
        path.mkdir(parents=True, exist_ok=True)
        for name, text in ((PAGE_FILE, self.to_html()), (RESULT_FILE, json.dumps(self._data, indent=1, allow_nan=False) + "\n")):
            written = path / (name + ".part")
            written.write_text(text, encoding="utf-8")
            written.replace(path / name)
        return path

    @classmethod
    def load(cls: type[R], folder: str | os.PathLike[str]) -> R:
        """From a folder that save() wrote, or its result.json."""
        path = Path(folder)
        if path.is_dir():
            path = path / RESULT_FILE
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
        except json.JSONDecodeError as error:
            raise ValueError(f"{path} is no JSON ({error}); expected a result.json of {cls.__name__}.save()") from None
        return cls.from_dict(data)

    def to_html(self) -> str:
        """One page that opens offline."""
        body = self._html_body()
        title = html.escape(self._title())
        head = f'<meta charset="utf-8"><title>{title}</title><style>{_STYLE}</style>'
        return f'<!doctype html>\n<html lang="en"><head>{head}</head>\n<body>{body}</body></html>\n'

    def _repr_html_(self) -> str:
        return f"<div class='normdescent'><style>{_STYLE_INLINE}</style>{self._html_body()}</div>"

    def _title(self) -> str:
        return "Normdescent"

    def _html_body(self) -> str:
        return f"<pre>{html.escape(str(self))}</pre>"

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other._data == self._data

    __hash__ = None  # type: ignore[assignment]


def json_able(value: Any) -> Any:
    """Plain dicts, lists, numbers and text; what is not finite becomes None."""
    if isinstance(value, Mapping):
        return {str(k): json_able(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [json_able(v) for v in value]
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    if hasattr(value, "item"):
        return json_able(value.item())
    return str(value)


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines of a table: the first column to the left, the others to the right."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        lines.append("  ".join(cells).rstrip())
    return lines


_STYLE_INLINE = """.normdescent table{border-collapse:collapse}
.normdescent td,.normdescent th{padding:2px 10px;text-align:right}.normdescent td:first-child{text-align:left}"""
_STYLE = """body{font:15px sans-serif;max-width:60em;margin:2em auto;padding:0 1em}table{border-collapse:collapse}
td,th{padding:3px 10px;text-align:right;border-bottom:1px solid #ddd}td:first-child,th:first-child{text-align:left}
pre{background:#f6f6f6;padding:.6em}text{font:11px sans-serif}"""
