"""Copies of tags between repositories, without copying blobs."""

from typing import Annotated, Any

import strawberry

import resolvers.tags.copy
from resolvers.tags.copy import CopySource, CopyTarget
from schema.context import Info
from schema.errors import Payload, mutation
from schema.scalars import Digest, RepositoryPath
from schema.tags.tag import Tag, to_tag


@strawberry.input(description="What to copy: what a tag points to, or a manifest; one of both.")
class TagCopySourceInput:
    repository: RepositoryPath = strawberry.field(description="Where it is.")
    tag: str | None = strawberry.field(default=None, description="The tag that points to it.")
    manifest_digest: Digest | None = strawberry.field(default=None, description="The manifest itself.")


@strawberry.input(description="Where a tag shall point to what is copied.")
class TagCopyTargetInput:
    repository: RepositoryPath = strawberry.field(description="The repository.")
    tag: str = strawberry.field(description="The tag to make or to move.")


@strawberry.type(description="What came of copying.")
class TagCopyPayload(Payload):
    tags: list[Tag] | None = strawberry.field(
        default=None, description="Where the tags point now, in the order of the targets; null if refused."
    )


@strawberry.type
class TagCopyMutation:
    @mutation(
        TagCopyPayload,
        description="Let tags of several repositories point to a manifest of one, by reference and without a"
        " push: all of them or none. Requires `repo:read` on the source and `repo:write` on every target.",
    )
    async def tag_copy(
        self,
        info: Info,
        from_: Annotated[TagCopySourceInput, strawberry.argument(name="from", description="What to copy.")],
        to: Annotated[
            list[TagCopyTargetInput], strawberry.argument(description="Where to; at most 100 targets.")
        ],
        include_referrers: Annotated[
            bool,
            strawberry.argument(
                description="Also what refers to it, and to the images of an index: signatures, attestations,"
                " SBOMs. Tags by which cosign names a digest, `sha256-<hex>.sig`, `.att` and `.sbom`, are set"
                " in the targets as they are in the source; at most 1,000 of them in all targets together."
            ),
        ] = False,
        can_create: Annotated[
            bool,
            strawberry.argument(
                description="Make target repositories that do not exist, private. Requires `repo:create`."
            ),
        ] = False,
    ) -> Any:
        records = await resolvers.tags.copy.copy(
            info.context.context,
            CopySource(from_.repository, from_.tag, from_.manifest_digest),
            [CopyTarget(target.repository, target.tag) for target in to],
            include_referrers=include_referrers,
            can_create=can_create,
        )
        return TagCopyPayload(tags=[to_tag(record) for record in records])
