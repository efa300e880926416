"""The audience of events: who may see them, decided for many viewers at once.

    content of a repository      accounts that may read the repository
    the rest of a repository     its administrators (permissions, policies)
    the rest of a namespace      its owner or administrators (teams, robots, tokens, sign-ins)

Only administrators see the performer and the metadata, as in the audit log.
"""

import asyncio
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from resolvers.access.permissions import (
    RepositoryRef,
    administers_own,
    namespace_roles_of_each,
    repository_roles_of_each,
)
from resolvers.access.roles import RepositoryRole, TeamRole
from resolvers.access.viewer import Viewer
from resolvers.event_kinds import FOR_READERS
from resolvers.record.live import EventRecord, VisibleEvent
from storage.statements import fetch, placeholders


@dataclass(slots=True)
class Rights:
    """What one viewer may see: the places that were looked up so far, and the roles there."""

    repositories: dict[int, RepositoryRole] = field(default_factory=dict)
    administered: set[int] = field(default_factory=set)
    """Namespaces that the viewer owns or administers."""
    known_repositories: set[int] = field(default_factory=set)
    known_namespaces: set[int] = field(default_factory=set)

    def reach(self, repository_id: int | None, namespace_id: int | None) -> bool:
        """Whether the viewer may see anything that happens there. The places must be known."""
        return repository_id in self.repositories or namespace_id in self.administered

    def sees(self, record: EventRecord) -> VisibleEvent | None:
        """The event as the viewer sees it; None if they may not. Its places must be known."""
        role = None if record.repository_id is None else self.repositories.get(record.repository_id)
        is_detailed = role is RepositoryRole.ADMIN or record.namespace_id in self.administered
        if is_detailed or (role is not None and record.kind in FOR_READERS):
            return VisibleEvent(record, is_detailed)
        return None


class EventAuthorizer:
    """Decides which events viewers may see. Remembers rights.

    The memory is never invalidated: make a new authorizer when rights may have changed.
    """

    def __init__(self) -> None:
        self._rights: dict[Viewer, Rights] = {}
        self._places: dict[int, RepositoryRef | None] = {}
        self._lock = asyncio.Lock()

    async def rights(
        self,
        viewers: Collection[Viewer],
        *,
        repositories: Iterable[int | None],
        namespaces: Iterable[int | None],
    ) -> dict[Viewer, Rights]:
        """The rights of each viewer in these places, by id; at most three statements (no N+1)."""
        async with self._lock:
            found = {viewer: self._rights.setdefault(viewer, Rights()) for viewer in viewers}
            await self._load_repositories(found, {one for one in repositories if one is not None})
            await self._load_namespaces(found, {one for one in namespaces if one is not None})
        return found

    async def visible(self, viewer: Viewer, records: Sequence[EventRecord]) -> list[VisibleEvent]:
        """The events that a viewer may see; at most three statements (no N+1)."""
        rights = await self.rights(
            [viewer],
            repositories=[record.repository_id for record in records],
            namespaces=[record.namespace_id for record in records],
        )
        return [seen for record in records if (seen := rights[viewer].sees(record))]

    async def _load_repositories(self, found: dict[Viewer, Rights], wanted: set[int]) -> None:
        asking = [viewer for viewer, one in found.items() if not wanted <= one.known_repositories]
        if not asking:
            return
        await self._load_places(wanted)
        places = [place for identity in sorted(wanted) if (place := self._places[identity])]
        roles = await repository_roles_of_each(asking, places)
        for viewer, roles_of_one in zip(asking, roles, strict=True):
            found[viewer].repositories |= roles_of_one
            found[viewer].known_repositories |= wanted

    async def _load_namespaces(self, found: dict[Viewer, Rights], wanted: set[int]) -> None:
        asking = [viewer for viewer, one in found.items() if not wanted <= one.known_namespaces]
        if not asking:
            return
        looking = [viewer.looking for viewer in asking]
        for viewer, roles in zip(asking, await namespace_roles_of_each(looking, sorted(wanted)), strict=True):
            found[viewer].administered |= {
                identity
                for identity, role in roles.items()
                if role is TeamRole.ADMIN or administers_own(viewer, identity)
            }
            found[viewer].known_namespaces |= wanted

    async def _load_places(self, wanted: set[int]) -> None:
        missing = sorted(wanted - self._places.keys())
        if not missing:
            return
        # Deleted repositories are included, so that those who could read one see its deletion.
        rows = await fetch(
            f"SELECT id, namespace_id, visibility FROM repository WHERE id IN ({placeholders(missing)})",
            *missing,
        )
        found = {
            row["id"]: RepositoryRef(row["id"], row["namespace_id"], row["visibility"] == "public")
            for row in rows
        }
        self._places |= {identity: found.get(identity) for identity in missing}
