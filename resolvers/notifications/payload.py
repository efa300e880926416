"""Payloads: what a receiver is told of an event. The shape is the one that clients of this API know.

Beside it stand the event itself (`event`, `event_id`, `occurred_at`), the `actor`, and for repositories the
`digest` and the `tags` that it is about, as far as it is about any.
"""

import uuid
from dataclasses import dataclass
from typing import Any

from resolvers.access.viewer import AccountKind
from resolvers.context import Site
from resolvers.notifications.kinds import EventRow, Facts
from storage.clock import rfc3339

_PAGES = {AccountKind.USER: "user", AccountKind.ORGANIZATION: "organization"}


@dataclass(frozen=True, slots=True)
class Names:
    """The names of a place: a repository, or a namespace without one."""

    namespace: str
    kind: AccountKind
    repository: str | None = None


def payload(
    site: Site,
    names: Names,
    row: EventRow,
    facts: Facts,
    *,
    event_id: str,
    occurred_at_ms: int,
    actor: str | None,
) -> dict[str, Any]:
    """The payload of an event."""
    told = {
        "event": row.event.value,
        "event_id": event_id,
        "occurred_at": rfc3339(occurred_at_ms),
        "actor": actor,
    }
    if names.repository is None:
        home = f"{site.public_url}/{_PAGES[names.kind]}/{names.namespace}"
        return {"namespace": names.namespace, "homepage": home} | facts | told
    path = f"{names.namespace}/{names.repository}"
    page = row.subpage.format(**{"build_id": "", **facts}).rstrip("/")
    return (
        {
            "repository": path,
            "namespace": names.namespace,
            "name": names.repository,
            "docker_url": f"{site.registry_host}/{path}",
            "homepage": f"{site.public_url}/repository/{path}{page}",
            "digest": None,
            "tags": [],
        }
        | facts
        | told
    )


_SPACE = uuid.UUID("5c6a2e64-55a5-4b8e-9d4e-2f1f0d7b9a10")


def event_id(site: Site, log_id: int, created_at_ms: int) -> str:
    """The id of an event of the log: the same whenever it is asked for, and another one in each registry."""
    return str(uuid.uuid5(_SPACE, f"{site.public_url} {log_id} {created_at_ms}"))
