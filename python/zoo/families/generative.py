# SPDX-License-Identifier: Apache-2.0
"""Diffusion, flow matching and a variational autoencoder on toy data."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zoo.families.blocks import Mlp, generator
from zoo.problem import Batch, Draw, Model, Parts, Source


class TimeMlp(nn.Module):
    def __init__(self, size: int, width: int, depth: int, activation: str, residual: bool) -> None:
        super().__init__()
        self.body = Mlp(size + 8, width, depth, size, activation, False, residual)

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        phase = t[:, None] * math.pi * torch.tensor([0.5, 1.0, 2.0, 4.0])
        return self.body(torch.cat([x, torch.sin(phase), torch.cos(phase)], -1))


def toy_points(kind: str, size: int, n: int, g: torch.Generator) -> Tensor:
    if kind == "spiral":
        t = torch.rand(n, generator=g) * 9 + 1
        x = torch.stack([t * torch.cos(t), t * torch.sin(t)], -1) / 6
    elif kind == "ring":
        t = torch.rand(n, generator=g) * 2 * math.pi
        x = torch.stack([torch.cos(t), torch.sin(t)], -1) * (1 + torch.randint(0, 2, (n, 1), generator=g))
    else:
        centres = 1.5 * torch.randn(8, 2, generator=generator(5))
        x = centres[torch.randint(0, 8, (n,), generator=g)]
    x = x + 0.05 * torch.randn(x.shape, generator=g)
    if size > 2:
        x = torch.tanh(x @ torch.randn(2, size, generator=generator(6)))
    return x


def diffusion(draw: Draw) -> Parts:
    kind, size = draw.choice("kind", ["spiral", "ring", "mixture"]), draw.choice("size", [2, 2, 8])
    flow = draw.chance("flow", 0.5)
    width, depth = draw.choice("width", [32, 64, 96]), draw.choice("depth", [2, 3, 4])
    activation, residual = draw.choice("activation", ["relu", "silu", "gelu"]), draw.chance("residual", 0.4)

    def sample(g: torch.Generator, n: int) -> Batch:
        return toy_points(kind, size, n, g), torch.randn(n, size, generator=g), torch.rand(n, generator=g)

    def loss(model: Model, batch: Batch) -> Tensor:
        x, noise, t = batch
        if flow:
            return F.mse_loss(model(t[:, None] * x + (1 - t[:, None]) * noise, t), x - noise)
        keep = torch.cos(0.5 * math.pi * t)[:, None]
        return F.mse_loss(model(keep * x + torch.sqrt(1 - keep.square()) * noise, t), noise)

    return Parts(
        make=lambda: TimeMlp(size, width, depth, activation, residual),
        loss=loss,
        train=Source(sample=sample),
        validation=[sample(generator(1), 1000)],
    )


class Variational(nn.Module):
    def __init__(self, size: int, width: int, code: int, activation: str) -> None:
        super().__init__()
        self.encoder, self.middle = nn.Linear(size, width), nn.Linear(width, 2 * code)
        self.decoder = Mlp(code, width, 1, size, activation)

    def forward(self, x: Tensor, noise: Tensor) -> Tensor:
        """Negative evidence bound of each example, unit noise on the output."""
        mean, spread = self.middle(self.decoder.activation(self.encoder(x))).chunk(2, -1)
        y = self.decoder(mean + torch.exp(0.5 * spread) * noise)
        divergence = 0.5 * (mean.square() + torch.exp(spread) - 1 - spread).sum(-1)
        return 5.0 * (y - x).square().sum(-1) + divergence


def variational(draw: Draw) -> Parts:
    size, latent, code = draw.choice("size", [16, 32]), draw.choice("latent", [2, 4]), draw.choice("code", [2, 4])
    width, activation = draw.choice("width", [24, 48]), draw.choice("activation", ["relu", "tanh"])
    seed = draw.choice("data_seed", range(1000))
    mix = torch.randn(latent, size, generator=generator(seed))

    def sample(g: torch.Generator, n: int) -> Batch:
        x = torch.sin(torch.randn(n, latent, generator=g) @ mix) + 0.1 * torch.randn(n, size, generator=g)
        return x, torch.randn(n, code, generator=g)

    def loss(model: Model, batch: Batch) -> Tensor:
        return model(*batch).mean() / size

    return Parts(
        make=lambda: Variational(size, width, code, activation),
        loss=loss,
        train=Source(sample=sample),
        validation=[sample(generator(1), 512)],
    )


FAMILIES = {"diffusion": diffusion, "variational": variational}
