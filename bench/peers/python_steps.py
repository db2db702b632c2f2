# SPDX-License-Identifier: Apache-2.0
"""Steps from Python beside the same steps from C++, and beside torch's own: fused, foreach, compiled, and torch.optim.Muon.

    OMP_NUM_THREADS=1 python bench/peers/python_steps.py [--compile]

All sides on the same tensors in one process, in rounds, so that none gets the better pages or the quieter minute; the least of
all rounds counts. `over C++` is what Python adds to a tensor: everything but the compiled step itself.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable

import normdescent as nd
import torch
from torch import nn

SHAPES: dict[str, list[tuple[int, ...]]] = {
    "1 x 4M": [(2048, 2048)],
    "148, GPT-2's": [(768,), (256, 768)] * 50 + [(768, 256)] * 24 + [(768,)] * 24,
    "5000 x 16": [(4, 4)] * 5000,
}
OURS: dict[str, dict[str, object]] = {"SGD": {"momentum": 0.9}, "SignSGD": {}, "Lion": {}, "AdamW": {}, "Muon": {}}
ROUNDS, SECONDS = 7, 0.2


def per_call(act: Callable[[], object], calls: int) -> float:
    start = time.process_time()
    for _ in range(calls):
        act()
    return (time.process_time() - start) / calls


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--compile", action="store_true", help="torch's steps compiled, too: takes minutes")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    print(f"torch {torch.__version__}, one thread, microseconds a step, least of {ROUNDS} rounds")
    for label, shapes in SHAPES.items():
        for name, options in OURS.items():
            if name == "Muon" and label.startswith("5000"):
                continue
            parameters = [nn.Parameter(torch.randn(shape)) for shape in shapes]
            for p in parameters:
                p.grad = torch.randn(p.shape)
            ours = getattr(nd, name)(parameters, lr=1e-5, **options)
            ours.step()
            part = ours._plans[0].parts[0][0]
            sides: dict[str, Callable[[], object]] = {"ours": ours.step}

            def prepare(part=part, parameters=parameters, ours=ours) -> None:
                part.stepper.prepare(parameters, None, ours.state)

            def step(part=part, prepare=prepare) -> None:
                prepare()
                part.stepper.run(1e-5, 1)

            sides["prepare"], sides["prepare and run"] = prepare, step
            peer = getattr(torch.optim, name, None)
            if name == "Muon":
                matrices = [p for p in parameters if p.ndim == 2]
                sides["torch.optim.Muon, matrices alone"] = torch.optim.Muon(matrices, lr=1e-5).step
            elif peer is not None:
                for kind in ("fused", "foreach"):
                    sides[f"torch {kind}"] = peer(parameters, lr=1e-5, **options, **{kind: True}).step
                if arguments.compile:
                    sides["torch compiled"] = torch.compile(peer(parameters, lr=1e-5, **options).step, dynamic=False)
            calls = {key: max(1, int(SECONDS / ROUNDS / max(per_call(act, 1), 1e-6))) for key, act in sides.items()}
            best = dict.fromkeys(sides, float("inf"))
            for _ in range(ROUNDS):
                for key, act in sides.items():
                    best[key] = min(best[key], per_call(act, calls[key]))
            compiled_step = best["prepare and run"] - best["prepare"]
            over = (best["ours"] - compiled_step) / len(shapes)
            rest = "  ".join(f"{k} {v * 1e6:.0f} ({v / best['ours']:.2f}x)" for k, v in best.items() if k.startswith("torch"))
            print(
                f"{label:<14}{name:<8} ours {best['ours'] * 1e6:9.0f}  C++ {compiled_step * 1e6:9.0f}  "
                f"over C++ {over * 1e6:6.3f} a tensor, {best['ours'] / compiled_step - 1:6.1%}  {rest}",
                flush=True,
            )


if __name__ == "__main__":
    main()
