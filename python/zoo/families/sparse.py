# SPDX-License-Identifier: Apache-2.0
"""Models that are mostly embeddings: matrix factorization, recommenders, word vectors, bags of words."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zoo.families.blocks import Mlp, cross_entropy, generator
from zoo.families.sequences import text_of
from zoo.problem import Batch, Draw, Model, Parts, Source


class Factorization(nn.Module):
    def __init__(self, users: int, items: int, rank: int, scale: float, body: Mlp | None) -> None:
        super().__init__()
        self.users, self.items = nn.Embedding(users, rank), nn.Embedding(items, rank)
        self.user_bias, self.item_bias = nn.Embedding(users, 1), nn.Embedding(items, 1)
        with torch.no_grad():
            for table in (self.users, self.items):
                table.weight.mul_(scale)
            for table in (self.user_bias, self.item_bias):
                table.weight.zero_()
        if body is not None:
            self.body = body
        self.has_body = body is not None

    def forward(self, user: Tensor, item: Tensor) -> Tensor:
        u, v = self.users(user), self.items(item)
        if self.has_body:
            return self.body(torch.cat([u, v], -1))[:, 0]
        return (u * v).sum(-1) + self.user_bias(user)[:, 0] + self.item_bias(item)[:, 0]


def recommender(draw: Draw) -> Parts:
    """Ratings (squares) or clicks (logistic) of users and items, popular ones more often; a product or a network on top."""
    users, items, rank = draw.choice("users", [50, 200, 500]), draw.choice("items", [50, 200]), draw.choice("rank", [4, 8, 16])
    clicks, noise = draw.chance("clicks", 0.5), draw.choice("label_noise", [0.1, 0.5])
    scale, deep = draw.choice("embedding_scale", [0.05, 0.3]), draw.chance("deep", 0.35)
    width = draw.choice("width", [16, 32])
    seed = draw.choice("data_seed", range(1000))
    g = generator(seed)
    truth_u, truth_v = torch.randn(users, 4, generator=g), torch.randn(items, 4, generator=g)
    popularity = 1.0 / torch.arange(1, items + 1) ** draw.choice("zipf", [0.0, 1.0])

    def sample(g: torch.Generator, n: int) -> Batch:
        u = torch.randint(0, users, (n,), generator=g)
        v = torch.multinomial(popularity, n, replacement=True, generator=g)
        y = (truth_u[u] * truth_v[v]).sum(-1) / 2 + noise * torch.randn(n, generator=g)
        return u, v, (y > 0).float() if clicks else y

    def loss(model: Model, batch: Batch) -> Tensor:
        y = model(batch[0], batch[1])
        return F.binary_cross_entropy_with_logits(y, batch[2]) if clicks else F.mse_loss(y, batch[2])

    size = draw.choice("train_size", [5000, 0])
    return Parts(
        make=lambda: Factorization(users, items, rank, scale, Mlp(2 * rank, width, 2, 1) if deep else None),
        loss=loss,
        train=Source(tensors=sample(generator(seed + 2), size)) if size else Source(sample=sample),
        validation=[sample(generator(seed + 3), 1000)],
    )


class WordVectors(nn.Module):
    def __init__(self, vocabulary: int, width: int) -> None:
        super().__init__()
        self.tokens = nn.Embedding(vocabulary, width)
        self.head = nn.Linear(width, vocabulary)
        with torch.no_grad():
            self.tokens.weight.mul_(0.1)

    def forward(self, context: Tensor) -> Tensor:
        return self.head(self.tokens(context).mean(1))


def word_vectors(draw: Draw) -> Parts:
    """A word from the words around it, by the mean of their vectors."""
    reach, width = draw.choice("reach", [1, 2, 4]), draw.choice("width", [8, 16, 32])
    train, held_out, vocabulary = text_of(draw)

    def sample(text: Tensor, g: torch.Generator, n: int) -> Batch:
        centre = torch.randint(reach, len(text) - reach, (n,), generator=g)
        offsets = torch.cat([torch.arange(-reach, 0), torch.arange(1, reach + 1)])
        return text[centre[:, None] + offsets], text[centre]

    def loss(model: Model, batch: Batch) -> Tensor:
        return cross_entropy(model(batch[0]), batch[1])

    return Parts(
        make=lambda: WordVectors(vocabulary, width),
        loss=loss,
        train=Source(sample=lambda g, n: sample(train, g, n)),
        validation=[sample(held_out, generator(1), 1000)],
        positions=2,
    )


def bag_of_words(draw: Draw) -> Parts:
    """Topics of short documents: summed word vectors, and a small network or only a head."""
    words, topics, length = draw.choice("words", [100, 400, 1000]), draw.choice("topics", [4, 10]), draw.choice("length", [6, 12])
    width, depth = draw.choice("width", [8, 16, 32]), draw.choice("depth", [0, 0, 1, 2])
    seed = draw.choice("data_seed", range(1000))
    prior = -torch.log(torch.arange(1, words + 1, dtype=torch.float32))
    table = torch.softmax(
        prior + draw.choice("sharpness", [0.5, 1.0]) * torch.randn(topics, words, generator=generator(seed)), -1
    )

    class Bag(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.tokens = nn.Embedding(words, width)
            self.body = Mlp(width, width, depth, topics)

        def forward(self, x: Tensor) -> Tensor:
            return self.body(self.tokens(x).sum(1) / math.sqrt(length))

    def sample(g: torch.Generator, n: int) -> Batch:
        y = torch.randint(0, topics, (n,), generator=g)
        return torch.multinomial(table[y], length, replacement=True, generator=g), y

    def loss(model: Model, batch: Batch) -> Tensor:
        return cross_entropy(model(batch[0]), batch[1])

    size = draw.choice("train_size", [500, 3000, 0])
    return Parts(
        make=Bag,
        loss=loss,
        train=Source(tensors=sample(generator(seed + 2), size)) if size else Source(sample=sample),
        validation=[sample(generator(seed + 3), 1000)],
    )


FAMILIES = {"recommender": recommender, "word_vectors": word_vectors, "bag_of_words": bag_of_words}
