"""Recording of events: the table of kinds, and the audit entry of each event."""

from dataclasses import replace

import pytest

from resolvers import events
from resolvers.event_kinds import KINDS
from storage.statements import fetch
from storage.transactions import transaction
from tests.factories import Factory


async def kinds_in(table: str) -> list[str]:
    return [
        row["kind"] for row in await fetch(f"SELECT kind FROM {table} WHERE kind = 'org_create' ORDER BY id")
    ]


@pytest.mark.parametrize("is_audited", [True, False])
async def test_the_table_decides_whether_an_event_has_an_audit_entry(
    factory: Factory, monkeypatch: pytest.MonkeyPatch, is_audited: bool
) -> None:
    user = await factory.user("ada")
    kind = replace(KINDS["org_create"], is_audited=is_audited)
    monkeypatch.setattr(events, "KINDS", {**KINDS, "org_create": kind})

    async with transaction("test"):
        await events.record(
            await factory.as_account("ada"), "org_create", {"namespace": "acme"}, namespace_id=user.id
        )

    assert await kinds_in("event") == ["org_create"]
    assert await kinds_in("audit_log") == ["org_create"] * is_audited


@pytest.mark.parametrize(("kind", "metadata"), [("org_made", {}), ("org_create", {"name": "acme"})])
async def test_unknown_kinds_and_metadata_keys_are_refused(
    factory: Factory, kind: str, metadata: dict[str, str]
) -> None:
    await factory.user("ada")

    with pytest.raises(ValueError, match=f"event {kind} with"):
        async with transaction("test"):
            await events.record(await factory.as_account("ada"), kind, metadata)

    assert await kinds_in("event") == []
