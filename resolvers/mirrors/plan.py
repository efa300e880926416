"""Plans: what a run of a mirror would do with each tag. The source is asked, and nothing is changed."""

import asyncio
from dataclasses import dataclass
from typing import Final

from resolvers.context import Context
from resolvers.errors import NotFound, TooMany, Upstream
from resolvers.manifests.cosign import is_about_manifest
from resolvers.mirrors import mirror
from resolvers.mirrors.comparison import LocalTag, TagChange, change_of, gone, local_tags
from resolvers.mirrors.mirror import MirrorRecord
from resolvers.mirrors.rule import select
from resolvers.mirrors.upstream import UpstreamSource, open_source
from resolvers.upstreams.errors import UpstreamUnknown
from resolvers.upstreams.limits import PROMPT

MAXIMUM_TAGS: Final = 1_000
"""Of one plan; each costs a request at the source."""
LONGEST_S: Final = 60.0
_AT_ONCE: Final = 4


@dataclass(frozen=True, slots=True)
class PlannedTag:
    """What a run would do with a tag: from what it points to here, to what it points to at the source."""

    name: str
    change: TagChange
    before: str | None
    after: str | None


async def plan(context: Context, path: str) -> tuple[MirrorRecord, list[PlannedTag]]:
    """What a run would do now with the tags that fit the rule, by name. Requires `repo:admin`.

    What is about images (signatures and the like) comes with them and is not listed. Raises `NotFound`
    without a mirror, `Conflict` if its credentials cannot be read, `TooMany` for more than 1,000 tags, and
    `Upstream`.
    """
    place = await mirror.place_of(context, path)
    record = (await mirror.of_repositories(context, [place.id])).get(place.id)
    if record is None:
        raise NotFound(field="repository")
    held = await local_tags(place)
    outbound, connection = context.site.outbound, record.connection
    try:
        async with (
            asyncio.timeout(LONGEST_S),
            open_source(outbound, record.source, connection, limits=PROMPT) as source,
        ):
            planned = await _planned(source, record, held)
    except TimeoutError as error:
        raise Upstream(f"The source did not answer within {LONGEST_S:.0f} seconds.") from error
    return record, sorted(planned, key=lambda one: one.name)


async def _planned(
    source: UpstreamSource, record: MirrorRecord, held: dict[str, LocalTag]
) -> list[PlannedTag]:
    listed = await source.tags()
    names = [name for name in select(record.tag_patterns, listed) if not is_about_manifest(name)]
    if len(names) > MAXIMUM_TAGS:
        raise TooMany(
            f"{len(names)} tags fit the rule, and a plan has at most {MAXIMUM_TAGS}; narrow the rule.",
            field="repository",
        )
    waiting, planned = iter(names), list[PlannedTag]()

    async def ask() -> None:
        for name in waiting:
            try:
                digest = (await source.head(name)).digest
            except UpstreamUnknown:
                # It was deleted since it was listed.
                continue
            mine = held.get(name)
            planned.append(PlannedTag(name, change_of(mine, digest), mine.digest if mine else None, digest))

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(_AT_ONCE):
                group.create_task(ask())
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from None
    if record.follows_deletions:
        ended = gone(held, record.tag_patterns, listed)
        planned += [PlannedTag(tag.name, change, tag.digest, None) for tag, change in ended]
    return planned
