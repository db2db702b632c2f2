# SPDX-License-Identifier: Apache-2.0
"""Image models: vision transformer, convolutional network, residual network with batch norm, autoencoder."""

from __future__ import annotations

import itertools

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zoo.families.blocks import Block, Mlp, corrupt, cross_entropy, draw_images, generator, templates
from zoo.problem import Batch, Draw, Model, Parts, Source


def image_data(draw: Draw) -> tuple[Source, list[Batch], int, int, int]:
    """Source, validation, channels, size, classes."""
    channels, size, classes = draw.choice("channels", [1, 3]), draw.choice("size", [8, 12]), draw.choice("classes", [5, 10])
    noise, wrong = draw.choice("noise", [0.5, 1.0, 1.5]), draw.choice("label_noise", [0.0, 0.0, 0.1, 0.3])
    base = templates(classes, channels, size, draw.choice("data_seed", range(1000)))

    def sample(g: torch.Generator, n: int) -> Batch:
        x, y = draw_images(base, n, noise, g)
        return x, corrupt(y, classes, wrong, g)

    size_of_set = draw.choice("train_size", [256, 2000, 0, 0])
    source = Source(tensors=sample(generator(2), size_of_set)) if size_of_set else Source(sample=sample)
    return source, [draw_images(base, 192, noise, generator(1))], channels, size, classes


def label_loss(model: Model, batch: Batch) -> Tensor:
    return cross_entropy(model(batch[0]), batch[1])


class Vit(nn.Module):
    def __init__(self, channels: int, size: int, patch: int, width: int, depth: int, classes: int) -> None:
        super().__init__()
        self.patch, self.count = patch, (size // patch) ** 2
        self.embed = nn.Linear(channels * patch * patch, width)
        self.positions = nn.Embedding(self.count, width)
        with torch.no_grad():
            self.positions.weight.mul_(0.1)
        self.blocks = nn.ModuleList([Block(width, 2, causal=False, ratio=2) for _ in range(depth)])
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, classes)

    def forward(self, x: Tensor) -> Tensor:
        n, c, s, _ = x.shape
        k, p = s // self.patch, self.patch
        x = x.view(n, c, k, p, k, p).permute(0, 2, 4, 1, 3, 5).reshape(n, k * k, c * p * p)
        x = self.embed(x) + self.positions.weight
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x).mean(1))


def vit(draw: Draw) -> Parts:
    source, validation, channels, size, classes = image_data(draw)
    width, depth = draw.choice("width", [16, 24, 32]), draw.choice("depth", [1, 2, 3])
    patch = draw.choice("patch", [2, 4]) if size == 8 else draw.choice("patch", [3, 4])
    return Parts(
        make=lambda: Vit(channels, size, patch, width, depth, classes),
        loss=label_loss,
        train=source,
        validation=validation,
        positions=(size // patch) ** 2,
    )


class Cnn(nn.Module):
    def __init__(self, channels: int, width: int, depth: int, classes: int, pooled: int) -> None:
        super().__init__()
        sizes = [channels] + [width * (1 + (i > 0)) for i in range(depth)]
        self.convolutions = nn.ModuleList(
            [nn.Conv2d(a, b, 3, padding=1, stride=2 if i in (0, 2) else 1) for i, (a, b) in enumerate(itertools.pairwise(sizes))]
        )
        self.pooled = pooled
        self.head = nn.Linear(sizes[-1] * pooled * pooled, classes)

    def forward(self, x: Tensor) -> Tensor:
        for convolution in self.convolutions:
            x = F.relu(convolution(x))
        return self.head(F.adaptive_avg_pool2d(x, self.pooled).flatten(1))


def cnn(draw: Draw) -> Parts:
    source, validation, channels, _, classes = image_data(draw)
    width, depth, pooled = draw.choice("width", [6, 8, 12]), draw.choice("depth", [2, 3, 4]), draw.choice("pooled", [1, 2])
    return Parts(
        make=lambda: Cnn(channels, width, depth, classes, pooled),
        loss=label_loss,
        train=source,
        validation=validation,
        positions=25,
    )


class ResidualNetwork(nn.Module):
    """Batch norm uses the batch's statistics, in evaluation too: one model of many in a batch of models has no running ones."""

    def __init__(self, channels: int, width: int, depth: int, classes: int) -> None:
        super().__init__()
        self.stem = nn.Conv2d(channels, width, 3, padding=1, stride=2)
        self.first = nn.ModuleList([nn.Conv2d(width, width, 3, padding=1, bias=False) for _ in range(depth)])
        self.second = nn.ModuleList([nn.Conv2d(width, width, 3, padding=1, bias=False) for _ in range(depth)])
        self.norms = nn.ModuleList([nn.BatchNorm2d(width, track_running_stats=False) for _ in range(2 * depth)])
        self.head = nn.Linear(width, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        for i, (a, b) in enumerate(zip(self.first, self.second, strict=True)):
            y = a(F.relu(self.norms[2 * i](x)))
            x = x + b(F.relu(self.norms[2 * i + 1](y)))
        return self.head(x.mean((2, 3)))


def resnet(draw: Draw) -> Parts:
    source, validation, channels, _, classes = image_data(draw)
    width, depth = draw.choice("width", [6, 8, 12]), draw.choice("depth", [1, 2])
    draw.settings["batch_min"] = 4
    return Parts(
        make=lambda: ResidualNetwork(channels, width, depth, classes),
        loss=label_loss,
        train=source,
        validation=validation,
        positions=30,
    )


def autoencoder(draw: Draw) -> Parts:
    source, validation, channels, size, _ = image_data(draw)
    pixels = channels * size * size
    width, code = draw.choice("width", [32, 64]), draw.choice("code", [4, 8, 16])
    activation = draw.choice("activation", ["relu", "tanh", "gelu"])
    make_half = nn.Sequential

    class Autoencoder(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoder = make_half(nn.Linear(pixels, width), nn.Linear(width, code))
            self.decoder = Mlp(code, width, draw.settings["depth"], pixels, activation)

        def forward(self, x: Tensor) -> Tensor:
            h = self.decoder.activation(self.encoder[0](x.flatten(1)))
            return self.decoder(self.encoder[1](h))

    draw.choice("depth", [1, 2])

    def loss(model: Model, batch: Batch) -> Tensor:
        return F.mse_loss(model(batch[0]), batch[0].flatten(1))

    return Parts(make=Autoencoder, loss=loss, train=source, validation=validation)


FAMILIES = {"vit": vit, "cnn": cnn, "resnet": resnet, "autoencoder": autoencoder}
