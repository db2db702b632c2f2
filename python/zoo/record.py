# SPDX-License-Identifier: Apache-2.0
"""Records races: `python -m zoo.record OUT.jsonl --until 19:10`. One line a problem; finished problems are skipped when
started again.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import time
import traceback
from datetime import datetime
from pathlib import Path
from typing import Any

import torch

from zoo.constants import CANDIDATES, POINTS
from zoo.features import clock, features
from zoo.generator import ORDER
from zoo.generator import problem as draw_problem
from zoo.optimizers import CENTRES
from zoo.problem import Problem
from zoo.race import Outcome, Run, race

REACH = 3  # octaves above the middle of the first grid, one less below it
MARGIN = 2  # valid octaves that a grid must have above its best rate, one below
LOWEST, HIGHEST = -18, 8
COPIES = (4, 8, 16, 32)  # parts of the horizon that short copies have, with a schedule of their own
SHORTEST = 8
DEAR = ("gpt", "masked_lm", "vit", "algorithmic", "recurrent", "state_space", "fine_tuning", "resnet", "pinn", "control")
DEAR_UNTIL = 31
LIGHT = 1.5e8
CHEAP = 1.0e8  # multiplications of a run up to which the second seed has the rates beside the best, too
SHORT_SEED = 7  # short copies see another initialization and order than the runs that they stand for


def rounded(x: float) -> float | None:
    return float(f"{x:.5g}") if math.isfinite(x) else None


def packed(outcome: Outcome) -> list[Any]:
    return [[rounded(v) for v in outcome.curve], rounded(outcome.train_start), [rounded(v) for v in outcome.train]]


def missing(candidate: str, done: dict[Run, Outcome]) -> list[Run]:
    """Rates to add so that the best is inside the grid."""
    rates = sorted(k for c, k in done if c == candidate)
    finite = {k: done[candidate, k].final for k in rates if math.isfinite(done[candidate, k].final)}
    if not finite:
        return [(candidate, k) for k in range(rates[0] - 4, rates[0]) if k >= LOWEST]
    best = min(finite, key=lambda k: finite[k])
    low, high = best - 2, best + MARGIN
    wanted = [k for k in range(min(low, rates[0]), max(high, rates[-1]) + 1) if k not in rates and LOWEST <= k <= HIGHEST]
    return [(candidate, k) for k in wanted]


def record(
    problem: Problem, candidates: tuple[str, ...] = CANDIDATES, seeds: int = 3, copies: tuple[int, ...] = COPIES
) -> dict[str, Any]:
    steps = problem.steps
    begin = time.process_time()
    done: dict[Run, Outcome] = {}
    wanted: list[Run] = [(c, k) for c in candidates for k in range(CENTRES[c] - REACH + 1, CENTRES[c] + REACH + 1)]
    for _ in range(5):
        done.update(race(problem, wanted, steps, 0, POINTS))
        wanted = [run for c in candidates for run in missing(c, done)]
        if not wanted:
            break
    best = {
        c: min((k for cc, k in done if cc == c), key=lambda k: done[c, k].final if math.isfinite(done[c, k].final) else math.inf)
        for c in candidates
    }
    model = problem.make_model(0)
    cheap = work(problem) < CHEAP
    tuned = [(c, best[c]) for c in candidates]
    near = [(c, k) for c in candidates for k in (best[c] - 1, best[c], best[c] + 1)] if cheap else tuned
    full = {0: done}
    for seed in range(1, seeds):
        full[seed] = race(problem, near if seed == 1 else tuned, steps, seed, POINTS)
    short = {}
    runs = sorted(set(done) | {(c, best[c] + 3) for c in candidates})
    for part in copies:
        if steps // part >= SHORTEST:
            short[part] = race(problem, runs, steps // part, SHORT_SEED)
    with torch.no_grad():
        start = sum(float(problem.metric(model, b)) for b in problem.validation) / len(problem.validation)

    def table(outcomes: dict[Run, Outcome]) -> dict[str, dict[str, Any]]:
        result: dict[str, dict[str, Any]] = {}
        for (c, k), outcome in sorted(outcomes.items()):
            result.setdefault(c, {})[str(k)] = packed(outcome)
        return result

    return {
        "name": problem.name,
        "family": problem.family,
        "steps": steps,
        "batch": problem.batch_size,
        "schedule": problem.schedule,
        "settings": problem.settings,
        "start": rounded(start),
        "features": {k: rounded(float(v)) for k, v in features(problem).items()},
        "clock": clock(problem),
        "full": {str(s): table(o) for s, o in full.items()},
        "short": {str(m): table(o) for m, o in short.items()},
        "cpu_seconds": round(time.process_time() - begin, 1),
    }


def work(problem: Problem) -> float:
    """Multiplications of a run's forward passes, about."""
    weights = sum(p.numel() for p in problem.make_model(0).parameters() if p.requires_grad)
    return problem.steps * problem.batch_size * weights * problem.parts.positions


def jobs() -> Any:
    """Problems in the order of recording. Some come again at four times their horizon; of slow families there are fewer, and
    short ones.
    """
    for index in itertools.count():
        if index >= DEAR_UNTIL and ORDER[index % len(ORDER)] in DEAR and index // len(ORDER) % 3 < 2:
            continue
        p = draw_problem(index)
        if index >= DEAR_UNTIL and (work(p) > LIGHT or (p.family in DEAR and p.steps > 450)):
            continue
        yield f"{index}", p
        if index % 7 == 4 and p.steps <= 400 and p.family not in DEAR:
            longer = draw_problem(index, steps=4 * p.steps, batch_size=p.batch_size)
            longer.name += "-x4"
            yield f"{index}-x4", longer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--until", help="HH:MM of the local clock: no problem is begun after it")
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--stride", type=int, nargs=2, default=(0, 1), help="which of how many workers")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    finished = set()
    if arguments.out.exists():
        finished = {json.loads(line)["job"] for line in arguments.out.read_text().splitlines()}
    for job, problem in jobs():
        index = int(job.split("-")[0])
        if job in finished or index < arguments.first or index % arguments.stride[1] != arguments.stride[0]:
            continue
        if arguments.until and datetime.now().strftime("%H:%M") >= arguments.until:
            break
        try:
            result = {"job": job, **record(problem)}
        except Exception as error:  # one broken problem must not end the collection
            traceback.print_exc()
            result = {"job": job, "name": problem.name, "error": repr(error)}
        with arguments.out.open("a") as file:
            file.write(json.dumps(result, separators=(",", ":")) + "\n")
        print(
            datetime.now().strftime("%H:%M:%S"),
            problem.name,
            problem.steps,
            problem.batch_size,
            result.get("cpu_seconds", result.get("error")),
            flush=True,
        )


if __name__ == "__main__":
    main()
