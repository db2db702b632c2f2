# SPDX-License-Identifier: Apache-2.0
"""Tabular networks, convex models, graph networks, contrastive learning, physics-informed networks, neural fields, bandits,
control.
"""

from __future__ import annotations

import itertools
import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import jvp

from zoo.families.blocks import ACTIVATIONS, Mlp, corrupt, cross_entropy, generator
from zoo.problem import Batch, Draw, Model, Parts, Source


def scales(count: int, spread: float, seed: int) -> Tensor:
    """Standard deviations of features, log-normal."""
    return torch.exp(spread * torch.randn(count, generator=generator(seed)))


class TabularNetwork(nn.Module):
    """Numbers and categories; categories have embeddings."""

    def __init__(self, numbers: int, categories: int, levels: int, body: Mlp) -> None:
        super().__init__()
        self.tables = nn.ModuleList([nn.Embedding(levels, 4) for _ in range(categories)])
        self.body = body

    def forward(self, x: Tensor, c: Tensor) -> Tensor:
        return self.body(torch.cat([x, *(table(c[:, i]) for i, table in enumerate(self.tables))], -1))


def tabular(draw: Draw) -> Parts:
    numbers, categories, levels = (
        draw.choice("numbers", [8, 16, 32]),
        draw.choice("categories", [0, 0, 2, 4]),
        draw.choice("levels", [10, 50]),
    )
    spread, outputs = draw.choice("spread", [0.0, 0.5, 1.0]), draw.choice("outputs", [0, 2, 5])  # 0: regression
    noise = draw.choice("label_noise", [0.0, 0.1, 0.3])
    seed = draw.choice("data_seed", range(1000))
    g = generator(seed)
    first, second = torch.randn(numbers, 24, generator=g) / math.sqrt(numbers), torch.randn(24, max(outputs, 1), generator=g)
    effects = torch.randn(max(categories, 1), levels, 24, generator=g) * 0.5
    scale = scales(numbers, spread, seed + 1)

    def sample(g: torch.Generator, n: int) -> Batch:
        z = torch.randn(n, numbers, generator=g)
        c = torch.randint(0, levels, (n, max(categories, 1)), generator=g)
        h = z @ first
        if categories:
            h = h + sum(effects[i][c[:, i]] for i in range(categories))
        y = torch.sin(1.5 * h) @ second
        if outputs:
            return z * scale, c, corrupt(y.argmax(-1), outputs, noise, g)
        y = y[:, 0] / 4 + noise * torch.randn(n, generator=g)
        return z * scale, c, y

    width, depth, activation = (
        draw.choice("width", [16, 32, 64, 96]),
        draw.choice("depth", [1, 2, 3, 4]),
        draw.choice("activation", list(ACTIVATIONS)),
    )
    norm, residual = draw.chance("norm", 0.3), draw.chance("residual", 0.3)
    size = draw.choice("train_size", [300, 2000, 0, 0])

    def loss(model: Model, batch: Batch) -> Tensor:
        y = model(batch[0], batch[1])
        return cross_entropy(y, batch[2]) if outputs else F.mse_loss(y[:, 0], batch[2])

    return Parts(
        make=lambda: TabularNetwork(
            numbers, categories, levels, Mlp(numbers + 4 * categories, width, depth, max(outputs, 1), activation, norm, residual)
        ),
        loss=loss,
        train=Source(tensors=sample(generator(seed + 2), size)) if size else Source(sample=sample),
        validation=[sample(generator(seed + 3), 512)],
    )


class LinearHead(nn.Module):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.head = nn.Linear(inputs, outputs)
        with torch.no_grad():
            self.head.weight.zero_()

    def forward(self, x: Tensor) -> Tensor:
        return self.head(x)


