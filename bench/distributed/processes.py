#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Two processes with one thread each against one process with two threads; a vote's traffic against a mean's.

    python3 bench/distributed/processes.py BUILD_FOLDER [--rounds 7] [--model nano] [--pieces FILE]

needs the targets `normdescent_program` and `exchange`. The sides take turns, so that a busy machine slows both down.
Traffic is told twice: by the program's counters, and by the kernel's of the loopback device, with the headers and the
acknowledgements of TCP. A step's share of it is the difference of two runs of different length. FILE gets the pieces
that scaling_estimate.py goes on from.
"""
import argparse
import json
import os
import pathlib
import socket
import statistics
import subprocess
import tempfile

os.environ.setdefault("OMP_WAIT_POLICY", "passive")


def loopback_bytes():
    for line in pathlib.Path("/proc/net/dev").read_text(encoding="ascii").splitlines():
        name, _, numbers = line.partition(":")
        if name.strip() == "lo":
            return int(numbers.split()[8])
    raise SystemExit("no loopback device in /proc/net/dev")


def run_ranks(command, ranks):
    """Standard output of rank 0 of so many processes, started as mpirun starts them."""
    command = [str(part) for part in command]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    processes = []
    for rank in range(ranks):
        place = {"RANK": str(rank), "WORLD_SIZE": str(ranks), "LOCAL_RANK": str(rank), "LOCAL_WORLD_SIZE": str(ranks),
                 "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)} if ranks > 1 else {}
        processes.append(subprocess.Popen(command, env=os.environ | place, stderr=subprocess.DEVNULL,
                                          stdout=subprocess.PIPE if rank == 0 else subprocess.DEVNULL))
    said = processes[0].communicate()[0]
    if any(process.wait() != 0 for process in processes):
        raise SystemExit(f"{' '.join(command)} failed")
    return said


def train(options, arguments, steps, ranks):
    """What `train --json` says, the median rate of the steps that are warm, and what the loopback device has sent."""
    with tempfile.TemporaryDirectory() as folder:
        before = loopback_bytes()
        command = [options.build / "bin/normdescent", "train", "--json", "--model", options.model, "--batch", "32",
                   "--steps", steps, "--evaluate-every", "0", "--out", f"{folder}/run", *arguments]
        said = run_ranks(command, ranks)
        result = json.loads(said)
        lines = [json.loads(line) for line in pathlib.Path(folder, "run/metrics.jsonl").read_text().splitlines()]
        result["rate"] = statistics.median(line["tokens_per_second"] for line in lines if line["step"] > 5)
        result["losses"] = [line["train_loss"] for line in lines if line["step"] > 0]
        result["loopback"] = loopback_bytes() - before
        return result


def speed(options):
    sides = {"1 process, 2 threads": (["--threads", "2"], 1),
             "2 processes, 1 thread each": (["--threads", "1"], 2)}
    rates = {name: [] for name in sides}
    losses = {}
    for turn in range(options.rounds):
        for name, (arguments, ranks) in sorted(sides.items(), reverse=turn % 2 == 1):
            result = train(options, arguments, options.steps, ranks)
            rates[name].append(result["rate"])
            losses[name] = result["losses"]
    print(f"{options.rounds} rounds, load average {os.getloadavg()[0]:.1f}\n")
    print("| tokens/s | " + " | ".join(f"round {i + 1}" for i in range(options.rounds)) + " | median | fastest |")
    print("|---|" + (options.rounds + 2) * "---:|")
    for name, row in rates.items():
        print(f"| {name} | " + " | ".join(f"{rate:.0f}" for rate in (*row, statistics.median(row), max(row))) + " |")
    one, two = rates.values()
    ratios = [b / a for a, b in zip(one, two)]
    ratios += [statistics.median(ratios), max(two) / max(one)]
    print("| ratio | " + " | ".join(f"{ratio:.2f}" for ratio in ratios) + " |\n")
    apart = [abs(b / a - 1) for a, b in zip(*losses.values())]
    print(f"losses differ by at most {max(apart[:10]):.1e} of themselves in 10 steps, {max(apart):.1e} in "
          f"{options.steps}\n")


def traffic(options):
    print("| signsgd | parameters | bytes a step and rank, counted | on the loopback device |")
    print("|---|---:|---:|---:|")
    said = subprocess.run([str(options.build / "bin/normdescent"), "train", "--estimate", "--json", "--model",
                           options.model], check=True, stdout=subprocess.PIPE).stdout
    parameters = json.loads(said)["memory_bytes"]["parameters"] // 4
    rows = []
    for name, extra in (("mean of float32", []), ("majority vote", ["--majority-vote"])):
        arguments = ["--optimizer", "signsgd", "--threads", "1", *extra]
        short, long = (train(options, arguments, steps, 2) for steps in (10, 10 + options.steps))
        rows.append([(long["bytes_sent"] - short["bytes_sent"]) / options.steps,
                     (long["loopback"] - short["loopback"]) / options.steps / 2])  # both ranks send over it
        print(f"| {name} | {parameters} | {rows[-1][0]:.0f} | {rows[-1][1]:.0f} |")
    print("| ratio | | " + " | ".join(f"{mean / vote:.1f}" for mean, vote in zip(*rows)) + " |\n")
    return {"mean_bytes_per_parameter": rows[0][0] / parameters,
            "vote_bytes_per_parameter": rows[1][0] / parameters}


def exchanges(options):
    print("| ranks | coordinates | us a hop | GB/s sent | mean ms | vote ms |\n|" + 6 * "---:|")
    hops = []
    for ranks in (2, 3, 4):
        said = run_ranks([options.build / "bench/exchange", 1 << 22], ranks)
        row = json.loads(said)
        hops.append(row["hop_us"])
        print(f"| {row['ranks']} | {row['coordinates']} | {row['hop_us']:.0f} | {row['gigabytes_per_s']:.2f} | "
              f"{row['mean_ms']:.1f} | {row['vote_ms']:.1f} |")
    return {"hop_us": hops[0]}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("build", type=pathlib.Path, help="build folder")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--steps", type=int, default=15)
    parser.add_argument("--model", default="nano")
    parser.add_argument("--pieces", type=pathlib.Path)
    options = parser.parse_args()
    speed(options)
    pieces = traffic(options) | exchanges(options)
    if options.pieces:
        options.pieces.write_text(json.dumps({"ranks": 2} | pieces, indent=2) + "\n", encoding="ascii")


if __name__ == "__main__":
    main()
