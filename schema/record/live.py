"""Subscriptions: the event log as it is written."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import datetime
from typing import Annotated

import strawberry
from strawberry.scalars import JSON

from resolvers.record import live
from resolvers.record.groups import Batch
from resolvers.record.live import EventRecord, VisibleEvent
from resolvers.record.subscription import Subscription as Source
from schema.accounts.account import Account
from schema.accounts.robot import load_account
from schema.context import Info
from schema.enums import EventKind
from schema.repositories.repository import Repository, to_repository
from schema.scalars import Cursor, Digest, RepositoryPath, to_datetime
from storage.events import Cursor as EventCursor


@strawberry.type(description="Something that happened. Who did it is shown to administrators of the place.")
class Event:
    record: strawberry.Private[EventRecord]
    is_detailed: strawberry.Private[bool]
    batch: strawberry.Private[Batch]

    @property
    def key(self) -> EventCursor:
        """What names it in its batch."""
        return self.record.cursor

    @strawberry.field(description="Its place in the log: subscribe `after` it to go on from here.")
    def cursor(self) -> Cursor:
        return Cursor(live.format_cursor(self.record.cursor))

    @strawberry.field(description="What happened, such as `push_repo`; the kinds of the audit log.")
    def kind(self) -> EventKind:
        return EventKind(self.record.kind)

    @strawberry.field(
        description="How many times it happened: pulls that are alike are told together, about each second."
    )
    def count(self) -> int:
        count = self.record.metadata.get("count", 1)
        return count if isinstance(count, int) else 1

    @strawberry.field(description="When it happened.")
    def occurred_at(self) -> datetime:
        return to_datetime(self.record.created_at_ms)

    @strawberry.field(description="The user or organization that it concerns; null for none.")
    def namespace(self) -> str | None:
        return self.record.namespace_name

    @strawberry.field(
        description="Path of the repository that it is about, also when deleted; null for none."
    )
    def repository_path(self) -> RepositoryPath | None:
        path = self.record.repository_path
        return None if path is None else RepositoryPath(path)

    @strawberry.field(description="The repository that it is about; null for none, or a deleted one.")
    async def repository(self, info: Info) -> Repository | None:
        if self.record.repository_id is None:
            return None
        record = await info.context.loaders.repositories.load(self.record.repository_id)
        return to_repository(record) if record else None

    @strawberry.field(description="The tag that was pushed, moved, deleted or changed; null for none.")
    def tag_name(self) -> str | None:
        return self._repository_metadata("tag")

    @strawberry.field(description="The manifest that was pushed or deleted, or is now tagged; null for none.")
    def digest(self) -> Digest | None:
        digest = self._repository_metadata("manifest_digest")
        return None if digest is None else Digest(digest)

    def _repository_metadata(self, key: str) -> str | None:
        value = self.record.metadata.get(key) if self.record.repository_id is not None else None
        return value if isinstance(value, str) else None

    @strawberry.field(
        description="Who did it; null for nobody, deleted accounts, and viewers who do not administer"
        " the place."
    )
    async def performer(self, info: Info) -> Account | None:
        return await load_account(info, self.record.performer_id) if self.is_detailed else None

    @strawberry.field(
        description="The particulars, by the keys that belong to the kind; no secrets. Null for viewers who"
        " do not administer the place."
    )
    def metadata(self) -> JSON | None:
        return JSON(self.record.metadata) if self.is_detailed else None


def to_event(seen: VisibleEvent, batch: Batch) -> Event:
    """An event as a GraphQL value, with the batch in which it came."""
    return Event(record=seen.record, is_detailed=seen.is_detailed, batch=batch)


@strawberry.type
class EventSubscription:
    @strawberry.subscription(
        description="What happens from now on, or has happened since a cursor, in the order in which it was"
        " committed. Events of a repository's content are for whoever may read it, all others for the"
        " administrators of the repository or namespace; rights are looked at again as events come."
    )
    async def events(
        self,
        info: Info,
        namespace: Annotated[
            str | None, strawberry.argument(description="Only what concerns this user or organization.")
        ] = None,
        repository: Annotated[
            RepositoryPath | None, strawberry.argument(description="Only what is about this repository.")
        ] = None,
        kinds: Annotated[
            list[EventKind] | None, strawberry.argument(description="Only these kinds, such as `push_repo`.")
        ] = None,
        after: Annotated[
            Cursor | None,
            strawberry.argument(
                description="Begin behind this event; null for now. Refused with `CONFLICT` if what came"
                " behind it is no longer kept: the error's `cursor` tells behind which place everything"
                " still is."
            ),
        ] = None,
    ) -> AsyncGenerator[Event, None]:
        watch = await live.watch(
            info.context.context,
            namespace=namespace,
            path=repository,
            kinds=None if kinds is None else [kind.value for kind in kinds],
            after=after,
        )
        assert info.context.live is not None  # Set where there are subscriptions.
        caller = info.context.context
        return _events(await info.context.live.subscribe(caller.viewer, watch, ip=caller.ip))


async def _events(source: Source) -> AsyncGenerator[Event, None]:
    async with aclosing(source.batches()) as batches:
        async for batch in batches:
            for seen in batch.events:
                yield to_event(seen, batch)
