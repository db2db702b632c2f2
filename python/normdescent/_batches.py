# SPDX-License-Identifier: Apache-2.0
"""Whatever gives batches, as streams of batches that nobody has had before.

A loss may take labels out of a batch or normalize it in place; a list gives the same objects in every epoch. So what is handed
out is a copy unless the loader is known to make each batch anew, and nothing is asked of a batch: no length, no shape, no type.
"""

from __future__ import annotations

import copy
import itertools
import random
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy
import torch
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset
from torch.utils.data._utils.collate import default_collate

from ._errors import ProblemError
from ._seeds import derive

# A pass may be a little shorter than the first one (batches by token count), not much.
_LEAST_OF_FIRST_PASS = 0.9


def fresh(value: Any) -> Any:
    """A copy that shares nothing that can be changed: plain containers of tensors fast, all else by copy.deepcopy.

    What refuses to be copied is handed out itself.
    """
    kind = type(value)
    if kind is torch.Tensor and not value.requires_grad:
        return value.clone()
    if kind in (str, int, float, bool, bytes, type(None)):
        return value
    if kind is tuple:
        return tuple([fresh(v) for v in value])
    if kind is list:
        return [fresh(v) for v in value]
    if kind is dict:
        return {k: fresh(v) for k, v in value.items()}
    try:
        return copy.deepcopy(value)
    except Exception:
        return value


def moved(value: Any, device: torch.device) -> Any:
    """Plain containers of tensors on another device; what is no plain container is left to the loss."""
    kind = type(value)
    if kind is torch.Tensor:
        return value.to(device, non_blocking=True)
    if kind is tuple:
        return tuple([moved(v, device) for v in value])
    if kind is list:
        return [moved(v, device) for v in value]
    if kind is dict:
        return {k: moved(v, device) for k, v in value.items()}
    return value


class Source:
    """One argument (`train` or `validation`) as something that can be read any number of times.

    what        the argument's name, for messages
    epoch(seed) one pass; the seed decides the order where the source lets it
    """

    makes_anew = False  # whether each batch is a new object, so that no copy is needed
    may_be_endless = False

    def __init__(self, what: str) -> None:
        self.what = what
        self._first_pass: int | None = None

    def epoch(self, seed: int) -> Iterator[Any]:
        raise NotImplementedError

    def length(self) -> int | None:
        """Batches of one pass, where the source says it without being read."""
        return None

    def counted_epoch(self, seed: int) -> Iterator[Any]:
        """A pass that notices when a source that was read before has less to give."""
        count = 0
        for batch in self.epoch(seed):
            count += 1
            yield batch if self.makes_anew else fresh(batch)
        self._finished(count)

    def _finished(self, count: int) -> None:
        if count == 0:
            again = "" if self._first_pass is None else f" when it is read again (the first pass had {self._first_pass})"
            raise ProblemError(
                f"{self.what}: no batch{again}; expected something that can be read many times: a DataLoader, a Dataset with "
                "batch_size, a list of batches, or a callable train(seed) that makes a new iterator"
            )
        if self._first_pass is None:
            self._first_pass = count
        if count < _LEAST_OF_FIRST_PASS * self._first_pass:
            raise ProblemError(
                f"{self.what}: {count} batches when it is read again, {self._first_pass} the first time; expected the same "
                "data in every pass (is an iterator kept between passes?)"
            )

    def endless(self, seed: int) -> Iterator[Any]:
        """Passes one after the other, each with a seed of its own."""
        number = 0
        while True:
            yield from self.counted_epoch(derive(seed, "pass", number))
            number += 1

    @contextmanager
    def left_as_found(self) -> Iterator[None]:
        yield


class _Iterable(Source):
    def __init__(self, what: str, batches: Iterable[Any]) -> None:
        super().__init__(what)
        self._batches = batches

    def epoch(self, seed: int) -> Iterator[Any]:
        # The order is the owner's: a list of batches stays in its order.
        if isinstance(self._batches, (list, tuple)):
            return iter(self._batches)
        return _with_streams(iter(self._batches), derive(seed, "data"), True)

    def length(self) -> int | None:
        return _len(self._batches)


class _Callable(Source):
    may_be_endless = True

    def __init__(self, what: str, make: Callable[[int], Any]) -> None:
        super().__init__(what)
        self._make = make
        self._last: Any = None

    def epoch(self, seed: int) -> Iterator[Any]:
        made = self._make(seed)
        if made is None or not hasattr(made, "__iter__"):
            raise ProblemError(f"{self.what}(seed) gave a {type(made).__name__}; expected an iterator of batches")
        if made is self._last and iter(made) is made:
            raise ProblemError(
                f"{self.what}(seed) gave the same iterator twice, and an iterator can be read only once; expected a new one "
                "at each call"
            )
        self._last = made
        return _with_streams(iter(made), derive(seed, "data"), True)

    def _finished(self, count: int) -> None:
        # Passes of a callable may differ in length: it is told a seed.
        if count == 0:
            raise ProblemError(f"{self.what}(seed) gave no batch; expected a (possibly endless) iterator of batches at each call")


