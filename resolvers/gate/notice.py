"""Notices of pulls against policies: an event for each image and mode, once a day at most."""

from typing import Final

from resolvers import events
from resolvers.context import Context
from resolvers.gate.judgement import Ruling
from storage.clock import DAY_MS, now_ms
from storage.statements import fetch
from storage.transactions import hold_row, transaction

EVERY_MS: Final = DAY_MS
KIND: Final = "pull_against_policy"


async def note(
    context: Context,
    ruling: Ruling,
    *,
    path: str,
    namespace_id: int,
    repository_id: int,
    manifest_id: int,
    digest: str,
    tag: str | None,
) -> None:
    """Record that an image was pulled, or was to be, unless that was told within a day."""
    mode, now = ruling.policy.mode.value, now_ms()
    namespace, _, name = path.partition("/")
    async with transaction("gate.note"):
        if not await hold_row("manifest", manifest_id):
            return
        claimed = await fetch(
            "INSERT INTO pull_policy_notice (manifest_id, mode, noted_at_ms) VALUES (?, ?, ?)"
            " ON CONFLICT (manifest_id, mode) DO UPDATE SET noted_at_ms = excluded.noted_at_ms"
            " WHERE pull_policy_notice.noted_at_ms <= ? RETURNING id",
            *(manifest_id, mode, now, now - EVERY_MS),
        )
        if not claimed:
            return
        await events.record(
            context,
            KIND,
            {
                "namespace": namespace,
                "repo": name,
                "digest": digest,
                "mode": mode,
                "reason": ruling.sentence(path),
                "advisories": [one.name for one in ruling.findings],
                "count": ruling.count,
            }
            | ({"tag": tag} if tag else {}),
            namespace_id=namespace_id,
            repository_id=repository_id,
        )
