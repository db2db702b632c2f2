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
OPTIMIZERS = {"sgd": 12, "signsgd": 12, "signum": 20, "lion": 20, "adamw": 28}  # useful bytes a parameter
VARIANTS = ("vouched", "checked", "clipped", "small")


def shapes():
    layer = [(768,), (768,), (2304, 768), (2304,), (768, 768), (768,), (768,), (768,), (3072, 768), (3072,), (768, 3072),
             (768,)]
    return [(50257, 768), (1024, 768)] + 12 * layer + [(768,), (768,)]


def ours(binary):
    """{"sgd/vouched": milliseconds, ...} of one round."""
    output = subprocess.run([binary, "--benchmark_format=json", "--benchmark_min_time=0.2"], check=True,
                            capture_output=True, text=True).stdout
    return {run["name"].removesuffix("/real_time").rsplit("/min_time", 1)[0]: run["real_time"]
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

    def share(name, variant):
        """Of the plain update's 12 bytes a parameter in its time."""
        return median(OPTIMIZERS[name] / 12 * turn[PLAIN] / turn[f"{name}/{variant}"] for turn in mine)

    rows = []
    for name in OPTIMIZERS:
        row = [name]
        for variant in VARIANTS:
            row += [f"{median(turn[f'{name}/{variant}'] for turn in mine):.0f}", f"{share(name, variant):.2f}"]
        ratio = median(b[name] / a[f"{name}/checked"] for a, b in zip(mine, peers))
        rows.append(row + [f"{median(turn[name] for turn in peers):.0f}", f"{ratio:.1f}"])
    plain = median(turn[PLAIN] for turn in mine)
    text = f"{machine()}; PyTorch {torch.__version__}. `{PLAIN}`: {plain:.0f} ms, {12 * 0.124439808 / plain * 1e3:.1f} GB/s."
    header = ["ms and share of the plain update's bandwidth", "vouched", "share", "checked", "share", "clipped", "share",
              "5000 tensors", "share", "PyTorch", "ratio"]
    publish("steps", f"{text}\n\n{table(header, rows)}", args.write)


main()
