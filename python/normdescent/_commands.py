# SPDX-License-Identifier: Apache-2.0
"""`normdescent compare | probe | suggest SCRIPT.py:make_problem`: a problem of one's own from the shell."""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._problem import Problem
    from ._reports import Report

Run = Callable[[argparse.Namespace], int]


def _add_common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "problem", metavar="SCRIPT.py:FUNCTION", help="a function without arguments that returns a normdescent.Problem"
    )
    parser.add_argument("--seed", type=int, help="same seed, same result; default: the problem's")
    parser.add_argument("--threads", type=int, help="of torch; default: torch's own")
    parser.add_argument("--json", action="store_true", help="one JSON document on standard output, nothing else")
    parser.add_argument("--out", metavar="DIR", help="where result.json and report.html go")


def add_compare(parser: argparse.ArgumentParser) -> Run:
    """`normdescent compare my_script.py:make_problem --budget 0.25`."""
    _add_common(parser)
    parser.add_argument("--budget", help='runs ("0.25"), "10 min" or "all"; default: the problem\'s')
    parser.add_argument("--objective", help="auto, steps or time; default: the problem's")
    parser.add_argument("--optimizers", metavar="A,B", help="names instead of the problem's")
    parser.add_argument("--resume", metavar="DIR", help="continue a saved comparison with a larger budget")
    return run_compare


def add_probe(parser: argparse.ArgumentParser) -> Run:
    """`normdescent probe my_script.py:make_problem`."""
    _add_common(parser)
    return run_probe


def add_suggest(parser: argparse.ArgumentParser) -> Run:
    """`normdescent suggest my_script.py:make_problem`: without a training step."""
    _add_common(parser)
    return run_suggest


def load_problem(where: str) -> Problem:
    """The Problem that SCRIPT.py:FUNCTION, or MODULE:FUNCTION, returns."""
    from ._problem import Problem

    script, colon, name = where.rpartition(":")
    if not colon or not script or not name.isidentifier():
        raise ValueError(f"problem = {where}; expected SCRIPT.py:FUNCTION, for example my_script.py:make_problem")
    if script.endswith(".py"):
        path = Path(script)
        if not path.is_file():
            raise ValueError(f"problem = {where}: there is no file {script}")
        sys.path.insert(0, str(path.resolve().parent))
        spec = importlib.util.spec_from_file_location(path.stem, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules.setdefault(path.stem, module)
        spec.loader.exec_module(module)
    else:
        module = importlib.import_module(script)
    if not hasattr(module, name):
        functions = [n for n, v in vars(module).items() if callable(v) and not n.startswith("_")]
        raise ValueError(f"problem = {where}: {script} has no {name} (it has {', '.join(functions[:12]) or 'no function'})")
    problem = getattr(module, name)()
    if not isinstance(problem, Problem):
        raise ValueError(f"problem = {where}: {name}() gave a {type(problem).__name__}; expected a normdescent.Problem")
    return problem


def _prepared(arguments: argparse.Namespace) -> Problem:
    if arguments.threads is not None:
        if arguments.threads < 1:
            raise ValueError(f"threads = {arguments.threads}; expected at least 1")
        import torch

        torch.set_num_threads(arguments.threads)
    problem = load_problem(arguments.problem)
    if arguments.seed is not None:
        problem.seed = arguments.seed
    return problem


def _show(report: Report, arguments: argparse.Namespace) -> int:
    if arguments.out is not None:
        report.save(arguments.out)
    print(json.dumps(report.to_dict(), allow_nan=False) if arguments.json else str(report))
    if arguments.out is not None:
        print(f"written to {arguments.out}: result.json, report.html", file=sys.stderr)
    return 0


def run_compare(arguments: argparse.Namespace) -> int:
    """Races and prints the answer."""
    from ._compare import compare_problem
    from ._problem import Budget, checked_objective

    problem = _prepared(arguments)
    if arguments.budget is not None:
        problem.budget = Budget.parse(arguments.budget)
    if arguments.objective is not None:
        problem.objective = checked_objective(arguments.objective)
    if arguments.optimizers is not None:
        problem.optimizers = [name.strip() for name in arguments.optimizers.split(",")]
    report = compare_problem(problem, resume=arguments.resume)
    code: Any = _show(report, arguments)
    return int(code) if report.complete else 1


def run_probe(arguments: argparse.Namespace) -> int:
    """Measures and prints."""
    from ._probe import probe

    return _show(probe(_prepared(arguments)), arguments)


def run_suggest(arguments: argparse.Namespace) -> int:
    """Prints what is known without a run."""
    from ._compare import compare_problem
    from ._problem import Budget

    problem = _prepared(arguments)
    problem.budget = Budget.parse("0 runs")
    return _show(compare_problem(problem, progress=False), arguments)
