#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a training run takes beside its steps: `--estimate` against the run it speaks of, checkpoints, reading of tokens.

    bench/training/costs.py BUILD_FOLDER [--rounds N] [--write docs/performance.md]

Runs the program itself, on the machine's C and C++ headers in GPT-2's encoding.
"""
import argparse
import json
import os
import pathlib
import resource
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.append(str(pathlib.Path(__file__).parents[1] / "peers"))
from side_by_side import THREADS, machine, publish, table  # noqa: E402

RUNS = [("nano", 8, 64, "muon", 200), ("small", 8, 256, "adamw", 12), ("gpt2-124m", 4, 64, "adamw", 10),
        ("gpt2-124m", 4, 256, "muon", 6), ("gpt2-124m", 4, 512, "signsgd", 5)]
LOADS = [("nano", 8, 64, 500), ("small", 8, 256, 12), ("gpt2-124m", 4, 64, 10), ("gpt2-124m", 4, 512, 4)]
CHECKPOINTED = ("gpt2-124m", 4, 64, "adamw", 16)
EVERY = 5


class Costs:
    def __init__(self, build, folder, rounds):
        self.rounds = rounds
        self.program = build / "bin/normdescent"
        self.loading = build / "bench/data_loading"
        self.folder = folder
        self.shards = folder / "shards"
        self.runs = 0
        self.call("tokenize", "--data", "/usr/include", "--out", self.shards)

    def call(self, *arguments):
        command = [str(part) for part in (self.program, *arguments)]
        return subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout

    def train(self, run, *more):
        model, batch, context, optimizer, steps = run
        return json.loads(self.call(
            "train", "--json", "--data", self.shards, "--model", model, "--batch", batch, "--context", context,
            "--optimizer", optimizer, "--steps", steps, "--evaluate-every", 0, "--threads", THREADS, *more))

    def out(self):
        self.runs += 1
        return self.folder / f"run-{self.runs}"

    def estimated_and_measured(self, run):
        """Seconds a step and bytes at the peak, each as told before and as it was."""
        said = self.train(run, "--estimate")
        out = self.out()
        measured = self.train(run, "--checkpoint-every", 0, "--out", out)
        lines = [json.loads(line) for line in (out / "metrics.jsonl").read_text(encoding="ascii").splitlines()]
        rates = [line["tokens_per_second"] for line in lines if line["step"] > 2]
        return (said["seconds_per_step"], run[1] * run[2] / statistics.median(rates),
                said["memory_bytes"]["peak"], measured["peak_memory_bytes"])

    def estimate(self, run):
        """Medians over the rounds, of the ratios too: an estimate and its run see nearly the same machine."""
        pairs = [self.estimated_and_measured(run) for _ in range(self.rounds)]
        said, seconds, peak, measured_peak = (statistics.median(column) for column in zip(*pairs))
        return [f"{run[0]}, {run[1]} x {run[2]}, {run[3]}", f"{said:.3f}", f"{seconds:.3f}",
                f"{statistics.median(pair[0] / pair[1] for pair in pairs):.2f}", f"{peak / 1e6:.0f}",
                f"{measured_peak / 1e6:.0f}", f"{statistics.median(pair[2] / pair[3] for pair in pairs):.2f}"]

    def seconds(self, every):
        """Wall and processor seconds of a whole run with a checkpoint at every so many steps, 0: only at its end."""
        before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        self.train(CHECKPOINTED, "--checkpoint-every", every, "--out", self.out())
        wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
        return [wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime]

    def checkpoint(self):
        """What one of them adds to the run: median over rounds, wall and processor seconds."""
        count = (CHECKPOINTED[-1] - 1) // EVERY
        turns = []
        for _ in range(self.rounds):
            plain, written = self.seconds(0), self.seconds(EVERY)
            turns.append([(b - a) / count for a, b in zip(plain, written)])
        return [statistics.median(column) for column in zip(*turns)]

    def load(self, case):
        model, batch, context, steps = case
        said = subprocess.run([str(part) for part in (self.loading, model, batch, context, steps, self.shards)],
                              check=True, stdout=subprocess.PIPE, text=True).stdout
        step, reading, slowest = map(float, said.split())
        return [f"{model}, {batch} x {context}", f"{1e3 * step:.1f}", f"{1e3 * reading:.4f}",
                f"{100 * reading / step:.3f} %", f"{1e3 * slowest:.2f}"]


def rows(name, measure, cases):
    """One row a case, told on the way: the whole takes a quarter of an hour."""
    out = []
    for case in cases:
        out.append(measure(case))
        print(f"{name}: {' | '.join(out[-1])}", file=sys.stderr, flush=True)
    return out


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--write", metavar="PAGE")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.build) as folder:
        costs = Costs(options.build.resolve(), pathlib.Path(folder).resolve(), options.rounds)
        about = machine()
        estimates = table(["run", "step, s: estimated", "measured", "ratio", "peak memory, MB: estimated", "measured",
                           "ratio"], rows("estimate", costs.estimate, RUNS))
        loads = table(["run", "step, ms", "reading, ms", "share", "slowest reading, ms"],
                      rows("reading", costs.load, LOADS))
        wall, cpu = costs.checkpoint()
    model, batch, context, optimizer, _ = CHECKPOINTED
    publish("training", "\n\n".join([
        f"{about}. Estimates and their runs: medians of {options.rounds} pairs.", estimates, loads,
        f"A checkpoint of {model} with {optimizer}, written while {batch} x {context} training goes on: {wall:+.1f} s of "
        f"wall clock, {cpu:+.1f} s of processors (median of {options.rounds} runs with and without); at one in ten "
        f"minutes {100 * wall / 600:.2f} % of the time."]), options.write)


main()
