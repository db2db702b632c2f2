# SPDX-License-Identifier: Apache-2.0
"""Regret over cost, left out, beside what people do: `python -m zoo.scoreboard --write docs/scoreboard.md`."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from zoo import fit as fitting
from zoo.constants import CANDIDATES
from zoo.play import Played, play, text_of
from zoo.regret import DATA, Arm, Race, load
from zoo.rivals import RIVALS

BUDGETS = (0.0, 0.25, 1.0, 5.0)
Tables = dict[str, dict[Arm, float]]


def figures(regrets: Iterable[float]) -> dict[str, float]:
    v = np.array(list(regrets))
    return {
        "median": float(np.median(v)),
        "mean": float(np.exp(np.log(v).mean())),
        "p90": float(np.quantile(v, 0.9)),
        "worst": float(v.max()),
    }


def cells(regrets: Iterable[float]) -> str:
    f = figures(regrets)
    return f"{f['median']:.2f} | {f['mean']:.2f} | {f['p90']:.2f} | {f['worst']:.1f}"


def base(race: Race) -> str:
    """A problem and the same at another horizon are left out together."""
    return race.name.removesuffix("-x4")


def left_out(
    races: list[Race],
    tables: Tables,
    key: Callable[[Race], str],
    budgets: tuple[float, ...] = BUDGETS,
    objective: str = "steps",
    planner: Any = None,
    extra: tuple[str, ...] = (),
) -> dict[float, list[Played]]:
    """Every race played by a policy that was fitted on the races of other keys."""
    result: dict[float, list[Played]] = {b: [] for b in budgets}
    for group in sorted({key(r) for r in races}):
        policy = text_of(fitting.fit([r for r in races if key(r) != group], tables, extra=extra))
        for race in races:
            if key(race) == group:
                for budget in budgets:
                    measured = {n: float(fitting.PROBED[n][0](race)) for n in extra}
                    result[budget].append(play(race, policy, budget, objective, CANDIDATES, measured, planner))
    return result


def bootstrap(a: list[float], b: list[float], draws: int = 2000) -> tuple[float, float, float]:
    """Ratio of geometric means a / b over the same problems, with a 90 % interval."""
    d = np.log(np.array(a)) - np.log(np.array(b))
    index = np.random.default_rng(1).integers(0, len(d), (draws, len(d)))
    low, high = np.quantile(d[index].mean(1), [0.05, 0.95])
    return float(np.exp(d.mean())), float(np.exp(low)), float(np.exp(high))


def floor(races: list[Race]) -> list[float]:
    """What the race's own noise costs: the arm that is best by the first seed, judged by the others."""
    result = []
    for race in races:
        arms = [(c, race.tuned[c]) for c in race.candidates if len(race.seeds((c, race.tuned[c]))) > 1]
        picked = min(arms, key=lambda arm: race.curve(arm, ["0"])[1][-1])
        others = ["1"]
        ends = {arm: race.curve(arm, others)[1][-1] for arm in arms}
        best = min(ends, key=lambda arm: ends[arm])
        ratio = race.behind(picked, best, others)
        result.append(max(1.0, ratio))
    return result


def coverage(played: list[Played]) -> tuple[int, int]:
    """How often the 80 % interval of each candidate's speed-up over AdamW, in steps, holds what tuned runs gave."""
    inside = total = 0
    for p in played:
        reference = p.race.octaves("adamw", p.race.tuned["adamw"])
        for c, row in p.decision["candidates"].items():
            if c == "adamw" or row["speedup_steps"] is None:
                continue
            measured = reference - p.race.octaves(c, p.race.tuned[c])
            low, high = math.log2(row["speedup_steps"]["low"]), math.log2(row["speedup_steps"]["high"])
            inside += low <= measured <= high
            total += 1
    return inside, total


def brier(played: list[Played]) -> float:
    scores = []
    for p in played:
        scores += [(row["probability_best"] - (c == p.race.best[0])) ** 2 for c, row in p.decision["candidates"].items()]
    return float(np.mean(scores))


