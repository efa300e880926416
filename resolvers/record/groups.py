"""Groups of subscriptions that are alike in viewer and filter: what one may see, all may.

Fanout ── Group ── Delivery (events, judged once for the group) ── backlogs of its subscriptions
                              └── Batch: what its viewer sees, and the results rendered from it so far
"""

import asyncio
import weakref
from collections.abc import Callable, Coroutine, Hashable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from resolvers.access.viewer import Viewer
from resolvers.errors import QuaysideError
from resolvers.record.audience import EventAuthorizer
from resolvers.record.live import Place, VisibleEvent, Watch
from resolvers.record.shares import Holder


@dataclass(slots=True)
class Renderings:
    """Results of events, each made once for all who ask for the same of it."""

    _tasks: dict[tuple[Hashable, bytes], asyncio.Task[Any]] = field(default_factory=dict)
    _contexts: dict[bytes, Any] = field(default_factory=dict)

    def context(self, selection: bytes, make: Callable[[], Any]) -> Any:
        """The context in which all events of the batch are rendered for a selection."""
        if selection not in self._contexts:
            self._contexts[selection] = make()
        return self._contexts[selection]

    async def get(
        self, event: Hashable, selection: bytes, render: Callable[[], Coroutine[Any, Any, Any]]
    ) -> Any:
        """The result of what `event` names in the batch; `render` makes it for the first who asks."""
        task = self._tasks.get((event, selection))
        if task is None:
            task = self._tasks[event, selection] = asyncio.create_task(render())
        # Who asked first may leave meanwhile; the others still want it.
        return await asyncio.shield(task)


@dataclass(frozen=True, slots=True)
class Batch:
    """Events that a viewer may see, and the viewer as they are now."""

    viewer: Viewer
    events: Sequence[VisibleEvent]
    renderings: Renderings = field(default_factory=Renderings)

    def of(self, events: Sequence[VisibleEvent]) -> "Batch":
        """Some of its events; what is rendered for one is rendered for both."""
        return replace(self, events=events)


class Delivery:
    """Events for a group. They are judged again if rights may have changed since, once for all members."""

    def __init__(self, group: "Group", events: Sequence[VisibleEvent], authorizer: EventAuthorizer) -> None:
        self.size = len(events)
        self.end = events[-1].record.cursor
        self._group = group
        self._batch = Batch(group.viewer, events)
        self._authorizer = authorizer
        """Who judged: rights may have changed when there is another authorizer."""
        self._lock = asyncio.Lock()

    async def batch(self, authorizer: EventAuthorizer) -> Batch:
        """What the viewer may see now; `authorizer` is the current one."""
        if self._authorizer is not authorizer:
            async with self._lock:
                if self._authorizer is not authorizer:
                    viewer, records = self._group.viewer, [seen.record for seen in self._batch.events]
                    self._batch = Batch(viewer, await authorizer.visible(viewer, records))
                    self._authorizer = authorizer
        return self._batch


class Member(Protocol):
    """A subscription as its process knows it."""

    group: "Group"
    holder: Holder

    def offer(self, delivery: Delivery) -> None:
        """Events come that it may want."""

    def end(self, message: str) -> None:
        """End it, so that it can be resumed."""

    def fail(self, error: QuaysideError) -> None:
        """End it with an error."""

    def finish(self, error: QuaysideError) -> None:
        """End it with an error, once it has delivered what waits."""


class Group:
    """Subscriptions of the same viewer with the same filter. The viewer is kept current."""

    def __init__(self, viewer: Viewer, watch: Watch) -> None:
        self.viewer = viewer
        self.watch = watch
        # Weak, so that a subscription whose `batches` nobody ever iterated is garbage collected.
        self.members: weakref.WeakSet[Member] = weakref.WeakSet()


class Index:
    """Groups by what they watch, and then by their viewer, so that an event finds those it may concern."""

    def __init__(self, groups: Iterable[Group]) -> None:
        self.by_place: dict[Place | None, dict[Viewer, list[Group]]] = {}
        self.by_account: dict[int | None, list[Group]] = {}
        for group in groups:
            viewers = self.by_place.setdefault(group.watch.place, {})
            viewers.setdefault(group.viewer, []).append(group)
            account_id = group.viewer.account.id if group.viewer.account else None
            self.by_account.setdefault(account_id, []).append(group)

    def about(self, repository_id: int | None, namespace_id: int | None) -> list[dict[Viewer, list[Group]]]:
        """The groups that such an event may concern, by viewer."""
        places: list[Place | None] = [None]
        if repository_id is not None:
            places.append(("repository_id", repository_id))
        if namespace_id is not None:
            places.append(("namespace_id", namespace_id))
        return [found for place in places if (found := self.by_place.get(place))]