def convex(draw: Draw) -> Parts:
    """Softmax, logistic or least-squares regression on features of different scales, dense or sparse."""
    kind = draw.choice("kind", ["softmax", "logistic", "squares"])
    inputs, outputs = draw.choice("inputs", [10, 30, 100, 300]), draw.choice("outputs", [3, 10]) if kind == "softmax" else 1
    spread, density = draw.choice("spread", [0.0, 0.7, 1.5]), draw.choice("density", [1.0, 1.0, 0.1])
    noise, seed = draw.choice("label_noise", [0.0, 0.1, 0.3]), draw.choice("data_seed", range(1000))
    g = generator(seed)
    truth = torch.randn(inputs, outputs, generator=g) * 2 / math.sqrt(inputs * density)
    scale = scales(inputs, spread, seed + 1)

    def sample(g: torch.Generator, n: int) -> Batch:
        z = torch.randn(n, inputs, generator=g)
        if density < 1.0:
            z = z * (torch.rand(n, inputs, generator=g) < density)
        y = z @ truth
        if kind == "softmax":
            return z * scale, corrupt(y.argmax(-1), outputs, noise, g)
        if kind == "logistic":
            return z * scale, corrupt((y[:, 0] > 0).long(), 2, noise, g).float()
        return z * scale, y[:, 0] + noise * torch.randn(n, generator=g)

    def loss(model: Model, batch: Batch) -> Tensor:
        y = model(batch[0])
        if kind == "softmax":
            return cross_entropy(y, batch[1])
        return F.binary_cross_entropy_with_logits(y[:, 0], batch[1]) if kind == "logistic" else F.mse_loss(y[:, 0], batch[1])

    size = draw.choice("train_size", [500, 4000, 0])
    return Parts(
        make=lambda: LinearHead(inputs, outputs),
        loss=loss,
        train=Source(tensors=sample(generator(seed + 2), size)) if size else Source(sample=sample),
        validation=[sample(generator(seed + 3), 1000)],
    )


class GraphNetwork(nn.Module):
    def __init__(self, inputs: int, width: int, depth: int, outputs: int) -> None:
        super().__init__()
        self.embed = nn.Linear(inputs, width)
        self.messages = nn.ModuleList([nn.Linear(width, width) for _ in range(depth)])
        self.selves = nn.ModuleList([nn.Linear(width, width) for _ in range(depth)])
        self.head = nn.Linear(width, outputs)

    def forward(self, x: Tensor, adjacency: Tensor) -> Tensor:
        h = self.embed(x)
        mean = adjacency / adjacency.sum(-1, keepdim=True).clamp(min=1.0)
        for message, own in zip(self.messages, self.selves, strict=True):
            h = h + F.relu(own(h) + mean @ message(h))
        return self.head(h.mean(-2))


def graph(draw: Draw) -> Parts:
    """Properties of small random graphs: triangles, and a function of neighbours' features."""
    nodes, inputs = draw.choice("nodes", [8, 12]), draw.choice("inputs", [3, 6])
    width, depth = draw.choice("width", [16, 32]), draw.choice("depth", [1, 2, 3])
    seed = draw.choice("data_seed", range(1000))
    weight = torch.randn(inputs, 4, generator=generator(seed))

    def sample(g: torch.Generator, n: int) -> Batch:
        edge = torch.rand(n, 1, 1, generator=g) * 0.5 + 0.15
        upper = torch.triu((torch.rand(n, nodes, nodes, generator=g) < edge).float(), 1)
        a = upper + upper.transpose(1, 2)
        x = torch.randn(n, nodes, inputs, generator=g)
        near = torch.tanh(a @ x @ weight).mean((1, 2))
        triangles = torch.diagonal(a @ a @ a, dim1=1, dim2=2).sum(-1) / 6
        return x, a, torch.stack([torch.log1p(triangles) - 1.5, 3 * near], -1)

    def loss(model: Model, batch: Batch) -> Tensor:
        return F.mse_loss(model(batch[0], batch[1]), batch[2])

    size = draw.choice("train_size", [300, 0])
    return Parts(
        make=lambda: GraphNetwork(inputs, width, depth, 2),
        loss=loss,
        train=Source(tensors=sample(generator(seed + 2), size)) if size else Source(sample=sample),
        validation=[sample(generator(seed + 3), 256)],
        positions=nodes,
    )


