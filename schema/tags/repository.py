"""The tags of a repository, now and before: fields of `Repository`."""

from datetime import datetime
from typing import Annotated

import strawberry

from resolvers.access.needs import Need
from resolvers.repositories.repository import RepositoryRecord
from resolvers.tags import history as tag_history
from resolvers.tags import plan as tag_plan
from resolvers.tags import tag
from resolvers.tags.filter import TagFilter
from schema.access.roles import RepositoryRole
from schema.connections import After, Connection, First, connect, page
from schema.context import Info
from schema.scalars import to_milliseconds
from schema.tags.history import TagChange, TagDifference, to_tag_change, to_tag_difference
from schema.tags.plan import TagPlan, to_plan
from schema.tags.tag import NameFilter, PlatformFilter, Tag, to_tag


@strawberry.type
class Tagged:
    """What a repository has of tags: fields of `Repository`."""

    record: strawberry.Private[RepositoryRecord]

    @strawberry.field(
        description="Its tags, newest first, then by name: the whole history, or only what is or was active."
    )
    async def tags(
        self,
        info: Info,
        first: First = 50,
        after: After = None,
        *,
        exact: Annotated[str | None, strawberry.argument(description="Only the tag of this name.")] = None,
        name: Annotated[
            NameFilter | None, strawberry.argument(description="Only tags whose name fits.")
        ] = None,
        is_active: Annotated[
            bool, strawberry.argument(description="Only what tags point to now, without their history.")
        ] = True,
        as_of: Annotated[
            datetime | None,
            strawberry.argument(description="Only what tags pointed to at this time; overrides `isActive`."),
        ] = None,
        unpulled_since: Annotated[
            datetime | None,
            strawberry.argument(
                description="Only tags that have pointed there since before this time, and were not pulled by"
                " their name since."
            ),
        ] = None,
        expires_before: Annotated[
            datetime | None, strawberry.argument(description="Only tags that expire before this time.")
        ] = None,
        platform: Annotated[
            PlatformFilter | None,
            strawberry.argument(description="Only images for this platform, and indexes that offer it."),
        ] = None,
    ) -> Connection[Tag]:
        chosen = TagFilter(
            name_equals=exact or (name.equals if name else None),
            name_contains=name.contains if name else None,
            is_active=is_active,
            as_of_ms=to_milliseconds(as_of) if as_of else None,
            unpulled_since_ms=to_milliseconds(unpulled_since) if unpulled_since else None,
            expires_before_ms=to_milliseconds(expires_before) if expires_before else None,
            platform=platform.platform() if platform else None,
        )
        found = await tag.tags(info.context.context, self.record, chosen, page(first, after))
        return connect(found, to_tag)

    @strawberry.field(description="What a tag points to now; null if there is no such tag.")
    async def tag(
        self, info: Info, name: Annotated[str, strawberry.argument(description="The tag's name.")]
    ) -> Tag | None:
        record = await tag.active_tag(self.record.id, name)
        return to_tag(record) if record else None

    @strawberry.field(
        description="What happened to a tag, newest first: each time it was made, moved, restored or deleted,"
        " or expired."
    )
    async def tag_history(
        self,
        info: Info,
        name: Annotated[str, strawberry.argument(description="The tag's name.")],
        first: First = 50,
        after: After = None,
    ) -> Connection[TagChange]:
        found = await tag_history.history(info.context.context, self.record, name, page(first, after))
        return connect(found, to_tag_change)

    @strawberry.field(
        description="The tags that point elsewhere at the second of two moments, by name. Pass `to` when"
        " reading several pages, so that all are of the same moment."
    )
    async def tag_difference(
        self,
        info: Info,
        from_: Annotated[datetime, strawberry.argument(name="from", description="The first moment.")],
        to: Annotated[
            datetime | None,
            strawberry.argument(description="The second moment; now if not given."),
        ] = None,
        first: First = 50,
        after: After = None,
    ) -> Connection[TagDifference]:
        found = await tag_history.difference(
            info.context.context,
            self.record,
            to_milliseconds(from_),
            to_milliseconds(to) if to else None,
            page(first, after),
        )
        return connect(found, to_tag_difference)

    @strawberry.field(
        description="A plan that the viewer made for this repository and that can still be applied; null for"
        " any other. Requires `repo:write`."
    )
    async def tag_plan(
        self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="The plan's id.")]
    ) -> TagPlan | None:
        role = await info.context.loaders.repository_roles.load(self.record.ref)
        if role is None or role < RepositoryRole.WRITE:
            raise info.context.context.viewer.refusal(Need(RepositoryRole.WRITE))
        record = await tag_plan.plan(info.context.context, self.record, id)
        return to_plan(record) if record else None
