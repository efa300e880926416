"""Fan-out of the event log to the subscriptions of this process: one reader, many subscriptions.

    log ── one reader ── Group (viewer, filter) ── judged once ── Subscription (bounded backlog)
                    │                                        └─── Subscription …
                    └─── Group …

The reader runs while there are subscriptions. It finds the groups that an event can concern by what they
watch, and decides for all their viewers together. A subscription that starts in the past catches up by
reading the log itself, then switches to the reader. Rights are at most a second old when events are sent, and
never older than the next events of the log.
"""

import asyncio
import contextvars
import logging
import time
import weakref
from collections.abc import Callable, Collection, Hashable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from resolvers.access.credentials import current_viewers
from resolvers.access.viewer import Viewer
from resolvers.context import Site
from resolvers.errors import ErrorCode, Invalid, QuaysideError
from resolvers.record.audience import EventAuthorizer, Rights
from resolvers.record.groups import Delivery, Group, Index, Member
from resolvers.record.live import Place, VisibleEvent, Watch, with_names
from resolvers.record.shares import Holder, Shares, holder_of
from resolvers.record.subscription import (
    DELIVERY_BATCH,
    CredentialEnded,
    PlaceGone,
    Subscription,
    require_kept,
)
from storage import events
from storage.conditions import exists
from storage.database import Database
from storage.events import Cursor
from storage.statements import Row, fetch, placeholders
from storage.wakeups import Wakeups, open_wakeups

logger = logging.getLogger("quayside.live")

READ_BATCH = 500
"""Events read from the log in one statement."""

OFFERED_AT_ONCE = 32
"""Subscriptions that are woken before requests get their turn."""

DELETIONS = frozenset({"delete_repo", "org_delete", "user_delete"})
"""Kinds after which something that is watched may be gone."""

RIGHTS_CACHED_S = 1.0
CREDENTIALS_CHECKED_EVERY_S = 5.0
"""Interval of checks for credentials that end without an event, such as by expiration."""

OLDER_TRANSACTION_POLL_S = 0.05
RETRY_S = 1.0


class TooManySubscriptions(QuaysideError):
    """The process, the account, the address or anonymous clients have their maximum of subscriptions."""

    code = ErrorCode.TOO_MANY


@dataclass(frozen=True, slots=True)
class FanoutLimits:
    """The shares of the subscriptions of a process, and most events in the backlog of each."""

    subscriptions: Shares = field(default_factory=Shares)
    backlog: int = 2_000


Audience = dict[Group, list[VisibleEvent]]
M = TypeVar("M", bound=Member)


