# SPDX-License-Identifier: Apache-2.0
"""Sequence models: GPT, masked language model, algorithmic tasks, recurrent networks, diagonal state spaces."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from zoo.families.blocks import Transformer, cross_entropy, english_text, generator, markov_text, windows
from zoo.problem import Batch, Draw, Model, Parts, Source


def text_of(draw: Draw) -> tuple[Tensor, Tensor, int]:
    """Training text, validation text, vocabulary."""
    if draw.chance("english", 0.4):
        text, vocabulary = english_text()
    else:
        vocabulary = draw.choice("vocabulary", [16, 32, 48])
        sharpness = draw.choice("sharpness", [1.5, 2.5, 4.0])
        text = markov_text(vocabulary, 200_000, draw.choice("data_seed", range(1000)), draw.choice("order", [1, 1, 2]), sharpness)
    limit = draw.choice("train_tokens", [6000, 30_000, 150_000, 150_000, 150_000, 150_000])
    return text[:limit], text[160_000:190_000], vocabulary


def text_source(text: Tensor, length: int) -> Source:
    return Source(sample=lambda g, n: (windows(text, length, torch.randint(0, len(text) - length, (n,), generator=g)),))


def text_validation(text: Tensor, length: int, count: int = 64) -> list[Batch]:
    return [(windows(text, length, torch.randint(0, len(text) - length, (count,), generator=generator(1))),)]


def next_token_loss(model: Model, batch: Batch) -> Tensor:
    return cross_entropy(model(batch[0][:, :-1]), batch[0][:, 1:])


def gpt(draw: Draw) -> Parts:
    train, held_out, vocabulary = text_of(draw)
    length = draw.choice("length", [12, 16, 24])
    width, depth = draw.choice("width", [16, 24, 32, 48]), draw.choice("depth", [1, 2, 2, 3])
    return Parts(
        make=lambda: Transformer(vocabulary, length, width, depth, 2, causal=True),
        loss=next_token_loss,
        train=text_source(train, length + 1),
        validation=text_validation(held_out, length + 1),
        positions=length,
    )


def masked_lm(draw: Draw) -> Parts:
    train, held_out, vocabulary = text_of(draw)
    length = draw.choice("length", [12, 16, 24])
    width, depth = draw.choice("width", [16, 24, 32]), draw.choice("depth", [1, 2])
    share = draw.choice("masked", [0.15, 0.3])

    def sample(text: Tensor, g: torch.Generator, n: int) -> Batch:
        tokens = windows(text, length, torch.randint(0, len(text) - length, (n,), generator=g))
        mask = torch.rand(tokens.shape, generator=g) < share
        mask[:, length // 2] = True
        return torch.where(mask, vocabulary, tokens), tokens, mask.float()

    def loss(model: Model, batch: Batch) -> Tensor:
        shown, tokens, mask = batch
        logits = torch.log_softmax(model(shown), -1)
        chosen = -logits.gather(-1, tokens[..., None])[..., 0]
        return (chosen * mask).sum() / mask.sum()

    return Parts(
        make=lambda: Transformer(vocabulary + 1, length, width, depth, 2, causal=False),
        loss=loss,
        train=Source(sample=lambda g, n: sample(train, g, n)),
        validation=[sample(held_out, generator(1), 64)],
        positions=length,
    )


def algorithmic(draw: Draw) -> Parts:
    """Modular addition or copying backwards by a transformer; the training set of the addition is a part of all pairs."""
    width, depth = draw.choice("width", [16, 32, 48]), draw.choice("depth", [1, 2])
    task = draw.choice("task", ["modular", "reverse", "sort"])
    if task == "modular":
        p = draw.choice("modulus", [11, 17, 23])
        pairs = torch.cartesian_prod(torch.arange(p), torch.arange(p))
        pairs = pairs[torch.randperm(len(pairs), generator=generator(3))]
        data = torch.stack([pairs[:, 0], pairs[:, 1], torch.full((len(pairs),), p), (pairs[:, 0] + pairs[:, 1]) % p], 1)
        cut = int(len(data) * draw.choice("share", [0.5, 0.8]))

        def last_loss(model: Model, batch: Batch) -> Tensor:
            return cross_entropy(model(batch[0][:, :3])[:, -1], batch[0][:, 3])

        return Parts(
            make=lambda: Transformer(p + 1, 3, width, depth, 2, causal=True, outputs=p),
            loss=last_loss,
            train=Source(tensors=(data[:cut],)),
            validation=[(data[cut:],)],
            positions=3,
        )
    count, symbols = draw.choice("count", [4, 6, 8]), draw.choice("symbols", [6, 10])

    def sample(g: torch.Generator, n: int) -> Batch:
        x = torch.randint(0, symbols, (n, count), generator=g)
        y = x.flip(1) if task == "reverse" else x.sort(1).values
        return (torch.cat([x, torch.full((n, 1), symbols), y], 1),)

    def answer_loss(model: Model, batch: Batch) -> Tensor:
        return cross_entropy(model(batch[0][:, :-1])[:, count:], batch[0][:, count + 1 :])

    return Parts(
        make=lambda: Transformer(symbols + 1, 2 * count, width, depth, 2, causal=True),
        loss=answer_loss,
        train=Source(sample=sample),
        validation=[sample(generator(1), 256)],
        positions=2 * count,
    )


class Recurrent(nn.Module):
    def __init__(self, kind: str, vocabulary: int, width: int, outputs: int) -> None:
        super().__init__()
        self.tokens = nn.Embedding(vocabulary, width)
        self.gates = {"lstm": 4, "gru": 3, "rnn": 1}[kind]
        self.inputs, self.recurrent = nn.Linear(width, self.gates * width), nn.Linear(width, self.gates * width)
        self.head = nn.Linear(width, outputs)
        self.kind, self.width = kind, width

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.inputs(self.tokens(tokens))
        h = torch.zeros_like(x[:, 0, : self.width])
        c = h
        states = []
        for t in range(tokens.shape[-1]):
            a, b = x[:, t], self.recurrent(h)
            if self.kind == "lstm":
                i, f, g, o = (a + b).chunk(4, -1)
                c = torch.sigmoid(f + 1.0) * c + torch.sigmoid(i) * torch.tanh(g)
                h = torch.sigmoid(o) * torch.tanh(c)
            elif self.kind == "gru":
                (ar, az, an), (br, bz, bn) = a.chunk(3, -1), b.chunk(3, -1)
                z = torch.sigmoid(az + bz)
                h = (1 - z) * torch.tanh(an + torch.sigmoid(ar + br) * bn) + z * h
            else:
                h = torch.tanh(a + b)
            states.append(h)
        return self.head(torch.stack(states, 1))


def recurrent(draw: Draw) -> Parts:
    kind = draw.choice("kind", ["lstm", "gru", "gru", "rnn"])
    width = draw.choice("width", [16, 24, 32, 48])
    length = draw.choice("length", [8, 12, 16])
    if draw.chance("recall", 0.35):  # say again the first symbol at the end
        symbols = draw.choice("symbols", [4, 8])

        def sample(g: torch.Generator, n: int) -> Batch:
            x = torch.randint(0, symbols, (n, length), generator=g)
            return x, (x[:, 0] + x[:, 1]) % symbols

        def loss(model: Model, batch: Batch) -> Tensor:
            return cross_entropy(model(batch[0])[:, -1], batch[1])

        return Parts(
            make=lambda: Recurrent(kind, symbols, width, symbols),
            loss=loss,
            train=Source(sample=sample),
            validation=[sample(generator(1), 256)],
            positions=length,
        )
    train, held_out, vocabulary = text_of(draw)
    return Parts(
        make=lambda: Recurrent(kind, vocabulary, width, vocabulary),
        loss=next_token_loss,
        train=text_source(train, length + 1),
        validation=text_validation(held_out, length + 1),
        positions=length,
    )


class StateSpace(nn.Module):
    """Diagonal linear recurrences as convolutions, with gates between."""

    def __init__(self, vocabulary: int, width: int, depth: int, states: int, outputs: int) -> None:
        super().__init__()
        self.tokens = nn.Embedding(vocabulary, width)
        self.mixes = nn.ModuleList([nn.Linear(width, 2 * width) for _ in range(depth)])
        self.outs = nn.ModuleList([nn.Linear(width, width) for _ in range(depth)])
        self.norms = nn.ModuleList([nn.LayerNorm(width) for _ in range(depth)])
        self.decays = nn.ParameterList([nn.Parameter(torch.linspace(-3.0, 1.0, states).repeat(width)) for _ in range(depth)])
        self.weights = nn.ParameterList([nn.Parameter(torch.randn(width * states) / states) for _ in range(depth)])
        self.head = nn.Linear(width, outputs)
        self.states = states

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.tokens(tokens)
        length, width = x.shape[-2:]
        ages = torch.arange(length)
        lag = ages[:, None] - ages[None]
        for mix, out, norm, decay, weight in zip(self.mixes, self.outs, self.norms, self.decays, self.weights, strict=True):
            u, gate = mix(norm(x)).chunk(2, -1)
            rate = torch.exp(decay.view(width, self.states, 1))
            kernel = (weight.view(width, self.states, 1) * torch.exp(-rate * ages)).sum(1)
            causal = kernel[:, lag.clamp(min=0)] * (lag >= 0)
            x = x + out(torch.einsum("dts,nsd->ntd", causal, u) * torch.sigmoid(gate))
        return self.head(x)


def state_space(draw: Draw) -> Parts:
    train, held_out, vocabulary = text_of(draw)
    width, depth = draw.choice("width", [16, 24, 32]), draw.choice("depth", [1, 2])
    length, states = draw.choice("length", [12, 16, 24]), draw.choice("states", [4, 8])
    return Parts(
        make=lambda: StateSpace(vocabulary, width, depth, states, vocabulary),
        loss=next_token_loss,
        train=text_source(train, length + 1),
        validation=text_validation(held_out, length + 1),
        positions=length,
    )


FAMILIES = {"gpt": gpt, "masked_lm": masked_lm, "algorithmic": algorithmic, "recurrent": recurrent, "state_space": state_space}
