# SPDX-License-Identifier: Apache-2.0
"""Recorded lines as one compressed file: `python -m zoo.compact OUT.jsonl`. Failed problems and candidates that are no longer
raced are dropped.
"""

from __future__ import annotations

import argparse
import gzip
import json
from pathlib import Path
from typing import Any

from zoo.constants import CANDIDATES
from zoo.regret import DATA


def shorter(x: Any) -> Any:
    """Four digits are beyond the noise."""
    if isinstance(x, float):
        return float(f"{x:.4g}")
    if isinstance(x, list):
        return [shorter(v) for v in x]
    return {k: shorter(v) for k, v in x.items()} if isinstance(x, dict) else x


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recorded", type=Path)
    parser.add_argument("--out", type=Path, default=DATA)
    arguments = parser.parse_args()
    lines = []
    for line in arguments.recorded.read_text().splitlines():
        record = json.loads(line)
        if "error" in record:
            continue
        for kind in ("full", "short"):
            record[kind] = {key: {c: runs[c] for c in CANDIDATES if c in runs} for key, runs in record[kind].items()}
        record["clock"] = {k: v for k, v in record["clock"].items() if k in ("gradient", *CANDIDATES)}
        lines.append(json.dumps(shorter(record), separators=(",", ":")))
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    with gzip.GzipFile(arguments.out, "wb", mtime=0) as file:  # the same bytes for the same races
        file.write(("\n".join(lines) + "\n").encode())
    print(f"{len(lines)} races, {arguments.out.stat().st_size} bytes")


if __name__ == "__main__":
    main()
