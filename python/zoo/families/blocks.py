# SPDX-License-Identifier: Apache-2.0
"""Modules and data that several families use. All of it works under torch.func.vmap."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {"relu": F.relu, "gelu": F.gelu, "tanh": torch.tanh, "silu": F.silu}


class Mlp(nn.Module):
    def __init__(
        self,
        inputs: int,
        width: int,
        depth: int,
        outputs: int,
        activation: str = "relu",
        norm: bool = False,
        residual: bool = False,
    ) -> None:
        super().__init__()
        sizes = [inputs] + [width] * depth
        self.layers = nn.ModuleList([nn.Linear(a, b) for a, b in itertools.pairwise(sizes)])
        self.norms = nn.ModuleList([nn.LayerNorm(width) for _ in range(depth)]) if norm else None
        self.head = nn.Linear(sizes[-1], outputs)
        self.activation, self.residual = ACTIVATIONS[activation], residual

    def features(self, x: Tensor) -> Tensor:
        for i, layer in enumerate(self.layers):
            y = layer(x)
            if self.norms is not None:
                y = self.norms[i](y)
            y = self.activation(y)
            x = x + y if self.residual and i > 0 else y
        return x

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.features(x))


class Block(nn.Module):
    """Attention and feed-forward, normalized before."""

    def __init__(self, width: int, heads: int, causal: bool, ratio: int = 4) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, ratio * width), nn.Linear(ratio * width, width)
        self.heads, self.causal = heads, causal

    def forward(self, x: Tensor) -> Tensor:
        count, length, width = x.shape
        size = width // self.heads
        q, k, v = self.qkv(self.norm1(x)).view(count, length, 3, self.heads, size).permute(2, 0, 3, 1, 4)
        scores = q @ k.transpose(-1, -2) / math.sqrt(size)
        if self.causal:
            scores = scores + torch.triu(torch.full((length, length), -1e9), 1)
        mixed = torch.softmax(scores, -1) @ v
        x = x + self.out(mixed.transpose(1, 2).reshape(count, length, width))
        return x + self.down(F.gelu(self.up(self.norm2(x))))


class Transformer(nn.Module):
    """Token sequence -> logits at every position."""

    def __init__(
        self, vocabulary: int, length: int, width: int, depth: int, heads: int, causal: bool, outputs: int | None = None
    ) -> None:
        super().__init__()
        self.tokens, self.positions = nn.Embedding(vocabulary, width), nn.Embedding(length, width)
        with torch.no_grad():
            self.tokens.weight.mul_(0.3)
            self.positions.weight.mul_(0.3)
        self.blocks = nn.ModuleList([Block(width, heads, causal) for _ in range(depth)])
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, outputs or vocabulary)

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.tokens(tokens) + self.positions(torch.arange(tokens.shape[-1]))
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x))


def generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def markov_text(vocabulary: int, length: int, seed: int, order: int = 2, sharpness: float = 2.0) -> Tensor:
    """Tokens from a random chain of the given order with Zipf-like marginals."""
    g = generator(seed)
    prior = -torch.log(torch.arange(1, vocabulary + 1, dtype=torch.float32))
    states = min(vocabulary**order, 4096)
    table = torch.softmax(prior + sharpness * torch.randn(states, vocabulary, generator=g), -1)
    parallel = 64  # chains side by side, one after another in the text
    tokens = torch.randint(0, vocabulary, (length // parallel, parallel), generator=g)
    state = torch.randint(0, states, (parallel,), generator=g)
    for i in range(tokens.shape[0]):
        tokens[i] = torch.multinomial(table[state], 1, generator=g)[:, 0]
        state = (state * vocabulary + tokens[i]) % states
    return tokens.T.reshape(-1)


def english_text(limit: int = 300_000) -> tuple[Tensor, int]:
    """Characters of the help texts that come with Python, lower-cased, rare ones merged; and the number of characters."""
    from pydoc_data import topics

    text = "\n".join(topics.topics[k] for k in sorted(topics.topics)).lower()[:limit]
    alphabet = " \netaoinsrhldcupmfgbywvk"
    index = {c: i for i, c in enumerate(alphabet)}
    return torch.tensor([index.get(c, len(alphabet)) for c in text]), len(alphabet) + 1


def windows(text: Tensor, length: int, starts: Tensor) -> Tensor:
    return text[starts[:, None] + torch.arange(length)]


def templates(classes: int, channels: int, size: int, seed: int) -> Tensor:
    """One smooth random image a class."""
    g = generator(seed)
    coarse = torch.randn(classes, channels, 4, 4, generator=g)
    images = F.interpolate(coarse, size=(size, size), mode="bilinear", align_corners=False)
    return images + 0.3 * torch.randn(classes, channels, size, size, generator=g)


def draw_images(base: Tensor, count: int, noise: float, g: torch.Generator) -> tuple[Tensor, Tensor]:
    """Templates, shifted, scaled, mixed with another class and noised."""
    classes, _, size, _ = base.shape
    labels = torch.randint(0, classes, (count,), generator=g)
    shift = torch.randint(-2, 3, (count, 2), generator=g)
    rows = (torch.arange(size)[None] + shift[:, :1]) % size
    columns = (torch.arange(size)[None] + shift[:, 1:]) % size
    images = base[labels]
    images = images.gather(2, rows[:, None, :, None].expand_as(images)).gather(3, columns[:, None, None, :].expand_as(images))
    other = base[torch.randint(0, classes, (count,), generator=g)]
    gain = 0.5 + torch.rand(count, 1, 1, 1, generator=g)
    return gain * images + 0.3 * other + noise * torch.randn(images.shape, generator=g), labels


def corrupt(labels: Tensor, classes: int, rate: float, g: torch.Generator) -> Tensor:
    if rate == 0.0:
        return labels
    wrong = torch.rand(labels.shape, generator=g) < rate
    return torch.where(wrong, torch.randint(0, classes, labels.shape, generator=g), labels)


def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    return F.cross_entropy(logits.reshape(-1, logits.shape[-1]), labels.reshape(-1))
