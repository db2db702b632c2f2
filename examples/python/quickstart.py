# SPDX-License-Identifier: Apache-2.0
"""Which optimizer, at which rate, for a small network? A quarter of one training run answers."""

import normdescent as nd
import torch
from torch import nn

torch.manual_seed(0)
x = torch.randn(4096, 32)
y = nn.Sequential(nn.Linear(32, 64), nn.Tanh(), nn.Linear(64, 10))(x).argmax(1)  # a teacher's classes
data = torch.utils.data.TensorDataset(x, y)
train, validation = torch.utils.data.random_split(data, [3584, 512])


def make_model():
    return nn.Sequential(nn.Linear(32, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 10))


def loss(model, batch):
    return nn.functional.cross_entropy(model(batch[0]), batch[1])


report = nd.compare(make_model, loss, train, validation, steps=3000, batch_size=64, budget="0.25 run")
print(report, report.code(), sep="\n\n")
