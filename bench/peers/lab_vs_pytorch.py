#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The lab's two inner loops against the same loops in eager PyTorch, one thread each, in one run.

    bench/peers/lab_vs_pytorch.py BUILD_FOLDER [--write docs/performance.md]

Rounds of both sides alternate, so that a busy machine slows both; each side counts by its median round.
"""
import argparse
import json
import os
import subprocess
import time

from side_by_side import interleave, machine, publish, table

import torch

ROUNDS = 5
RATES = [1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8]


def toy_deterministic():
    """14 runs x 3000 steps x 5000 coordinates, with the objective of every step; updates per second."""
    curvature = torch.ones(5000)
    curvature[0] = 1000.0
    start = torch.randn(5000)
    start[0] /= 1000.0
    begin = time.perf_counter()
    for is_sign in (False, True):
        for rate in RATES:
            x = start.clone()
            values = []
            for _ in range(3000):
                g = curvature * x
                values.append(0.5 * torch.dot(g, x))
                x.add_(g.sign() if is_sign else g, alpha=-rate)
    return 14 * 3000 * 5000 / (time.perf_counter() - begin)


def noisy_signsgd(dimension):
    """SignSGD on 1/2 ||x||^2 with N(0, 1) noise; updates per second."""
    x = torch.ones(dimension)
    steps = max(20, 20_000_000 // max(dimension, 10_000))
    begin = time.perf_counter()
    for _ in range(steps):
        value = 0.5 * torch.dot(x, x)
        x.add_((x + torch.randn(dimension)).sign_(), alpha=-1e-3)
    del value
    return steps * dimension / (time.perf_counter() - begin)


def ours(binary, name):
    command = [binary, f"--benchmark_filter=^{name}$", "--benchmark_format=json", "--benchmark_min_time=0.4"]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return json.loads(output)["benchmarks"][0]["updates_per_second"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build")
    parser.add_argument("--write", metavar="PAGE")
    args = parser.parse_args()
    binary = os.path.join(args.build, "bench", "lab_step")
    torch.set_num_threads(1)
    torch.manual_seed(1)
    cases = [("toy-deterministic", "ToyDeterministicUpdates", toy_deterministic, 10)]
    for dimension in (1_000, 10_000, 100_000, 1_000_000):
        cases.append((f"SignSGD on the noisy quadratic, d = {dimension}", f"NoisySignSgdUpdates/{dimension}",
                      lambda d=dimension: noisy_signsgd(d), 5))
    rows = []
    for title, name, loop, goal in cases:
        (mine,), (theirs,) = interleave([lambda n=name: [ours(binary, n)], lambda f=loop: [f()]], ROUNDS)
        rows.append([title, f"{mine:.2g}", f"{theirs:.2g}", f"{mine / theirs:.1f}", str(goal)])
    publish("lab", "\n\n".join([f"One of {machine()}; PyTorch {torch.__version__}.", table(
        ["updates a second", "ours", "PyTorch", "ratio", "aim"], rows)]), args.write)


main()
