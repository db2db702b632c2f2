#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Training steps: the GPT kernel against PyTorch (GPT-2 124M, bfloat16 autocast, AdamW) and against the same model as
a plain LibTorch module (nano), with the machine's ceilings measured between them.

    bench/peers/gpt_training.py BUILD_FOLDER [--rounds N] [--write docs/performance.md]
"""
import argparse
import os
import resource

from side_by_side import THREADS, Program, interleave, machine, publish, table, timed

import torch
from torch import nn
from torch.nn import functional as F

WIDTH, HEADS, LAYERS, VOCABULARY, CONTEXT = 768, 12, 12, 50257, 1024
PARAMETERS = 124_439_808 - CONTEXT * WIDTH  # multiplied in products of every token: all but the position table


class Block(nn.Module):
    """A block as the field's users write it."""

    def __init__(self):
        super().__init__()
        self.norm_1, self.norm_2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.qkv, self.out = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.up, self.down = nn.Linear(WIDTH, 4 * WIDTH), nn.Linear(4 * WIDTH, WIDTH)

    def forward(self, x, mask):
        b, t, c = x.shape
        q, k, v = self.qkv(self.norm_1(x)).view(b, t, 3, HEADS, c // HEADS).permute(2, 0, 3, 1, 4)
        scores = (q @ k.transpose(-2, -1)) * (c // HEADS) ** -0.5
        mixed = F.softmax(scores.masked_fill(mask[:t, :t], float("-inf")), dim=-1) @ v
        x = x + self.out(mixed.transpose(1, 2).reshape(b, t, c))
        return x + self.down(F.gelu(self.up(self.norm_2(x)), approximate="tanh"))


class Gpt2(nn.Module):
    def __init__(self):
        super().__init__()
        self.tokens, self.positions = nn.Embedding(VOCABULARY, WIDTH), nn.Embedding(CONTEXT, WIDTH)
        self.blocks, self.norm = nn.ModuleList(Block() for _ in range(LAYERS)), nn.LayerNorm(WIDTH)
        self.head = nn.Linear(WIDTH, VOCABULARY, bias=False)
        self.head.weight = self.tokens.weight
        nn.init.normal_(self.tokens.weight, std=0.02)
        self.register_buffer("mask", torch.ones(CONTEXT, CONTEXT, dtype=torch.bool).triu(1))

    def forward(self, windows):
        inputs, targets = windows[:, :-1], windows[:, 1:]
        x = self.tokens(inputs) + self.positions.weight[: inputs.shape[1]]
        for block in self.blocks:
            x = block(x, self.mask)
        return F.cross_entropy(self.head(self.norm(x)).flatten(0, 1), targets.flatten())


def pytorch_steps(batch, context, steps):
    model = Gpt2()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)

    def step():
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss = model(torch.randint(VOCABULARY, (batch, context + 1)))
        loss.backward()
        optimizer.step()
        return loss.item()
    return timed(lambda: [step() for _ in range(steps)])


def gflop_of_step(tokens, context):
    """Products only: 6 flops a token and parameter, and attention's lower triangle (2 products forward, 4 back)."""
    return 1e-9 * tokens * (6 * PARAMETERS + 12 * LAYERS * WIDTH * context / 2)


def rounds_of(tokens, rounds):
    """Long steps vary less, and a minute a round is enough of them."""
    return rounds if tokens < 1000 else min(rounds, 3)


def steps_of(tokens):
    """Steps of a timed run: some seconds, since a machine that was idle takes a third of one to wake up."""
    return 1 if tokens > 1000 else 5


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--write", metavar="PAGE")
    parser.add_argument("--shapes", nargs="*", default=["4x64", "4x512"])
    args = parser.parse_args()
    program = lambda name: os.path.join(args.build, "bench", name)
    torch.set_num_threads(THREADS)
    lines = [f"{machine()}; PyTorch {torch.__version__}.", ""]
    rows = []
    with Program(program("ceilings")) as ceilings:
        for batch, context in (map(int, shape.split("x")) for shape in args.shapes):
            steps = steps_of(batch * context)
            tokens = steps * batch * context
            with Program(program("gpt_ours"), "gpt2-124m", batch, context, steps) as ours:
                (wall, cpu), (their_wall, their_cpu), (_, _, peak, *_) = interleave(
                    [ours, pytorch_steps(batch, context, steps), ceilings], rounds_of(batch * context, args.rounds))
                gflop = gflop_of_step(tokens, context)
                share = gflop * THREADS / cpu / peak
                rows.append([f"GPT-2 124M, {batch} x {context}", f"{tokens / wall:.0f}", f"{tokens / their_wall:.0f}",
                             f"{their_wall / wall:.2f}", f"{their_cpu / cpu:.2f}",
                             f"{gflop / wall:.0f}", f"{gflop / their_wall:.0f}", f"{share:.2f}",
                             f"{ours.peak_gib():.2f}",
                             f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f}"])
        steps, batch, context = 100, 16, 64
        case = ("nano", batch, context, steps)
        with Program(program("gpt_ours"), *case) as ours, Program(program("gpt_module"), *case) as plain:
            (wall, cpu), (their_wall, their_cpu), (triad, update, bfloat16, float32, registers) = interleave(
                [ours, plain, ceilings], args.rounds)
            tokens = steps * batch * context
            rows.append([f"nano, {batch} x {context}, LibTorch module", f"{tokens / wall:.0f}",
                         f"{tokens / their_wall:.0f}", f"{their_wall / wall:.2f}", f"{their_cpu / cpu:.2f}", "", "", "",
                         f"{ours.peak_gib():.2f}", f"{plain.peak_gib():.2f}"])
    lines.append(table(["training step with AdamW", "ours, tokens/s", "theirs", "ratio", "ratio of cpu s",
                        "GFLOP/s, ours", "theirs", "of the products' ceiling", "peak GiB, ours", "theirs"], rows))
    lines += ["", f"Ceilings in the same run: triad {triad:.1f} GB/s, `p += a g` {update:.1f} GB/s, bfloat16 products "
              f"{bfloat16:.0f} GFLOP/s (in registers only {registers:.0f}), float32 {float32:.0f} GFLOP/s."]
    publish("gpt", "\n".join(lines), args.write)


main()
