#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""msign of GPT-2 124M's hidden matrices: ours against five Newton-Schulz steps in PyTorch, interleaved, medians.

    bench/peers/msign.py BUILD_FOLDER [--rounds N] [--write docs/performance.md]

Both sides get the same Gaussian matrices and the same number of threads. Errors are against the exact factor in float64
(relative Frobenius norm). Processor time is what to read when the machine is not idle.
"""
import argparse
import contextlib
import os
import tempfile

from side_by_side import THREADS, Program, interleave, machine, publish, table, timed

import torch

SHAPES = [(2304, 768), (768, 768), (3072, 768), (768, 3072)]
LAYERS = 12
METHODS = ["halley", "resolvent"]
COUNT = 2  # matrices of a shape in one call of ours; PyTorch takes one after the other


def newton_schulz(g, dtype, steps=5):
    """The quintic iteration of Jordan et al. 2024 as its users write it."""
    x = g.to(dtype)
    if g.size(0) > g.size(1):
        x = x.T
    x = x / (x.norm() + 1e-7)
    for _ in range(steps):
        a = x @ x.T
        x = 3.4445 * x + (-4.7750 * a + 2.0315 * a @ a) @ x
    return x.T if g.size(0) > g.size(1) else x


def error_against(exact, x):
    return float((x.double() - exact).norm() / exact.norm())


def measure(ours, methods, precision, dtype, rows, cols, rounds):
    """Medians [wall, cpu] of each method and of PyTorch for one matrix, and the error of each."""
    g = torch.randn(COUNT, rows, cols)
    u, _, vt = torch.linalg.svd(g[0].double(), full_matrices=False)
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as programs:
        source = os.path.join(folder, "in")
        g.numpy().tofile(source)
        mine, results = [], []
        for method in methods:
            target = os.path.join(folder, method)
            mine.append(programs.enter_context(Program(ours, method, precision, rows, cols, COUNT, source, target)))
            results.append(torch.from_file(target, size=g.numel()).view_as(g)[0].clone())
        results.append(newton_schulz(g[0], dtype))
        sides = interleave([*mine, timed(lambda: newton_schulz(g[0], dtype))], rounds)
    return [*([seconds / COUNT for seconds in side] for side in sides[:-1]), sides[-1]], [
        error_against(u @ vt, x) for x in results]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--write", metavar="PAGE")
    args = parser.parse_args()
    torch.set_num_threads(THREADS)
    torch.manual_seed(0)
    ours, rows_of_table = os.path.join(args.build, "bench", "msign_ours"), []
    for precision, dtype in (("bfloat16", torch.bfloat16), ("full", torch.float32)):
        total, errors = [[0.0, 0.0] for _ in range(len(METHODS) + 1)], []
        for rows, cols in SHAPES:
            sides, error = measure(ours, METHODS, precision, dtype, rows, cols, args.rounds)
            errors.append(error)
            total = [[t + LAYERS * x for t, x in zip(*pair)] for pair in zip(total, sides)]
        their_wall, their_cpu = total[-1]
        spread = [f"{min(column):.3f} - {max(column):.3f}" for column in zip(*errors)]
        for method, (wall, cpu), error in zip(METHODS, total, spread):
            rows_of_table.append([method, precision, f"{wall:.2f}", f"{their_wall:.2f}", f"{their_wall / wall:.1f}",
                                  f"{cpu:.2f}", f"{their_cpu:.2f}", f"{their_cpu / cpu:.1f}", error, spread[-1]])
    publish("msign", "\n\n".join([f"{machine()}; PyTorch {torch.__version__}.", table(
        ["method", "precision", "ours, wall s", "PyTorch, wall s", "ratio", "ours, cpu s", "PyTorch, cpu s", "ratio",
         "error, ours", "error, PyTorch"], rows_of_table)]), args.write)


main()
