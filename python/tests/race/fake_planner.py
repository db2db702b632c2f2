# SPDX-License-Identifier: Apache-2.0
"""A planner with the interface of `_core.Planner` and no policy: a short sweep for each candidate, then one longer run each.

It lets the driver be tested with runs that are known beforehand.
"""

from __future__ import annotations

import json
import math
from typing import Any

_GUESSES = {"sgd": 0.1, "sgd-momentum": 0.05, "adamw": 4e-3, "signsgd": 1e-3, "lion": 1e-3, "muon": 0.016}


class Planner:
    def __init__(self, candidates: list[dict[str, Any]], options: dict[str, Any]) -> None:
        assert all(c["lr"] is not None for c in candidates if c["kind"] == "custom")
        self.candidates = candidates
        self.options = dict(options)
        self.results: dict[int, dict[str, Any]] = {}
        self.planned: list[dict[str, Any]] = []
        self.waiting: list[int] = []
        self.running: set[int] = set()
        self.round = 0
        self._plan()

    def _length(self, share: float) -> int:
        return max(2, int(self.options["steps"] * share))

    def _plan(self) -> None:
        """The next closed round, when all results of the last one are there."""
        if self.options["budget_runs"] == 0.0:
            self.round = 2
        while self.round < 2 and not self.waiting and not self.running:
            many = len(self.candidates)
            share = min(0.25, (self.options["budget_runs"] - self.options.get("spent_runs", 0.0)) / (5.0 * many))
            for c in self.candidates:
                if self.round == 0:
                    guess = c["lr"] or _GUESSES.get(c["kind"], 1e-2)
                    rates = [guess] if c["rates_fixed"] else [guess / 4, guess, guess * 4]
                    self._add(c["name"], rates, self._length(share), "short")
                else:
                    best = self._best(c["name"])
                    self._add(c["name"], [best["lr"]] if best else [], self._length(share), "long")
            self.round += 1

    def _add(self, name: str, rates: list[float], steps: int, purpose: str) -> None:
        for lr in rates:
            number = len(self.planned)
            self.planned.append(
                {
                    "id": number,
                    "candidate": name,
                    "lr": lr,
                    "steps": steps,
                    "evaluations": 2,
                    "seed": 100 + self.round,
                    "purpose": purpose,
                }
            )
            self.waiting.append(number)

    def _best(self, name: str) -> dict[str, Any] | None:
        mine = [
            (r["final_loss"], i)
            for i, r in self.results.items()
            if self.planned[i]["candidate"] == name and r["status"] == "completed"
        ]
        return self.planned[min(mine)[1]] if mine else None

    def ask(self, limit: int) -> list[dict[str, Any]]:
        given = self.waiting[:limit]
        self.waiting = self.waiting[limit:]
        self.running |= set(given)
        return [dict(self.planned[i]) for i in given]

    def tell(self, number: int, result: dict[str, Any]) -> None:
        if number not in self.running:
            raise ValueError(f"run {number} is not under way")
        self.running.remove(number)
        self.results[number] = dict(result)
        self._plan()

    def lost(self, number: int) -> None:
        self.running.remove(number)
        self.waiting.insert(0, number)

    @property
    def done(self) -> bool:
        return self.round >= 2 and not self.waiting and not self.running

    @property
    def cost_runs(self) -> float:
        work = sum(r["gradients"] + r["validation_batches"] / 3.0 for r in self.results.values())
        return work / (self.options["steps"] * self.options.get("accumulate", 1)) + self.options.get("spent_runs", 0.0)

    @property
    def runs_planned(self) -> int:
        return len(self.planned)

    def set_budget(self, runs: float) -> None:
        self.options["budget_runs"] = runs
        self.round = 1
        self._plan()

    def decision(self) -> dict[str, Any]:
        rows: dict[str, Any] = {}
        best: tuple[float, str, float] | None = None
        for c in self.candidates:
            found = self._best(c["name"])
            lr = found["lr"] if found else (c["lr"] or _GUESSES.get(c["kind"], 1e-2))
            loss = min(
                (r["final_loss"] for i, r in self.results.items() if self.planned[i]["candidate"] == c["name"]), default=math.inf
            )
            one = {"value": 1.0, "low": 0.8, "high": 1.25, "basis": "predicted"}
            rows[c["name"]] = {
                "lr": lr, "lr_low": lr / 2, "lr_high": lr * 2, "speedup_steps": one, "speedup_time": None,
                "probability_best": 1.0 / len(self.candidates), "expected_regret": 1.1,
                "diverged": bool(self.results) and not math.isfinite(loss),
            }  # fmt: skip
            if best is None or loss < best[0]:
                best = (loss, c["name"], lr)
        assert best is not None
        return {
            "choice": best[1], "lr": best[2], "choice_in_time": best[1], "choice_in_steps": best[1], "winner": None,
            "candidates": rows, "reasons": ["a plan for tests"], "expected_gain_of_more": 0.01,
            "default": {"choice": self.candidates[0]["name"], "lr": rows[self.candidates[0]["name"]]["lr"]},
        }  # fmt: skip

    def state(self) -> str:
        return json.dumps({"candidates": self.candidates, "options": self.options, "planned": self.planned, "round": self.round,
                           "results": [[i, r] for i, r in self.results.items()]})  # fmt: skip

    @staticmethod
    def from_state(text: str) -> Planner:
        data = json.loads(text)
        made = Planner(data["candidates"], data["options"])
        made.planned, made.round = data["planned"], data["round"]
        made.results = {int(i): r for i, r in data["results"]}
        made.waiting = [i for i in range(len(made.planned)) if i not in made.results]
        made.running = set()
        return made