def rival_rows(races: list[Race]) -> list[str]:
    rows = []
    for name, rival in RIVALS.items():
        chosen = [rival(r) for r in races]
        steps = [r.regret(arm) for r, (arm, _) in zip(races, chosen, strict=True)]
        seconds = [r.regret(arm, seconds=True) for r, (arm, _) in zip(races, chosen, strict=True)]
        cost = float(np.mean([c for _, c in chosen]))
        rows.append(f"| {name} | {cost:.2f} | {cells(steps)} | {cells(seconds)} |")
    return rows


def policy_rows(label: str, steps: dict[float, list[Played]], seconds: dict[float, list[Played]]) -> list[str]:
    rows = []
    for budget in steps:
        cost = float(np.mean([p.cost for p in steps[budget]]))
        rows.append(
            f"| **{label}, budget {budget:g}** | {cost:.2f} | {cells(p.steps for p in steps[budget])}"
            f" | {cells(p.seconds for p in seconds[budget])} |"
        )
    return rows


HEAD = "| choice | cost | steps: median | mean | p90 | worst | time: median | mean | p90 | worst |\n"
HEAD += "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|"


def grouped(title: str, played: dict[float, list[Played]], races: list[Race], key: Callable[[Race], str]) -> list[str]:
    rows = [
        f"| {title} | problems | Muon best | " + " | ".join(f"budget {b:g}" for b in played) + " | Muon at 2^-6 | AdamW, tuned |"
    ]
    rows.append("|---|--:|--:|" + "--:|" * (len(played) + 2))
    for name in sorted({key(r) for r in races}):
        own = [r for r in races if key(r) == name]
        means = [figures(p.steps for p in played[b] if key(p.race) == name)["mean"] for b in played]
        fixed = figures(r.regret(("muon", -6)) for r in own)["mean"]
        adamw = figures(r.regret(("adamw", r.tuned["adamw"])) for r in own)["mean"]
        best = sum(r.best[0] == "muon" for r in own)
        rows.append(
            f"| {name} | {len(own)} | {best} | " + " | ".join(f"{m:.2f}" for m in means) + f" | {fixed:.2f} | {adamw:.2f} |"
        )
    return rows


def horizon(race: Race) -> str:
    return (
        "T < 250"
        if race.steps < 250
        else "T 250 ... 599"
        if race.steps < 600
        else "T 600 ... 1199"
        if race.steps < 1200
        else "T >= 1200"
    )


def four_times(races: list[Race]) -> list[str]:
    by_name = {r.name: r for r in races}
    rows = [
        "| problem | T -> 4T | " + " | ".join(f"{c}: rate, regret" for c in CANDIDATES) + " |",
        "|---|---|" + "---|" * len(CANDIDATES),
    ]
    for race in races:
        longer = by_name.get(race.name + "-x4")
        if longer is None:
            continue
        row = f"| {race.name} | {race.steps} -> {longer.steps} |"
        for c in CANDIDATES:
            a, b = race.tuned[c], longer.tuned[c]
            row += f" 2^{a} -> 2^{b}, {race.regret((c, a)):.2f} -> {longer.regret((c, b)):.2f} |"
        rows.append(row)
    return rows


