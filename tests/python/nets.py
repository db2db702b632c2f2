# SPDX-License-Identifier: Apache-2.0
"""The net of trajectories.cpp, number for number."""

import torch


class Net(torch.nn.Module):
    """An embedding, a hidden matrix and a head: a parameter of each role."""

    def __init__(self) -> None:
        super().__init__()
        self.table = torch.nn.Embedding(7, 5)
        self.hidden = torch.nn.Linear(5, 6)
        self.head = torch.nn.Linear(6, 4)
        with torch.no_grad():
            for i, p in enumerate(self.parameters()):
                start = (
                    torch.sin(torch.arange(p.numel(), dtype=torch.float64) * (i + 1.0) + 0.3) * 0.5
                )
                p.copy_(start.view_as(p))

    def loss(self, step: int) -> torch.Tensor:
        x = torch.tanh(self.hidden(self.table(torch.arange(3) + step % 4)))
        return (self.head(x) - 0.3 * (step % 3)).square().mean()


def train(net: Net, optimizer: torch.optim.Optimizer, first: int, last: int) -> None:
    """Steps first .. last - 1."""
    for step in range(first, last):
        optimizer.zero_grad()
        net.loss(step).backward()
        optimizer.step()


def values(net: Net) -> torch.Tensor:
    """All parameters as one vector."""
    return torch.cat([p.detach().flatten() for p in net.parameters()])
