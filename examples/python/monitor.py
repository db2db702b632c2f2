# SPDX-License-Identifier: Apache-2.0
"""Gradient accumulation whose micro-batches also tell the noise and the critical batch size."""

import normdescent
import torch

torch.manual_seed(0)
model = torch.nn.Sequential(torch.nn.Linear(4, 64), torch.nn.Tanh(), torch.nn.Linear(64, 1))
optimizer = normdescent.Signum(model, lr=1e-3)
monitor = normdescent.TrainingMonitor(model, window=32)

micro_batches, examples = 4, 16
for step in range(100):
    for _ in range(micro_batches):
        x = torch.randn(examples, 4)
        y = torch.sin(x.sum(dim=1, keepdim=True))
        (torch.nn.functional.mse_loss(model(x), y) / micro_batches).backward()
        monitor.observe_micro_batch(weight=1 / micro_batches)
    optimizer.step()
    optimizer.zero_grad()
    monitor.end_step()
    if step % 33 == 32:
        report = monitor.report()
        density, critical = report["noise_density"], report["critical_batch_sign"]
        print(
            f"step {step + 1:3d}  noise density {density['value']:.2f} +- {density['se']:.2f}, "
            f"critical batch {examples * critical['value']:.0f} examples"
        )
        assert 0 < density["value"] <= 1, report["because"]