def document(races: list[Race], planner: Any = None) -> str:
    tables = {r.name: fitting.regrets(r) for r in races}
    steps = left_out(races, tables, base, planner=planner)
    seconds = left_out(races, tables, base, objective="time", planner=planner)
    family = left_out(races, tables, lambda r: r.family, planner=planner)
    family_seconds = left_out(races, tables, lambda r: r.family, objective="time", planner=planner)
    probed = left_out(races, tables, base, budgets=(0.0, 0.25), planner=planner, extra=tuple(fitting.PROBED))
    best = {c: sum(r.best[0] == c for r in races) for c in CANDIDATES}
    families = {r.family for r in races}
    lines = [
        "# Scoreboard",
        "",
        "Made by `python -m zoo.scoreboard --write docs/scoreboard.md` (in `python/`, with the package installed) from "
        "`core/data/races.json.gz`; a test compares it.",
        "",
        f"Regret of a choice, its rate included: steps (or seconds) that it needs over those that the best tuned one of "
        f"{', '.join(CANDIDATES)} needs for the same",
        f"validation loss; 1 is perfect, {50} stands for a loss that is not below the start. {len(races)} problems of "
        f"{len(families)} families ([the zoo](../python/zoo/README.md)),",
        f"{min(r.steps for r in races)} to {max(r.steps for r in races)} steps. Best were: "
        + ", ".join(f"{c} {n}" for c, n in best.items())
        + ".",
        "The planner that ships played each race from the recorded runs; its constants were fitted on other problems "
        "(or on other families). *Cost* is in runs, as",
        'the planner counts it. *Mean* is geometric. In *time* the planner has `objective="time"`;',
        "seconds are processor time of a gradient and a step on one thread.",
        "",
        "## The curve",
        "",
        HEAD,
        *policy_rows("policy", steps, seconds),
        *policy_rows("policy, family left out", family, family_seconds),
        *rival_rows(races),
        "",
        "A rival's tuning counts as five runs. Rates in grids are those within two octaves of an optimizer's usual one.",
        "",
        "## Against rivals of the same price or less",
        "",
        "Ratio of geometric means over the same problems, 90 % interval by bootstrap; below 1 the policy is better.",
        "",
        "| budget | rival | ratio |",
        "|---|---|---|",
    ]
    for budget, played in steps.items():
        for name, rival in RIVALS.items():
            chosen = [rival(p.race) for p in played]
            price = float(np.mean([c for _, c in chosen]))
            if price <= max(budget, 0.0) + 0.05:
                ratio = bootstrap(
                    [p.steps for p in played], [p.race.regret(arm) for p, (arm, _) in zip(played, chosen, strict=True)]
                )
                lines.append(f"| {budget:g} | {name} | {ratio[0]:.2f} ({ratio[1]:.2f} ... {ratio[2]:.2f}) |")
    lines += ["", "## By horizon and by family", "", "Geometric means, in steps.", ""]
    lines += [*grouped("horizon", steps, races, horizon), "", *grouped("family", steps, races, lambda r: r.family)]
    lines += [
        "",
        "## How sure it is",
        "",
        "| budget | 80 % intervals that hold | Brier score of the probability to be best |",
        "|---|---|---|",
    ]
    for budget, played in steps.items():
        inside, total = coverage(played)
        lines.append(f"| {budget:g} | {inside} of {total} ({100 * inside / total:.0f} %) | {brier(played):.3f} |")
    noise = figures(floor(races))
    lines += [
        "",
        "## What bounds it",
        "",
        f"The race's own noise: the optimizer that is best by one seed (its rate tuned), judged by the other seeds, has "
        f"a regret of {noise['mean']:.2f} in the mean and",
        f"{noise['p90']:.2f} at the 90th percentile. With each choice's own best rate, the choices above would have these means:",
        "",
        "| budget | as chosen | same optimizer, best rate | same rate rule, best optimizer |",
        "|---|--:|--:|--:|",
    ]
    for budget, played in steps.items():
        tuned = figures(p.race.regret((p.choice, p.race.tuned[p.choice])) for p in played)["mean"]
        other = figures(
            2.0 ** p.race.octaves(p.race.best[0], math.log2(p.decision["candidates"][p.race.best[0]]["lr"])) for p in played
        )["mean"]
        lines.append(f"| {budget:g} | {figures(p.steps for p in played)['mean']:.2f} | {tuned:.2f} | {other:.2f} |")
    lines += [
        "",
        "## What the theory's features buy",
        "",
        "With noise density and the ratio of noise to gradient at the start (16 gradients, not counted here) among the features:",
        "",
        "| budget | without: median, mean, p90 | with |",
        "|---|---|---|",
    ]
    for budget, played in probed.items():
        a, b = figures(p.steps for p in steps[budget]), figures(p.steps for p in played)
        lines.append(
            f"| {budget:g} | {a['median']:.2f}, {a['mean']:.2f}, {a['p90']:.2f}"
            f" | {b['median']:.2f}, {b['mean']:.2f}, {b['p90']:.2f} |"
        )
    lines += ["", "## The same problems at four times the horizon", "", *four_times(races), ""]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--races", type=Path, default=DATA)
    parser.add_argument("--write", type=Path, help="file; default: print")
    arguments = parser.parse_args()
    text = document(fitting.usable(load(arguments.races)))
    if arguments.write:
        arguments.write.write_text(text)
    else:
        print(text)


if __name__ == "__main__":
    main()
