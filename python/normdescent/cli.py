# SPDX-License-Identifier: Apache-2.0
"""The console command `normdescent`: results on standard output, the rest on standard error; exit codes 0, 1, 2.

Each command is a function that adds its options to a parser and returns what runs it. A command of another module is one line in
COMMANDS: its help is shown without importing it.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from collections.abc import Callable, Sequence
from typing import Any

from ._version import __version__

Run = Callable[[argparse.Namespace], int]

DONE, FAILED, WRONG = 0, 1, 2

# Name -> (module of this package, function in it, help). The function takes the command's parser and returns a Run.
COMMANDS: dict[str, tuple[str, str, str]] = {
    "compare": ("_commands", "add_compare", "which optimizer, at which rate, on a model of your own"),
    "probe": ("_commands", "add_probe", "noise, density, tails, critical batch, curvature and gains of a model of your own"),
    "suggest": ("_commands", "add_suggest", "a choice and rates without a training step"),
    "optimizers": ("cli", "add_optimizers", "the catalog: names, updates, options"),
    "bounds": ("cli", "add_bounds", "samples that are enough and that are needed to reach a gradient norm"),
    "lab": ("cli", "add_lab", "experiments that confirm or refute the theory"),
}


class _Parser(argparse.ArgumentParser):
    """One clear line for wrong usage."""

    def error(self, message: str) -> Any:
        print(f"{self.prog}: {message} (see {self.prog} --help)", file=sys.stderr)
        raise SystemExit(WRONG)


def _add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="one JSON document on standard output, nothing else")


# ---- optimizers --------------------------------------------------------------------------------------


def add_optimizers(parser: argparse.ArgumentParser) -> Run:
    """`normdescent optimizers [NAME]`."""
    parser.add_argument("name", nargs="?", help="all options of this one")
    _add_json(parser)
    return run_optimizers


def run_optimizers(arguments: argparse.Namespace) -> int:
    """Lists the catalog, or one optimizer."""
    from . import _core
    from ._options import ENTRIES, nearest

    rows = list(_core.catalog())
    if arguments.name is not None:
        rows = [row for row in rows if row["name"] == arguments.name]
        if not rows:
            raise ValueError(f"no optimizer {arguments.name}{nearest(arguments.name, ENTRIES)} (known: {', '.join(ENTRIES)})")
    for row in rows:
        entry = ENTRIES[row["name"]]
        row["class"] = f"normdescent.{entry.class_name}"
        row["options"] = [
            {**option, "python": name} for option in row["options"] if (name := entry.python_name(option["name"])) is not None
        ]
    if arguments.json:
        print(json.dumps({"optimizers": rows}))
        return DONE
    for row in rows:
        print(f"{row['name']:<20}{row['class']:<30}{row['summary']}")
        if arguments.name is not None:
            for option in row["options"]:
                print(f"  {option['python']:<18}{option['default']:<16}{option['meaning']}; {option['domain']}")
    return DONE


# ---- bounds ------------------------------------------------------------------------------------------

_CONSTANTS = {
    "delta": "f(x_0) - inf f",
    "smoothness": "L in the method's norm (sgd: l-infinity)",
    "noise": "noise scale of one sample (sgd: l1 norm of sigma)",
    "epsilon": "target for the gradient in the dual norm",
}
_FURTHER = {
    "batch": "samples a step; tuned or 1 by default",
    "dimension": "coordinates d (muon: r = min(m, n))",
    "density": "noise density phi in [1/d, 1]",
    "relative_smoothness": "L1 of (L0, L1)-smoothness, for signum",
    "relative_noise": "sigma_1 of affine noise, for signum",
    "hessian_smoothness": "M, for the extrapolation methods",
    "curvature_density": "||L||_1/(d max L_i) in [1/d, 1], for adagrad over sgd",
    "alignment": "cosine of sigma and sqrt(L) in [0, 1], for adagrad over sgd",
}


def add_bounds(parser: argparse.ArgumentParser) -> Run:
    """`normdescent bounds --method M --delta D --smoothness L --noise S --epsilon E`."""
    parser.add_argument("--method", required=True, metavar="NAME")
    for name, text in _CONSTANTS.items():
        parser.add_argument(f"--{name}", type=float, required=True, metavar="X", help=text)
    parser.add_argument("--tail", type=float, default=2.0, metavar="X", help="moment p in (1, 2] that the noise has")
    for name, text in _FURTHER.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=float, metavar="X", help=text)
    _add_json(parser)
    return run_bounds


def run_bounds(arguments: argparse.Namespace) -> int:
    """Prints upper and lower bound."""
    from .bounds import bounds

    constants = {name: getattr(arguments, name) for name in (*_CONSTANTS, "tail", *_FURTHER)}
    found = bounds(arguments.method, **constants)
    if arguments.json:
        print(json.dumps(found.to_dict()))
        return DONE

    def count(part: dict[str, Any]) -> str:
        samples = part["samples"]
        return f"{samples:.4g} samples" if samples is not None else f"10^{part['log10_samples']:.4g} samples"

    print(f"{found['method']}: E||grad f|| <= {found['epsilon']:g} in {found['stationarity']}")
    upper, lower = found["upper"], found["lower"]
    if upper:
        print(
            f"  enough   {count(upper)}: {upper['steps']:.4g} steps of {upper['batch']:g}, lr {upper['learning_rate']:.4g}   "
            f"{upper['source']}"
        )
    else:
        print(f"  enough   unknown: {found['upper_missing']}")
    print(f"  needed   {count(lower)}   {lower['source']}" if lower else f"  needed   unknown: {found['lower_missing']}")
    for part in found["wider_lower"]:
        print(f"           {count(part)}   {part['source']}")
    for flag in found["flags"]:
        print(f"  note     {flag['text']}")
    print("  assuming")
    for assumption in found["assumptions"]:
        print(f"    {assumption['tag']}{' (checked)' if assumption['checked'] else ''}: {assumption['statement']}")
    return DONE


# ---- lab ---------------------------------------------------------------------------------------------


def add_lab(parser: argparse.ArgumentParser) -> Run:
    """`normdescent lab list`, `normdescent lab run NAME`."""
    commands = parser.add_subparsers(dest="lab_command", required=True, metavar="list|run", parser_class=_Parser)
    _add_json(commands.add_parser("list", help="all experiments and what each one claims"))
    run = commands.add_parser("run", help="run one; exit code 1 if a check fails")
    run.add_argument("name")
    run.add_argument("--scale", type=float, default=1.0, help="multiplies the work; 1 takes at most a minute on two cores")
    run.add_argument("--seed", type=int, default=1)
    run.add_argument("--threads", type=int, default=None)
    _add_json(run)
    return run_lab


def run_lab(arguments: argparse.Namespace) -> int:
    """Lists the experiments or runs one."""
    from . import lab

    if arguments.lab_command == "list":
        rows = lab.experiments()
        if arguments.json:
            print(json.dumps({"experiments": rows}))
        else:
            for row in rows:
                print(f"{row['name']}\n  {row['claim']}")
        return DONE
    result = lab.run(arguments.name, scale=arguments.scale, seed=arguments.seed, threads=arguments.threads)
    print(json.dumps(result.to_dict()) if arguments.json else str(result))
    return DONE if result.passed else FAILED


# ---- all ---------------------------------------------------------------------------------------------


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command; 0 done, 1 a check or the work failed, 2 wrong usage or bad input."""
    parser = _Parser(prog="normdescent", description="Which optimizer will win on your model, and at which learning rate?")
    parser.add_argument("--version", action="version", version=f"normdescent {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=_Parser)
    words = list(sys.argv[1:] if argv is None else argv)
    chosen = next((word for word in words if not word.startswith("-")), None)
    run: Run | None = None
    for name, (module, function, text) in COMMANDS.items():
        command = commands.add_parser(name, help=text, description=text)
        if name == chosen:
            run = getattr(importlib.import_module(f"{__package__}.{module}"), function)(command)
    arguments = parser.parse_args(words)
    assert run is not None
    try:
        return run(arguments)
    except (ValueError, ImportError, OSError) as error:
        message = str(error).replace("\n", " ")
        print(f"normdescent {arguments.command}: {message}", file=sys.stderr)
        return WRONG
    except KeyboardInterrupt:
        print(f"normdescent {arguments.command}: interrupted", file=sys.stderr)
        return FAILED
