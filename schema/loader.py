"""Loads what many fields ask for at the same time by one call.

As Strawberry's `DataLoader`, but each caller of `load` has a future of its own: graphql-core cancels fields
when the answer is null around them, and what they share with others must come nevertheless.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import Any, Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class _Entry:
    """One key: who waits for it, and in the end its value, an exception if that is to be raised."""

    __slots__ = ("done", "key", "value", "waiting")

    def __init__(self, key: Any) -> None:
        self.key = key
        self.waiting: list[asyncio.Future[Any]] = []
        self.done = False
        self.value: Any = None

    def set(self, value: Any) -> None:
        """Give everybody the value."""
        self.done, self.value = True, value
        for waiting in self.waiting:
            _settle(waiting, value)
        self.waiting = []


class DataLoader(Generic[K, V]):
    """Keeps the value of each key, and loads all keys of one turn of the loop by one call of `load_fn`.

    `load_fn` returns a value for each key; those that are exceptions are raised. `cache_key_fn` tells which
    keys are the same.
    """

    def __init__(
        self,
        load_fn: Callable[[list[K]], Awaitable[Sequence[V | BaseException]]],
        *,
        max_batch_size: int = sys.maxsize,
        cache_key_fn: Callable[[K], Hashable] | None = None,
    ) -> None:
        self._load_fn = load_fn
        self._max_batch_size = max_batch_size
        self._key_of = cache_key_fn
        self._entries: dict[Hashable, _Entry] = {}
        self._batch: list[_Entry] = []
        self._tasks: set[asyncio.Task[None]] = set()

    def load(self, key: K) -> asyncio.Future[V]:
        """The value of a key."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[V] = loop.create_future()
        same: Hashable = key if self._key_of is None else self._key_of(key)
        entry = self._entries.get(same)
        if entry is None:
            entry = self._entries[same] = _Entry(key)
            if not self._batch or len(self._batch) >= self._max_batch_size:
                self._batch = []
                # A turn later, so that all fields of a level have asked.
                loop.call_soon(self._start, self._batch)
            self._batch.append(entry)
        if entry.done:
            _settle(future, entry.value)
        else:
            entry.waiting.append(future)
        return future

    def load_many(self, keys: Sequence[K]) -> asyncio.Future[list[V]]:
        """The values of several keys."""
        return asyncio.gather(*map(self.load, keys))

    def _start(self, batch: list[_Entry]) -> None:
        task = asyncio.create_task(self._run(batch))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, batch: list[_Entry]) -> None:
        if batch is self._batch:
            self._batch = []
        if all(one.cancelled() for entry in batch for one in entry.waiting):
            self._forget(batch)
            return
        try:
            values: Sequence[Any] = list(await self._load_fn([entry.key for entry in batch]))
            if len(values) != len(batch):
                raise ValueError(f"{len(values)} values for {len(batch)} keys")  # noqa: TRY301
        except Exception as error:  # noqa: BLE001 - Whoever asked raises it.
            values = [error] * len(batch)
        except asyncio.CancelledError:
            self._forget(batch)
            raise
        for entry, value in zip(batch, values, strict=True):
            entry.set(value)

    def _forget(self, batch: list[_Entry]) -> None:
        """Let a batch that nobody loads be loaded by those who ask again."""
        for entry in batch:
            del self._entries[entry.key if self._key_of is None else self._key_of(entry.key)]
            for waiting in entry.waiting:
                waiting.cancel()


def _settle(future: asyncio.Future[Any], value: Any) -> None:
    if future.cancelled():
        return
    if isinstance(value, BaseException):
        future.set_exception(value)
    else:
        future.set_result(value)