class Fanout:
    """The live events of one process. Its reader task uses `database`."""

    def __init__(self, database: Database, *, site: Site, limits: FanoutLimits | None = None) -> None:
        self.database = database
        self.site = site
        self.limits = limits or FanoutLimits()
        self.position: Cursor = (0, 0)
        # Weak, so that a subscription whose `batches` nobody ever iterated is garbage collected.
        self.subscriptions: weakref.WeakSet[Member] = weakref.WeakSet()
        self.catching_up: weakref.WeakSet[Subscription] = weakref.WeakSet()
        self.shared: weakref.WeakValueDictionary[Hashable, Any] = weakref.WeakValueDictionary()
        """What subscriptions have in common that read something else than events."""
        self.settled = asyncio.Event()
        """Unset while an audience is found: who joined since is not in it, and reads these events itself."""
        self.settled.set()
        self._groups: weakref.WeakValueDictionary[tuple[Viewer, Watch], Group] = weakref.WeakValueDictionary()
        self._index: Index | None = None
        self._authorizer, self._authorizer_made_s = EventAuthorizer(), 0.0
        self._checked = 0.0
        self._reader: asyncio.Task[None] | None = None

    async def subscribe(self, viewer: Viewer, watch: Watch, *, ip: str | None = None) -> Subscription:
        """Start a subscription of a viewer at an address, who must iterate over `Subscription.batches`.

        Raises `TooManySubscriptions`, `Invalid` for a cursor beyond the end of the log, or `EventsPruned`.
        """
        holder = holder_of(viewer, ip)
        self._require_share(holder)
        end = await events.log_end()
        if watch.after is not None:
            if watch.after > end.cursor:
                raise Invalid("after: must not be beyond the end of this server's event log.", field="after")
            await require_kept(watch.after)
        subscription = self._join(
            (viewer, replace(watch, after=None)),
            holder,
            end.cursor,
            lambda group: Subscription(self, group, holder, watch.after, end),
        )
        self.catching_up.add(subscription)
        return subscription

    async def admit(
        self, viewer: Viewer, watch: Watch, make: Callable[[Group, Holder], M], *, ip: str | None = None
    ) -> M:
        """Take up a subscription of another sort: it counts, and ends, like those to events.

        Raises `TooManySubscriptions`.
        """
        holder = holder_of(viewer, ip)
        self._require_share(holder)
        end = await events.log_end()
        return self._join((viewer, watch), holder, end.cursor, lambda group: make(group, holder))

    def _join(self, key: tuple[Viewer, Watch], holder: Holder, end: Cursor, make: Callable[[Group], M]) -> M:
        # Others may have come meanwhile.
        self._require_share(holder)
        group = self._groups.setdefault(key, Group(*key))
        subscription = make(group)
        group.members.add(subscription)
        self.subscriptions.add(subscription)
        self._index = None
        if self._reader is None or self._reader.done() or self._reader.cancelling():
            self.position = end
            # Without a reader nothing noticed changes of rights.
            self._renew_authorizer()
            # The reader outlives this request, so it must not inherit its context variables.
            self._reader = asyncio.create_task(self._read(), context=contextvars.Context())
        return subscription

    def _require_share(self, holder: Holder) -> None:
        held = [one.holder for one in self.subscriptions]
        refusal = self.limits.subscriptions.refusal(holder, held, "subscriptions")
        if refusal is not None:
            raise TooManySubscriptions(refusal)

    def unsubscribe(self, subscription: Member) -> None:
        """Remove a subscription; the reader stops with the last one."""
        self.subscriptions.discard(subscription)
        if isinstance(subscription, Subscription):
            self.catching_up.discard(subscription)
        subscription.group.members.discard(subscription)
        self._index = None
        if not self.subscriptions and self._reader is not None:
            self._reader.cancel()

    def stop(self) -> None:
        """End all subscriptions, each with the cursor to resume from."""
        for subscription in self.subscriptions:
            subscription.end("The server is stopping.")

    async def close(self) -> None:
        """End all subscriptions, and wait until the reader no longer uses the database."""
        self.stop()
        if self._reader is not None:
            self._reader.cancel()
            await asyncio.gather(self._reader, return_exceptions=True)

    def authorizer(self) -> EventAuthorizer:
        """The current authorizer, at most `RIGHTS_CACHED_S` old."""
        if time.monotonic() - self._authorizer_made_s > RIGHTS_CACHED_S:
            self._renew_authorizer()
        return self._authorizer

    def _renew_authorizer(self) -> EventAuthorizer:
        self._authorizer, self._authorizer_made_s = EventAuthorizer(), time.monotonic()
        return self._authorizer

    def index(self) -> Index:
        """The groups that have subscriptions, by what they watch."""
        if self._index is None:
            self._index = Index({subscription.group: None for subscription in self.subscriptions})
        return self._index

    async def _read(self) -> None:
        self.database.make_current()
        wakeups: Wakeups | None = None
        try:
            while self.subscriptions:
                try:
                    wakeups = wakeups or await open_wakeups(self.database.url)
                    await self._distribute()
                    async with asyncio.timeout(CREDENTIALS_CHECKED_EVERY_S):
                        await wakeups.wait()
                except TimeoutError:
                    pass
                except Exception:
                    logger.exception("reading the event log failed; trying again")
                    await asyncio.sleep(RETRY_S)
        finally:
            if wakeups is not None:
                await wakeups.close()

    async def _distribute(self) -> None:
        """Offer all new events of the log to the subscriptions that they concern."""
        if time.monotonic() - self._checked > CREDENTIALS_CHECKED_EVERY_S:
            await self._check_credentials({one.group for one in self.subscriptions})
            await self._end_gone()
            self._checked = time.monotonic()
        while True:
            rows = await events.read_after(self.position, limit=READ_BATCH)
            if rows:
                await self._offer(rows)
            if len(rows) == READ_BATCH:
                continue
            if not await events.has_unreadable(self.position):
                return
            await asyncio.sleep(OLDER_TRANSACTION_POLL_S)

    async def _offer(self, rows: Sequence[tuple[Cursor, Row]]) -> None:
        authorizer = self._renew_authorizer()
        self.settled.clear()
        try:
            audience = await self._audience(rows, authorizer)
            if await self._check_credentials(self._to_check(rows, audience)):
                audience = await self._audience(rows, authorizer)
            # Who is catching up may read up to here from now on, since credentials and rights are new.
            self.position = rows[-1][0]
        finally:
            self.settled.set()
        offered = 0
        for group, seen in audience.items():
            for first in range(0, len(seen), DELIVERY_BATCH):
                delivery = Delivery(group, seen[first : first + DELIVERY_BATCH], authorizer)
                for member in list(group.members):
                    member.offer(delivery)
                    offered += 1
                    if offered % OFFERED_AT_ONCE == 0:
                        await asyncio.sleep(0)
        if any(row["kind"] in DELETIONS for _, row in rows):
            await self._end_gone()

    async def _end_gone(self) -> None:
        """End the subscriptions to repositories and namespaces that were deleted, after what waits."""
        watched = {place for one in self.subscriptions if (place := one.group.watch.place)}
        repositories = [identity for column, identity in watched if column == "repository_id"]
        namespaces = [identity for column, identity in watched if column == "namespace_id"]
        found: set[Place] = set()
        if repositories:
            rows = await fetch(
                "SELECT r.id FROM repository r JOIN account n ON n.id = r.namespace_id"
                f" WHERE {exists('r')} AND {exists('n')} AND r.id IN ({placeholders(repositories)})",
                *repositories,
            )
            found |= {("repository_id", row["id"]) for row in rows}
        if namespaces:
            rows = await fetch(
                f"SELECT id FROM account WHERE {exists()} AND id IN ({placeholders(namespaces)})", *namespaces
            )
            found |= {("namespace_id", row["id"]) for row in rows}
        gone = watched - found
        for one in list(self.subscriptions):
            if one.group.watch.place in gone:
                one.finish(PlaceGone())

    async def _audience(self, rows: Sequence[tuple[Cursor, Row]], authorizer: EventAuthorizer) -> Audience:
        """What each group may see and wants to see of these events; groups with nothing are left out."""
        index = self.index()
        places = {(row["repository_id"], row["namespace_id"]) for _, row in rows}
        concerned = {place: found for place in places if (found := index.about(*place))}
        viewers = {viewer: None for found in concerned.values() for groups in found for viewer in groups}
        if not viewers:
            return {}
        rights = await authorizer.rights(
            viewers,
            repositories=[repository_id for repository_id, _ in concerned],
            namespaces=[namespace_id for _, namespace_id in concerned],
        )
        reached: dict[tuple[int | None, int | None], list[tuple[Rights, list[Group]]]] = {}
        for place, found in concerned.items():
            reached[place] = [
                (rights[viewer], members)
                for groups in found
                for viewer, members in groups.items()
                if rights[viewer].reach(*place)
            ]
            await asyncio.sleep(0)
        seen_rows = [
            (cursor, row) for cursor, row in rows if reached.get((row["repository_id"], row["namespace_id"]))
        ]
        audience: Audience = {}
        for record in await with_names(seen_rows) if seen_rows else ():
            for viewer_rights, groups in reached[record.repository_id, record.namespace_id]:
                seen = viewer_rights.sees(record)
                if seen is None:
                    continue
                for group in groups:
                    if group.watch.matches(record):
                        audience.setdefault(group, []).append(seen)
            await asyncio.sleep(0)
        return audience

    def _to_check(self, rows: Sequence[tuple[Cursor, Row]], audience: Audience) -> set[Group]:
        """The groups whose credentials must still be good: those that are about to receive something, and
        those of accounts to which something happened, which may be the end of a credential.
        """
        groups = {*audience, *(one.group for one in self.catching_up)}
        by_account = self.index().by_account
        for account_id in {row["namespace_id"] for _, row in rows} - {None}:
            groups.update(by_account.get(account_id, ()))
        return groups

    async def _check_credentials(self, groups: Collection[Group]) -> bool:
        """End the subscriptions whose credential has ended. Returns whether any viewer changed."""
        viewers = list({group.viewer: None for group in groups})
        current = dict(zip(viewers, await current_viewers(viewers, site=self.site), strict=True))
        changed = False
        for group in groups:
            found = current[group.viewer]
            if found is None:
                for member in group.members:
                    member.fail(CredentialEnded())
                continue
            viewer = replace(found, is_fresh=group.viewer.is_fresh)
            if viewer != group.viewer:
                group.viewer, self._index, changed = viewer, None, True
        return changed