def contrastive(draw: Draw) -> Parts:
    """Two noisy views of one latent point must find each other in the batch."""
    latent, inputs, code = draw.choice("latent", [4, 8]), draw.choice("inputs", [16, 32]), 8
    noise, temperature = draw.choice("noise", [0.1, 0.3, 0.6]), draw.choice("temperature", [0.1, 0.3])
    seed = draw.choice("data_seed", range(1000))
    mix = torch.randn(2, latent, inputs, generator=generator(seed))
    width, depth, activation = (
        draw.choice("width", [24, 48]),
        draw.choice("depth", [1, 2, 3]),
        draw.choice("activation", list(ACTIVATIONS)),
    )
    draw.settings["batch_min"] = 8

    def sample(g: torch.Generator, n: int) -> Batch:
        z = torch.randn(n, latent, generator=g)
        views = [torch.sin(z @ m) + noise * torch.randn(n, inputs, generator=g) for m in mix]
        return views[0], views[1]

    def loss(model: Model, batch: Batch) -> Tensor:
        a, b = (F.normalize(model(x), dim=-1) for x in batch)
        scores = a @ b.T / temperature
        return cross_entropy(scores, torch.arange(len(a)))

    return Parts(
        make=lambda: Mlp(inputs, width, depth, code, activation),
        loss=loss,
        train=Source(sample=sample),
        validation=[sample(generator(1), 64) for _ in range(1)],
        positions=2,
    )


