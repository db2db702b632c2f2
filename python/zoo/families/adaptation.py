# SPDX-License-Identifier: Apache-2.0
"""Training that starts from a trained state: all weights, low-rank additions, or the last layers only."""

from __future__ import annotations

import copy
from collections.abc import Callable

import torch
from torch import Tensor, nn

from zoo.families.blocks import Mlp, Transformer, cross_entropy, draw_images, english_text, generator, markov_text, templates
from zoo.families.sequences import next_token_loss, text_source, text_validation
from zoo.problem import Batch, Draw, Model, Parts, Source


def pretrain(model: nn.Module, loss: Callable[[Model, Batch], Tensor], source: Source, steps: int) -> nn.Module:
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    stream = source.stream(generator(11), 32)
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = 3e-3 * (1 - step / steps)
        optimizer.zero_grad()
        loss(model, next(stream)).backward()
        optimizer.step()
    return model


class LowRank(nn.Module):
    """A frozen linear map with a trained low-rank addition."""

    def __init__(self, base: nn.Linear, rank: int) -> None:
        super().__init__()
        self.base = base
        self.down = nn.Parameter(torch.randn(rank, base.in_features) / base.in_features**0.5)
        self.up = nn.Parameter(torch.zeros(base.out_features, rank))

    def forward(self, x: Tensor) -> Tensor:
        return self.base(x) + 2.0 * (x @ self.down.T) @ self.up.T


def adapt(model: nn.Module, how: str, rank: int) -> nn.Module:
    model = copy.deepcopy(model)
    if how == "all":
        return model
    for p in model.parameters():
        p.requires_grad_(False)
    if how == "lora":
        for parent in list(model.modules()):
            for name, child in list(parent.named_children()):
                if isinstance(child, nn.Linear) and name != "head":
                    setattr(parent, name, LowRank(child, rank))
    else:  # the last hidden layer, the norm before the head, and the head
        last = model.blocks[-1] if isinstance(model, Transformer) else model.layers[-1]
        for p in last.parameters():
            p.requires_grad_(True)
    for p in model.head.parameters():
        p.requires_grad_(how != "lora" or isinstance(model, Mlp))
    return model


def adaptation(draw: Draw, how: str) -> Parts:
    seed, rank = draw.choice("data_seed", range(1000)), draw.choice("rank", [2, 4, 8])
    steps = draw.choice("pretraining", [100, 300])
    trained: list[nn.Module] = []  # made once
    if draw.chance("text", 0.5):
        length, vocabulary = 16, 25
        old = markov_text(vocabulary, 60_000, seed)
        new = english_text()[0] if draw.chance("english", 0.5) else markov_text(vocabulary, 200_000, seed + 1, 1)
        limit = draw.choice("train_tokens", [6000, 100_000, 100_000])
        source = text_source(new[:limit], length + 1)
        width, depth = draw.choice("width", [16, 32]), draw.choice("depth", [1, 2])

        def make_text() -> nn.Module:
            if not trained:
                torch.manual_seed(77)
                trained.append(
                    pretrain(
                        Transformer(vocabulary, length, width, depth, 2, True),
                        next_token_loss,
                        text_source(old, length + 1),
                        steps,
                    )
                )
            return adapt(trained[0], how, rank)

        return Parts(
            make=make_text,
            loss=next_token_loss,
            train=source,
            validation=text_validation(new[150_000:], length + 1),
            positions=length,
        )
    size, noise, classes = 8, draw.choice("noise", [0.5, 1.0]), 8
    first, second = templates(classes, 1, size, seed), templates(classes, 1, size, seed + 1)
    second = 0.6 * first.roll(1, 0) + 0.6 * second
    width, depth = draw.choice("width", [32, 64]), draw.choice("depth", [2, 3])

    def sample(base: Tensor, g: torch.Generator, n: int) -> Batch:
        x, y = draw_images(base, n, noise, g)
        return x.flatten(1), y

    def loss(model: Model, batch: Batch) -> Tensor:
        return cross_entropy(model(batch[0]), batch[1])

    def make() -> nn.Module:
        if not trained:
            torch.manual_seed(77)
            trained.append(
                pretrain(Mlp(size * size, width, depth, classes), loss, Source(sample=lambda g, n: sample(first, g, n)), steps)
            )
        model = adapt(trained[0], how, rank)
        model.head.reset_parameters()
        return model

    count = draw.choice("train_size", [200, 2000, 0])
    source = Source(tensors=sample(second, generator(2), count)) if count else Source(sample=lambda g, n: sample(second, g, n))
    return Parts(make=make, loss=loss, train=source, validation=[sample(second, generator(1), 400)])


FAMILIES = {
    "fine_tuning": lambda draw: adaptation(draw, "all"),
    "lora": lambda draw: adaptation(draw, "lora"),
    "frozen": lambda draw: adaptation(draw, "frozen"),
}
