#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""msign of GPT-2 124M's hidden matrices: ours against five Newton-Schulz steps in PyTorch, interleaved, medians.

    bench/peers/msign.py BUILD_FOLDER [REPETITIONS]

Both sides get the same Gaussian matrices and the same number of threads. Printed per shape: wall and processor
seconds of each side for one matrix, their ratios, and the error of each against the exact factor in float64
(relative Frobenius norm). Processor time is what to read when the machine is not idle.
"""
import os
import statistics
import subprocess
import sys
import tempfile
import time

os.environ.setdefault("OMP_WAIT_POLICY", "passive")
import torch  # noqa: E402

SHAPES = [(2304, 768), (768, 768), (3072, 768), (768, 3072)]
LAYERS = 12
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


def timed(function):
    cpu, wall = time.process_time(), time.perf_counter()
    function()
    return time.perf_counter() - wall, time.process_time() - cpu


def main():
    ours, repetitions = os.path.join(sys.argv[1], "bench", "msign_ours"), int((sys.argv[2:] or ["5"])[0])
    threads = int(os.environ.get("OMP_NUM_THREADS", os.cpu_count()))
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    print(f"threads {threads}, load average {os.getloadavg()[0]:.1f}, PyTorch {torch.__version__}")
    print("precision  shape         wall ms: ours PyTorch ratio    cpu ms: ours PyTorch ratio    error: ours PyTorch")
    for precision, dtype in (("bfloat16", torch.bfloat16), ("full", torch.float32)):
        total = [0.0, 0.0, 0.0, 0.0]
        for rows, cols in SHAPES:
            g = torch.randn(COUNT, rows, cols)
            u, _, vt = torch.linalg.svd(g[0].double(), full_matrices=False)
            exact = u @ vt
            with tempfile.TemporaryDirectory() as folder:
                source, target = os.path.join(folder, "in"), os.path.join(folder, "out")
                g.numpy().tofile(source)
                command = [ours, "halley", precision, str(rows), str(cols), str(COUNT), source, target]
                environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
                with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                      env=environment) as run:
                    run.stdout.readline()
                    mine = torch.from_file(target, size=g.numel()).view_as(g)[0].clone()
                    theirs = newton_schulz(g[0], dtype)
                    samples = []
                    for _ in range(repetitions):
                        run.stdin.write("go\n")
                        run.stdin.flush()
                        ours_wall, ours_cpu = (float(x) / COUNT for x in run.stdout.readline().split())
                        samples.append((ours_wall, *timed(lambda: newton_schulz(g[0], dtype)), ours_cpu))
                    run.stdin.close()
            wall, peer_wall, peer_cpu, cpu = (1e3 * statistics.median(column) for column in zip(*samples))
            errors = [float((x.double() - exact).norm() / exact.norm()) for x in (mine, theirs)]
            print(f"{precision:9}  {rows:4} x {cols:4}  {wall:12.1f} {peer_wall:7.1f} {peer_wall / wall:5.2f}"
                  f"  {cpu:12.1f} {peer_cpu:7.1f} {peer_cpu / cpu:5.2f}  {errors[0]:12.4f} {errors[1]:7.4f}", flush=True)
            total = [t + LAYERS * x / 1e3 for t, x in zip(total, (wall, peer_wall, cpu, peer_cpu))]
        print(f"{precision:9}  {LAYERS} layers, s   {total[0]:10.2f} {total[1]:7.2f} {total[1] / total[0]:5.2f}"
              f"  {total[2]:12.2f} {total[3]:7.2f} {total[3] / total[2]:5.2f}")


main()