class _Loader(Source):
    """A user's DataLoader, read through a shallow copy: workers of its own, generators set by us and put back."""

    def __init__(self, what: str, loader: DataLoader[Any]) -> None:
        super().__init__(what)
        self._loader = loader
        self._own = _own_loader(loader)
        collated = loader.batch_sampler is not None and loader.collate_fn is default_collate
        self.makes_anew = collated or loader.num_workers > 0

    def epoch(self, seed: int) -> Iterator[Any]:
        for number, generator in enumerate(_generators(self._loader)):
            generator.manual_seed(derive(seed, "generator", number))
        sampler = self._loader.sampler
        if hasattr(sampler, "set_epoch") and hasattr(sampler, "epoch"):
            sampler.set_epoch(seed % 2**31)
        # The loader draws its seed from torch's stream; models draw from it, too, so the order must not depend on them.
        state = torch.get_rng_state()
        torch.manual_seed(derive(seed, "loader"))
        iterator = iter(self._own)
        torch.set_rng_state(state)
        return _with_streams(iterator, derive(seed, "data"), self._loader.num_workers == 0)

    def length(self) -> int | None:
        return _len(self._loader)

    @contextmanager
    def left_as_found(self) -> Iterator[None]:
        generators = [(g, g.get_state()) for g in _generators(self._loader)]
        samplers = [(s, dict(vars(s))) for s in _samplers(self._loader) if hasattr(s, "__dict__")]
        kept = [(s, {k: copy.copy(v) if isinstance(v, (list, dict, set)) else v for k, v in d.items()}) for s, d in samplers]
        try:
            yield
        finally:
            for sampler, attributes in kept:
                vars(sampler).clear()
                vars(sampler).update(attributes)
            for generator, state in generators:
                generator.set_state(state)


class _Tensors(Source):
    """A TensorDataset in shuffled batches, without a visit to each example; what torch's default loader gives."""

    makes_anew = True

    def __init__(self, what: str, dataset: TensorDataset, batch_size: int, shuffle: bool) -> None:
        super().__init__(what)
        self._tensors = dataset.tensors
        self._size = batch_size
        self._shuffle = shuffle

    def epoch(self, seed: int) -> Iterator[Any]:
        count = len(self._tensors[0])
        order = torch.randperm(count, generator=torch.Generator().manual_seed(seed)) if self._shuffle else torch.arange(count)
        for first in range(0, count - self._size + 1, self._size):
            chosen = order[first : first + self._size]
            yield [t[chosen.to(t.device)] for t in self._tensors]

    def length(self) -> int | None:
        return len(self._tensors[0]) // self._size


def _with_streams(iterator: Iterator[Any], seed: int, draws_here: bool) -> Iterator[Any]:
    """Data sets that draw from the global streams in this process draw from streams of their own.

    Otherwise the data would depend on how much the model draws, and two candidates would not see the same examples.
    """
    if not draws_here:
        yield from iterator
        return
    own = _Streams(seed)
    while True:
        outside = _Streams.now()
        own.set()
        try:
            batch = next(iterator)
        except StopIteration:
            return
        finally:
            own = _Streams.now()
            outside.set()
        yield batch


class _Streams:
    """The three streams of the CPU, as values."""

    def __init__(self, seed: int | None = None) -> None:
        if seed is None:
            self.state: tuple[Any, Any, Any] = (torch.get_rng_state(), numpy.random.get_state(), random.getstate())
            return
        outside = _Streams()
        torch.default_generator.manual_seed(seed)
        numpy.random.seed(seed % 2**32)
        random.seed(seed)
        self.state = _Streams().state
        outside.set()

    @staticmethod
    def now() -> _Streams:
        return _Streams()

    def set(self) -> None:
        torch.set_rng_state(self.state[0])
        numpy.random.set_state(self.state[1])
        random.setstate(self.state[2])


def _own_loader(loader: DataLoader[Any]) -> DataLoader[Any]:
    """The same loader with an iterator and workers of its own, so that a loop in progress outside is not disturbed."""
    try:
        own = copy.copy(loader)
        vars(own)["_iterator"] = None
        vars(own)["persistent_workers"] = False
        return own
    except Exception:
        return loader


def _samplers(loader: DataLoader[Any]) -> list[Any]:
    found: list[Any] = []
    for owner in (loader, loader.batch_sampler):
        for name in ("sampler", "batch_sampler"):
            sampler = getattr(owner, name, None)
            if sampler is not None and all(sampler is not s for s in found):
                found.append(sampler)
    return found


