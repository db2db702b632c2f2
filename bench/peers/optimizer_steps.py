#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Elementwise optimizer steps over GPT-2 124M's parameters: ours against the plain update `p += a g` and PyTorch.

    bench/peers/optimizer_steps.py BUILD_FOLDER [--rounds N] [--write docs/performance.md]

Every round runs all of our cases and the plain update in one process, then PyTorch's. Shares of the plain update's
bandwidth, counted in useful bytes, are taken within a round; medians over the rounds.
"""
import argparse
import json
import os
import statistics
import subprocess

from side_by_side import machine, publish, table, timed

import torch

PLAIN = "p += a g"
OPTIMIZERS = ("sgd", "signsgd", "signum", "lion", "adamw")
VARIANTS = {"vouched": "vouched", "checked": "checked", "clipped": "clipped", "zeroed": "zeroed", "small": "5000 tensors",
            "bfloat16": "bfloat16 state", "bfloat16-stochastic": "at random"}


def shapes():
    layer = [(768,), (768,), (2304, 768), (2304,), (768, 768), (768,), (768,), (768,), (3072, 768), (3072,), (768, 3072),
             (768,)]
    return [(50257, 768), (1024, 768)] + 12 * layer + [(768,), (768,)]


def ours(binary):
    """{"sgd/vouched": (milliseconds, useful bytes a second), ...} of one round."""
    output = subprocess.run([binary, "--benchmark_format=json", "--benchmark_min_time=0.2"], check=True,
                            capture_output=True, text=True).stdout
    return {run["name"].removesuffix("/real_time").rsplit("/min_time", 1)[0]: (run["real_time"], run["useful_bytes"])
            for run in json.loads(output)["benchmarks"]}


class PyTorch:
    """The same optimizers as PyTorch's users have them: torch.optim's, or a loop over the parameters."""

    def __init__(self):
        self._parameters = [torch.nn.Parameter(0.02 * torch.randn(shape)) for shape in shapes()]
        for p in self._parameters:
            p.grad = 1e-3 * torch.randn_like(p)
        self._momentum = [torch.zeros_like(p) for p in self._parameters]
        self._sgd = torch.optim.SGD(self._parameters, lr=1e-9)
        self._adamw = torch.optim.AdamW(self._parameters, lr=1e-9, weight_decay=0.0)
        self.steps = {"sgd": self._sgd.step, "signsgd": self._signsgd, "signum": self._signum, "lion": self._lion,
                      "adamw": self._adamw.step}

    @torch.no_grad()
    def _signsgd(self):
        for p in self._parameters:
            p.add_(p.grad.sign(), alpha=-1e-9)

    @torch.no_grad()
    def _signum(self):
        for p, m in zip(self._parameters, self._momentum):
            m.mul_(0.9).add_(p.grad, alpha=0.1)
            p.add_(m.sign(), alpha=-1e-9)

    @torch.no_grad()
    def _lion(self):
        for p, m in zip(self._parameters, self._momentum):
            update = m.clone().mul_(0.9).add_(p.grad, alpha=0.1).sign_()
            p.add_(update, alpha=-1e-9)
            m.mul_(0.99).add_(p.grad, alpha=0.01)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--write", metavar="PAGE")
    args = parser.parse_args()
    binary = os.path.join(args.build, "bench", "optimizer_step")
    theirs = PyTorch()
    sides = {name: timed(step) for name, step in theirs.steps.items()}
    for side in sides.values():
        side()  # makes the state
    mine, peers = [], []
    for _ in range(args.rounds):
        mine.append(ours(binary))
        peers.append({name: 1e3 * min(side()[0] for _ in range(2)) for name, side in sides.items()})
    median = statistics.median

    def cells(case):
        """Milliseconds, and the share of the plain update's useful bytes a second; blank for what does not exist."""
        if case not in mine[0]:
            return ["", ""]
        return [f"{median(turn[case][0] for turn in mine):.0f}",
                f"{median(turn[case][1] / turn[PLAIN][1] for turn in mine):.2f}"]

    rows = []
    for name in OPTIMIZERS:
        ratio = median(b[name] / a[f"{name}/checked"][0] for a, b in zip(mine, peers))
        columns = [cell for variant in VARIANTS for cell in cells(f"{name}/{variant}")]
        rows.append([name, *columns, f"{median(turn[name] for turn in peers):.0f}", f"{ratio:.1f}"])
    plain, rate = (median(turn[PLAIN][k] for turn in mine) for k in range(2))
    text = f"{machine()}; PyTorch {torch.__version__}. `{PLAIN}`: {plain:.0f} ms, {rate / 1e9:.1f} GB/s."
    header = ["ms, share", *(cell for title in VARIANTS.values() for cell in (title, "")), "PyTorch", "ratio"]
    publish("steps", f"{text}\n\n{table(header, rows)}", args.write)


main()
