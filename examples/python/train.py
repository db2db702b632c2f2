# SPDX-License-Identifier: Apache-2.0
"""Trains with Muon on the hidden matrices and AdamW on the rest, then loads the saved state."""

import normdescent
import torch

torch.manual_seed(0)
model = torch.nn.Sequential(
    torch.nn.Linear(4, 64), torch.nn.Tanh(), torch.nn.Linear(64, 64), torch.nn.Tanh()
)
model.add_module("head", torch.nn.Linear(64, 1))  # the name tells its role

optimizer = normdescent.Muon(model, lr=2e-2, decoupled_decay=0.01)
schedule = torch.optim.lr_scheduler.LinearLR(
    optimizer, start_factor=1.0, end_factor=0.05, total_iters=200
)
print(optimizer.explain())

x = torch.randn(512, 4)
y = torch.sin(x.sum(dim=1, keepdim=True))
for step in range(200):
    optimizer.zero_grad()
    loss = torch.nn.functional.mse_loss(model(x), y)
    loss.backward()
    optimizer.step()
    schedule.step()
    if step % 50 == 0 or step == 199:
        print(f"step {step:3d}  loss {loss.item():.4f}")
    assert optimizer.skipped_parameter is None

state = optimizer.state_dict()
normdescent.Muon(model).load_state_dict(state)  # a new process would go on from here, bit for bit
assert loss.item() < 0.01, loss.item()