def _generators(loader: DataLoader[Any]) -> list[torch.Generator]:
    found: list[torch.Generator] = []
    for owner in (loader, *_samplers(loader)):
        for value in list(vars(owner).values()) if hasattr(owner, "__dict__") else []:
            if isinstance(value, torch.Generator) and all(value is not g for g in found):
                found.append(value)
    return found


def _len(value: Any) -> int | None:
    try:
        return len(value)
    except Exception:
        return None


def _is_dataset(value: Any) -> bool:
    """torch's datasets, and Hugging Face's, which are no subclass: rows, not batches."""
    if isinstance(value, Dataset):
        return True
    return type(value).__module__.split(".")[0] == "datasets" and hasattr(value, "__getitem__")


def _of_dataset(what: str, dataset: Any, batch_size: int | None, shuffle: bool) -> Source:
    if batch_size is None:
        raise ProblemError(
            f"{what} is a {type(dataset).__name__}, which gives single examples; expected batch_size= or a DataLoader"
        )
    streams = isinstance(dataset, IterableDataset) or not hasattr(dataset, "__getitem__")
    if not streams:
        count = _len(dataset)
        if count is not None and count < batch_size and not (what == "validation" and count > 0):
            raise ProblemError(
                f"{what} has {count} examples, fewer than one batch of {batch_size}; the last incomplete batch is dropped, "
                "so nothing is left"
            )
        size = batch_size if count is None else min(batch_size, count)
        if type(dataset) is TensorDataset and size > 0:
            return _Tensors(what, dataset, size, shuffle)
        generator = torch.Generator()
        return _Loader(what, DataLoader(dataset, size, shuffle=shuffle, drop_last=True, generator=generator))
    return _Loader(what, DataLoader(dataset, batch_size, drop_last=True))


def source(what: str, value: Any, batch_size: int | None) -> Source:
    """The Source of an argument; `what` is "train" or "validation" and stands in messages."""
    if isinstance(value, Source):
        return value
    if isinstance(value, DataLoader):
        return _Loader(what, value)
    if _is_dataset(value):
        return _of_dataset(what, value, batch_size, shuffle=what == "train")
    if isinstance(value, (torch.Tensor, numpy.ndarray, str, bytes, dict)) or value is None:
        raise TypeError(
            f"{what} is a {type(value).__name__}; expected a DataLoader, a Dataset with batch_size, an iterable of batches "
            "that can be read "
            "again, or a callable that takes a seed and gives an iterator of batches"
        )
    if hasattr(value, "__next__"):
        raise ProblemError(
            f"{what} is a {type(value).__name__}, an iterator that can be read only once, but every run reads it anew; "
            "expected a list of "
            f"batches, a DataLoader, or a callable {what}(seed) that makes a new iterator"
        )
    if hasattr(value, "__iter__") or (hasattr(value, "__getitem__") and not callable(value)):
        return _Iterable(what, value)
    if callable(value):
        return _Callable(what, value)
    raise TypeError(
        f"{what} is a {type(value).__name__}; expected a DataLoader, a Dataset, an iterable of batches, or a callable"
    )


class FixedPart:
    """The same first batches of the validation data in every evaluation, each time as objects of their own.

    limit   batches at most
    They are kept in memory where they are small, else read again.
    """

    KEPT_BYTES = 256 * 2**20

    def __init__(self, source_: Source, limit: int, seed: int) -> None:
        self._source = source_
        self._limit = limit
        self._seed = seed
        self._kept: list[Any] | None = None
        self.count = 0
        self._first_reading()

    def _first_reading(self) -> None:
        kept: list[Any] | None = []
        size = 0
        for batch in self._read():
            self.count += 1
            if kept is not None:
                size += _bytes(batch)
                kept.append(batch)
                if size > self.KEPT_BYTES:
                    kept = None
            if kept is None and self.count >= self._limit:
                break
        self._kept = kept

    def _read(self) -> Iterator[Any]:
        yield from itertools.islice(self._source.counted_epoch(self._seed), self._limit)

    def __iter__(self) -> Iterator[Any]:
        if self._kept is not None:
            for batch in self._kept:
                yield fresh(batch)
            return
        count = 0
        for batch in self._read():
            count += 1
            yield batch
        if count < self.count:
            raise ProblemError(
                f"validation: {count} batches when it is read again, {self.count} the first time; expected the same data"
            )


def _bytes(value: Any) -> int:
    if isinstance(value, torch.Tensor):
        return value.numel() * value.element_size()
    if isinstance(value, dict):
        return sum(_bytes(v) for v in value.values())
    if isinstance(value, (list, tuple)):
        return sum(_bytes(v) for v in value)
    if hasattr(value, "__dict__"):
        return sum(_bytes(v) for v in vars(value).values())
    return 64
