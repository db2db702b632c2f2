# SPDX-License-Identifier: Apache-2.0
"""What the comparisons share: two sides taking turns, medians, ratios, and their table in docs/performance.md.

Turns make a busy machine slow both sides; the median of the turns is what counts. Processor seconds are what to read
when the machine is not idle.
"""
import os
import statistics
import subprocess
import time

os.environ.setdefault("OMP_WAIT_POLICY", "passive")
THREADS = int(os.environ.get("OMP_NUM_THREADS", os.cpu_count()))
os.environ["OMP_NUM_THREADS"] = str(THREADS)


class Program:
    """A program of ours that serves timed runs (timed_runs.hpp, or another line of numbers for each line it reads)."""

    def __init__(self, *command):
        self._run = subprocess.Popen([str(part) for part in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                     text=True)
        assert self._run.stdout.readline() == "ready\n", f"{command[0]} did not start"

    def __call__(self):
        self._run.stdin.write("go\n")
        self._run.stdin.flush()
        return [float(number) for number in self._run.stdout.readline().split()]

    def peak_gib(self):
        with open(f"/proc/{self._run.pid}/status", encoding="ascii") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 2**20

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._run.stdin.close()
        self._run.stdout.close()
        self._run.wait()


def timed(function):
    """The same two numbers for a function of this process: wall and processor seconds."""
    def run():
        cpu, wall = time.process_time(), time.perf_counter()
        function()
        return [time.perf_counter() - wall, time.process_time() - cpu]
    return run


def interleave(sides, rounds):
    """Runs every side once to warm up, then all in turn, `rounds` times. Medians, number by number, in their order."""
    for side in sides:
        side()
    turns = [[side() for side in sides] for _ in range(rounds)]
    return [[statistics.median(column) for column in zip(*(turn[i] for turn in turns))] for i in range(len(sides))]


def machine():
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as info:
        lines = list(info)
    name = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "processor")
    flags = next((line for line in lines if line.startswith("flags")), "").split()
    units = [unit for unit in ("avx512f", "avx512_bf16", "amx_bf16") if unit in flags]
    return f"{THREADS} threads on {name} ({', '.join(units) or 'no AVX-512'}), load average {os.getloadavg()[0]:.1f}"


def table(header, rows):
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def publish(name, text, page):
    """Prints the text; puts it between the page's lines "<!-- begin NAME -->" and "<!-- end NAME -->" if one is given."""
    print(text, flush=True)
    if page is None:
        return
    begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
    with open(page, encoding="utf-8") as file:
        before, rest = file.read().split(begin)
    with open(page, "w", encoding="utf-8") as file:
        file.write(f"{before}{begin}\n{text}\n{end}{rest.split(end)[1]}")
