"""Work that outlives the request which began it, in one process: one piece for each key."""

import asyncio
import uuid
from collections.abc import Callable, Hashable
from typing import Any, Protocol, TypeVar
from weakref import WeakValueDictionary


class Work(Protocol):
    """A piece of work, and the task that does it."""

    task: "asyncio.Task[Any]"


W = TypeVar("W", bound=Work)


class Background:
    """The work under way in this process. `holder` names the process to others."""

    def __init__(self) -> None:
        self.holder = str(uuid.uuid4())
        self._under_way: dict[Hashable, Work] = {}
        self._locks: WeakValueDictionary[Hashable, asyncio.Lock] = WeakValueDictionary()

    def join(self, kind: type[W], key: Hashable, begin: Callable[[], W]) -> W:
        """The work of a kind under way for a key, begun if there is none."""
        place = (kind, key)
        found = self._under_way.get(place)
        if isinstance(found, kind) and not found.task.done():
            return found
        work = begin()
        self._under_way[place] = work
        work.task.add_done_callback(lambda _: self._ended(place, work))
        return work

    def lock(self, key: Hashable) -> asyncio.Lock:
        """The lock for a key, which all who hold or await it share in this process."""
        return self._locks.setdefault(key, asyncio.Lock())

    def leave(self, kind: type[W], key: Hashable, work: W) -> None:
        """Let nobody join a piece of work any more, which is about to end."""
        self._ended((kind, key), work)

    def _ended(self, place: Hashable, work: Work) -> None:
        if self._under_way.get(place) is work:
            del self._under_way[place]

    async def close(self) -> None:
        """Cancel what is under way, and wait until it has ended."""
        tasks = [work.task for work in self._under_way.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
