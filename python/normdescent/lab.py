# SPDX-License-Identifier: Apache-2.0
"""Experiments that confirm or refute the theory: hard instances, and problems whose constants are known. Needs no torch.

    import normdescent as nd
    [e["name"] for e in nd.lab.experiments()]
    result = nd.lab.run("signsgd-lower-bound", scale=0.1)
    result.passed, result.checks
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from . import _core
from ._options import nearest


@dataclass(frozen=True)
class ExperimentResult:
    """The document of `lab run --json`."""

    experiment: str
    parameters: Mapping[str, Any]
    rows: list[dict[str, Any]]
    checks: list[dict[str, Any]]
    charts: list[dict[str, Any]]
    document: Mapping[str, Any]

    @property
    def passed(self) -> bool:
        """Whether every check passed."""
        return all(check["passed"] for check in self.checks)

    def to_dict(self) -> dict[str, Any]:
        """The document itself."""
        return dict(self.document)

    def __str__(self) -> str:
        lines = [
            f"{'passed' if check['passed'] else 'FAILED'}  {check['name']}: {check['value']:.4g}, expected {check['expected']}"
            for check in self.checks
        ]
        return "\n".join(lines)


ExperimentResult.__module__ = "normdescent"


def experiments() -> list[dict[str, str]]:
    """All experiments: name, and what each claims."""
    return list(_core.experiments())


def run(name: str, *, scale: float = 1.0, seed: int = 1, threads: int | None = None) -> ExperimentResult:
    """Runs one. `scale` multiplies the work: 1 takes at most a minute on two cores; rows do not depend on `threads`."""
    known = [row["name"] for row in _core.experiments()]
    if name not in known:
        raise ValueError(f"experiment = {name!r}, must be one of {', '.join(known)}{nearest(str(name), known)}")
    count = threads if threads is not None else len(os.sched_getaffinity(0))
    document = json.loads(_core.run_experiment(name, scale=float(scale), seed=int(seed), threads=int(count)))
    return ExperimentResult(
        experiment=document["experiment"],
        parameters=document["parameters"],
        rows=document["rows"],
        checks=document["checks"],
        charts=document["charts"],
        document=document,
    )


__all__ = ["ExperimentResult", "experiments", "run"]
