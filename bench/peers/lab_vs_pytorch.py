#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The lab's two inner loops against the same loops in eager PyTorch, one thread each, in one run.

    python3 bench/peers/lab_vs_pytorch.py build/dev/bench/lab_step

Rounds of both sides alternate, so that a busy machine slows both; each side counts by its median round.
"""
import json
import os
import statistics
import subprocess
import sys
import time

ROUNDS = 5
RATES = [1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8]


def toy_deterministic(torch):
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


def noisy_signsgd(torch, dimension):
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
    if len(sys.argv) != 2 or not os.access(sys.argv[1], os.X_OK):
        sys.exit(f"usage: {sys.argv[0]} PATH_TO_LAB_STEP   (build it with: ninja -C build/dev lab_step)")
    try:
        import torch
    except ImportError:
        sys.exit("no PyTorch for this python3 (Debian: python3-torch); nothing to compare with")
    torch.set_num_threads(1)
    torch.manual_seed(1)
    cases = [("ToyDeterministicUpdates", lambda: toy_deterministic(torch), 10)]
    for dimension in (1_000, 10_000, 100_000, 1_000_000):
        cases.append((f"NoisySignSgdUpdates/{dimension}", lambda d=dimension: noisy_signsgd(torch, d), 5))
    print(f"{'updates per second, one thread':32} {'normdescent':>12} {'torch ' + torch.__version__:>14} {'ratio':>7}  goal")
    for name, loop, goal in cases:
        rounds = [(ours(sys.argv[1], name), loop()) for _ in range(ROUNDS)]
        mine = statistics.median(r[0] for r in rounds)
        theirs = statistics.median(r[1] for r in rounds)
        print(f"{name:32} {mine:12.3g} {theirs:14.3g} {mine / theirs:7.1f}  >= {goal}")


if __name__ == "__main__":
    main()
