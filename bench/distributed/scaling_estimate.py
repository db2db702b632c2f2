#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How far data parallel training of GPT-2 124M goes, on paper: traffic, memory and time per step for 8 to 1024 GPUs.

    python3 bench/distributed/scaling_estimate.py [--help]

Measured, in pieces.json (processes.py --pieces): bytes that a rank sends for each parameter, and a hop between two
processes, of the program's own exchange by Gloo. The GPUs are what the options say. docs/distributed.md has the
formulas and the table.
"""
import argparse
import heapq
import json
import pathlib

LAYERS, WIDTH, CONTEXT, VOCABULARY = 12, 768, 1024, 50257
HIDDEN = LAYERS * [(3 * WIDTH, WIDTH), (WIDTH, WIDTH), (4 * WIDTH, WIDTH), (WIDTH, 4 * WIDTH)]  # rows, columns
HIDDEN_ENTRIES = sum(rows * cols for rows, cols in HIDDEN)
PARAMETERS = (VOCABULARY + CONTEXT) * WIDTH + LAYERS * (12 * WIDTH**2 + 13 * WIDTH) + 2 * WIDTH
LARGEST = VOCABULARY * WIDTH  # the token embedding: no tensor is cut
# Gradients that are final when the backward pass has ended: the tables' (tied to the head) and the last norm's.
LATE = ((VOCABULARY + CONTEXT) * WIDTH + 2 * WIDTH) / PARAMETERS


def largest_load(costs, ranks):
    """The most that a rank gets: largest first, to the rank that has least."""
    loads = [0.0] * ranks
    for cost in sorted(costs, reverse=True):
        heapq.heapreplace(loads, loads[0] + cost)
    return max(loads)


def step_of(n, a, pieces, latency):
    """Seconds and bytes of one rank's step."""
    growth = ((n - 1) / n) / ((pieces["ranks"] - 1) / pieces["ranks"])  # of the bytes that a rank sends
    ring = 2 * (n - 1) * latency  # seconds that one ring takes whatever it carries
    compute = 6 * PARAMETERS * a.tokens / (a.peak * a.utilization)
    buckets = -(-4 * PARAMETERS // a.bucket)
    reduce_bytes = growth * pieces["mean_bytes_per_parameter"] * PARAMETERS
    reduce = reduce_bytes / a.bandwidth + buckets * ring
    exposed = max(reduce - compute * 2 / 3, LATE * reduce)  # the backward pass is two thirds of the computation
    vote_bytes = growth * pieces["vote_bytes_per_parameter"] * PARAMETERS
    vote = vote_bytes / a.bandwidth + buckets * ring

    flops = [a.products * 2 * min(shape) ** 2 * max(shape) for shape in HIDDEN]
    alone = sum(flops) / (a.peak * a.utilization)
    spread = largest_load(flops, n) / (a.peak * a.utilization)
    gather_bytes = 4 * HIDDEN_ENTRIES  # that a rank receives
    gather = gather_bytes / a.bandwidth + min(n, len(HIDDEN)) * (n - 1).bit_length() * latency

    step = compute + exposed + spread + gather
    return {"reduce_bytes": reduce_bytes, "vote_bytes": vote_bytes, "compute": compute, "reduce": reduce,
            "exposed": exposed, "vote": vote, "alone": alone, "shared": spread + gather, "step": step,
            "efficiency": (compute + alone) / step}


def memory(n):
    """Bytes of values, gradients and state: whole, and with the state sharded."""
    state = 4 * (HIDDEN_ENTRIES + 2 * (PARAMETERS - HIDDEN_ENTRIES))  # momentum; AdamW's two for the rest
    return 8 * PARAMETERS + state, 8 * PARAMETERS + max(state / n, 2 * 4 * LARGEST)


def row(n, a, pieces):
    s = step_of(n, a, pieces, a.latency)
    slow = step_of(n, a, pieces, pieces["hop_us"] * 1e-6)
    whole, sharded = memory(n)
    return [f"{n}", f"{n * a.tokens / 1e6:.2f}", f"{s['reduce_bytes'] / 1e6:.0f}", f"{s['vote_bytes'] / 1e6:.1f}",
            *(f"{1e3 * s[key]:.1f}" for key in ("compute", "reduce", "exposed", "vote", "alone", "shared", "step")),
            f"{100 * s['efficiency']:.0f}", f"{100 * slow['efficiency']:.0f}", f"{whole / 1e9:.2f}",
            f"{sharded / 1e9:.2f}"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--tokens", type=int, default=32 * 1024, help="tokens of a step on one GPU")
    parser.add_argument("--peak", type=float, default=989e12, help="bfloat16 FLOP/s of a GPU (H100, H200 data sheet)")
    parser.add_argument("--utilization", type=float, default=0.4, help="share of it that training reaches (assumed)")
    parser.add_argument("--bandwidth", type=float, default=50e9, help="bytes/s that a GPU sends (400 Gb/s network)")
    parser.add_argument("--latency", type=float, default=5e-6, help="seconds of one hop")
    parser.add_argument("--bucket", type=int, default=4 << 20, help="bytes of gradients that travel together")
    parser.add_argument("--products", type=int, default=15, help="matrix products of one orthogonalization (5 steps of 3)")
    here = pathlib.Path(__file__).parent
    parser.add_argument("--pieces", type=pathlib.Path, default=here / "pieces.json", help="what processes.py measured")
    a = parser.parse_args()
    pieces = json.loads(a.pieces.read_text(encoding="ascii"))
    print("| GPUs | Mtokens/step | MB sent, mean | MB sent, vote | compute ms | all-reduce ms | of it not hidden | vote ms | "
          "msign alone ms | msign shared ms | step ms | efficiency % | with the hop measured here | GB | GB sharded |")
    print("|" + 15 * "---:|")
    for doublings in range(8):
        print("| " + " | ".join(row(8 << doublings, a, pieces)) + " |")


if __name__ == "__main__":
    main()