def pinn(draw: Draw) -> Parts:
    """u'' + k u^p = f on an interval, or the heat equation, by residuals and boundary terms."""
    kind = draw.choice("kind", ["oscillator", "heat"])
    frequency = draw.choice("frequency", [1.0, 2.0, 4.0])
    width, depth, activation = (
        draw.choice("width", [16, 24, 32]),
        draw.choice("depth", [2, 3]),
        draw.choice("activation", ["tanh", "tanh", "gelu"]),
    )
    weight = draw.choice("boundary_weight", [1.0, 10.0])

    def truth(x: Tensor) -> Tensor:
        if kind == "oscillator":
            return torch.sin(frequency * math.pi * x[:, 0])
        return torch.sin(math.pi * x[:, 0]) * torch.exp(-frequency * x[:, 1])

    def residual(model: Model, x: Tensor) -> Tensor:
        along = torch.zeros_like(x)
        along[:, 0] = 1.0

        def u(points: Tensor) -> Tensor:
            return model(points)[:, 0]

        def slope(points: Tensor) -> Tensor:
            return jvp(u, (points,), (along,))[1]

        _, curve = jvp(slope, (x,), (along,))
        if kind == "oscillator":
            return (curve + (frequency * math.pi) ** 2 * truth(x)) / (frequency * math.pi) ** 2
        _, rate = jvp(u, (x,), (along.flip(1),))
        return rate - frequency / math.pi**2 * curve

    def sample(g: torch.Generator, n: int) -> Batch:
        inside = 2 * torch.rand(n, 2, generator=g) - 1
        edge = 2 * torch.rand(max(n // 2, 4), 2, generator=g) - 1
        if kind == "oscillator":
            inside[:, 1], edge[:, 1] = 0.0, 0.0
        else:
            inside[:, 1], edge[:, 1] = inside[:, 1].abs(), edge[:, 1].abs()
            edge[::2, 1] = 0.0
        start = 1 if kind == "oscillator" else 2
        sides = edge[start - 1 :: start]
        sides[:, 0] = torch.sign(sides[:, 0])
        if kind == "heat":
            edge[1::2, 0] = torch.sign(edge[1::2, 0])
        return inside, edge

    def loss(model: Model, batch: Batch) -> Tensor:
        inside, edge = batch
        return residual(model, inside).square().mean() + weight * (model(edge)[:, 0] - truth(edge)).square().mean()

    return Parts(
        make=lambda: Mlp(2, width, depth, 1, activation),
        loss=loss,
        train=Source(sample=sample),
        validation=[sample(generator(1), 256)],
        positions=6,
    )


class Field(nn.Module):
    def __init__(self, frequencies: Tensor, body: Mlp) -> None:
        super().__init__()
        self.register_buffer("frequencies", frequencies)
        self.body = body

    def forward(self, x: Tensor) -> Tensor:
        phase = x @ self.frequencies
        return self.body(torch.cat([torch.sin(phase), torch.cos(phase)], -1))


def field(draw: Draw) -> Parts:
    """A picture as a function of its coordinates, with Fourier features."""
    seed, width, depth = draw.choice("data_seed", range(1000)), draw.choice("width", [32, 64]), draw.choice("depth", [2, 3])
    spread, count = draw.choice("spread", [1.0, 3.0, 6.0]), 16
    g = generator(seed)
    waves, heights, phases = 3 * torch.randn(2, 12, generator=g), torch.randn(12, generator=g), 6 * torch.rand(12, generator=g)
    frequencies = spread * torch.randn(2, count, generator=g)

    def picture(x: Tensor) -> Tensor:
        return (heights * torch.tanh(2 * torch.sin(x @ waves + phases))).sum(-1) / 3

    def sample(g: torch.Generator, n: int) -> Batch:
        x = 2 * torch.rand(n, 2, generator=g) - 1
        return x, picture(x)

    def loss(model: Model, batch: Batch) -> Tensor:
        return F.mse_loss(model(batch[0])[:, 0], batch[1])

    return Parts(
        make=lambda: Field(frequencies, Mlp(2 * count, width, depth, 1, "relu")),
        loss=loss,
        train=Source(sample=sample),
        validation=[sample(generator(1), 512)],
    )


def fake_quantize(weight: Tensor, bits: int) -> Tensor:
    """Rounded to a few levels going forward, untouched going back."""
    step = weight.detach().abs().amax() / (2 ** (bits - 1) - 1)
    return weight + (torch.round(weight / step) * step - weight).detach()


class QuantizedMlp(Mlp):
    bits = 4

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = self.activation(F.linear(x, fake_quantize(layer.weight, self.bits), layer.bias))
        return self.head(x)


class DeepLinear(nn.Module):
    def __init__(self, inputs: int, width: int, depth: int, outputs: int) -> None:
        super().__init__()
        sizes = [inputs] + [width] * depth
        self.layers = nn.ModuleList([nn.Linear(a, b, bias=False) for a, b in itertools.pairwise(sizes)])
        self.head = nn.Linear(width, outputs, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = layer(x)
        return self.head(x)


def teacher(draw: Draw) -> Parts:
    """A student after a random teacher: plain, with quantized weights, or linear."""
    kind = draw.choice("kind", ["plain", "plain", "quantized", "linear"])
    inputs, outputs = draw.choice("inputs", [8, 24, 64]), draw.choice("outputs", [1, 8])
    width, depth, activation = (
        draw.choice("width", [16, 32, 64, 128]),
        draw.choice("depth", [1, 2, 3, 5]),
        draw.choice("activation", list(ACTIVATIONS)),
    )
    noise, seed, spread = (
        draw.choice("label_noise", [0.0, 0.1, 0.5]),
        draw.choice("data_seed", range(1000)),
        draw.choice("spread", [0.0, 0.7]),
    )
    g = generator(seed)
    first, second = torch.randn(inputs, 16, generator=g) / math.sqrt(inputs), torch.randn(16, outputs, generator=g) / 4
    scale = scales(inputs, spread, seed + 1)

    def sample(g: torch.Generator, n: int) -> Batch:
        x = torch.randn(n, inputs, generator=g)
        h = x @ first
        y = (h if kind == "linear" else F.relu(2 * h)) @ second
        return x * scale, y + noise * torch.randn(y.shape, generator=g)

    def make() -> nn.Module:
        if kind == "linear":
            return DeepLinear(inputs, width, depth, outputs)
        return (QuantizedMlp if kind == "quantized" else Mlp)(inputs, width, depth, outputs, activation)

    def loss(model: Model, batch: Batch) -> Tensor:
        return F.mse_loss(model(batch[0]), batch[1])

    size = draw.choice("train_size", [300, 0, 0])
    return Parts(
        make=make,
        loss=loss,
        train=Source(tensors=sample(generator(seed + 2), size)) if size else Source(sample=sample),
        validation=[sample(generator(seed + 3), 512)],
    )


def bandit(draw: Draw) -> Parts:
    """REINFORCE on a contextual bandit; actions are drawn with noise that comes with the batch. Metric: expected loss of
    reward.
    """
    inputs, actions = draw.choice("inputs", [6, 16]), draw.choice("actions", [4, 10])
    width, depth = draw.choice("width", [16, 32, 64]), draw.choice("depth", [1, 2])
    noise, seed = draw.choice("reward_noise", [0.1, 0.5, 1.0]), draw.choice("data_seed", range(1000))
    g = generator(seed)
    first, second = torch.randn(inputs, 16, generator=g), torch.randn(16, actions, generator=g)

    def sample(g: torch.Generator, n: int) -> Batch:
        x = torch.randn(n, inputs, generator=g)
        rewards = torch.tanh(x @ first) @ second / 3
        gumbel = -torch.log(-torch.log(torch.rand(n, actions, generator=g).clamp(1e-9, 1 - 1e-7)))
        return x, rewards, rewards + noise * torch.randn(n, actions, generator=g), gumbel

    def loss(model: Model, batch: Batch) -> Tensor:
        x, _, noisy, gumbel = batch
        logits = torch.log_softmax(model(x), -1)
        action = (logits.detach() + gumbel).argmax(-1, keepdim=True)
        reward = noisy.gather(-1, action)[:, 0]
        return -(logits.gather(-1, action)[:, 0] * (reward - 0.5)).mean()

    def metric(model: Model, batch: Batch) -> Tensor:
        x, rewards, _, _ = batch
        return (rewards.amax(-1) - (torch.softmax(model(x), -1) * rewards).sum(-1)).mean()

    return Parts(
        make=lambda: Mlp(inputs, width, depth, actions, "tanh"),
        loss=loss,
        metric=metric,
        train=Source(sample=sample),
        validation=[sample(generator(1), 512)],
    )


def control(draw: Draw) -> Parts:
    """REINFORCE on a point that must be pushed to the origin by one of four pushes; return to go, mean as baseline."""
    horizon, width, depth = draw.choice("horizon", [6, 10]), draw.choice("width", [16, 32]), draw.choice("depth", [1, 2])
    wind = draw.choice("wind", [0.0, 0.1, 0.3])
    pushes = torch.tensor([[0.3, 0.0], [-0.3, 0.0], [0.0, 0.3], [0.0, -0.3]])
    draw.settings["batch_min"] = 4

    def sample(g: torch.Generator, n: int) -> Batch:
        gumbel = -torch.log(-torch.log(torch.rand(n, horizon, 4, generator=g).clamp(1e-9, 1 - 1e-7)))
        return (
            torch.randn(n, 4, generator=g) * torch.tensor([1.0, 1.0, 0.3, 0.3]),
            gumbel,
            wind * torch.randn(n, horizon, 2, generator=g),
        )

    def rollout(model: Model, batch: Batch) -> tuple[Tensor, Tensor]:
        state, gumbel, gusts = batch
        logs, costs = [], []
        for t in range(horizon):
            logits = torch.log_softmax(model(state), -1)
            action = (logits.detach() + gumbel[:, t]).argmax(-1)
            logs.append(logits.gather(-1, action[:, None])[:, 0])
            speed = 0.8 * state[:, 2:] + pushes[action] + gusts[:, t]
            state = torch.cat([state[:, :2] + speed, speed], -1)
            costs.append(state[:, :2].square().sum(-1).clamp(max=9.0))
        return torch.stack(logs, -1), torch.stack(costs, -1)

    def loss(model: Model, batch: Batch) -> Tensor:
        logs, costs = rollout(model, batch)
        to_go = costs.flip(-1).cumsum(-1).flip(-1).detach()
        return (logs * (to_go - to_go.mean(0, keepdim=True))).sum(-1).mean() / horizon

    def metric(model: Model, batch: Batch) -> Tensor:
        return rollout(model, batch)[1].mean()

    return Parts(
        make=lambda: Mlp(4, width, depth, 4, "tanh"),
        loss=loss,
        metric=metric,
        train=Source(sample=sample),
        validation=[sample(generator(1), 512)],
        positions=horizon,
    )


FAMILIES = {
    "tabular": tabular,
    "convex": convex,
    "graph": graph,
    "contrastive": contrastive,
    "pinn": pinn,
    "field": field,
    "teacher": teacher,
    "bandit": bandit,
    "control": control,
}
