"""Mutations that set and remove stars."""

from typing import Any

import strawberry

from resolvers.repositories import star
from schema.context import Info
from schema.errors import Payload, mutation
from schema.inputs import PathArgument
from schema.repositories.repository import Repository, to_judged_repository, to_repository


@strawberry.type(description="What came of starring a repository.")
class RepositoryStarPayload(Payload):
    repository: Repository | None = strawberry.field(default=None, description="Null if refused.")


@strawberry.type(description="What came of taking a star away.")
class RepositoryUnstarPayload(Payload):
    repository: Repository | None = strawberry.field(default=None, description="Null if refused.")


@strawberry.type
class StarMutation:
    @mutation(
        RepositoryStarPayload,
        description="Star a repository, to find it again; again changes nothing. Requires `user:admin`, and"
        " to read the repository.",
    )
    async def repository_star(self, info: Info, repository: PathArgument) -> Any:
        record = await star.star(info.context.context, repository)
        return RepositoryStarPayload(repository=to_judged_repository(record))

    @mutation(
        RepositoryUnstarPayload,
        description="Take the viewer's star from a repository; without one nothing changes. Requires"
        " `user:admin`; without a star also to read the repository.",
    )
    async def repository_unstar(self, info: Info, repository: PathArgument) -> Any:
        record = await star.unstar(info.context.context, repository)
        return RepositoryUnstarPayload(repository=to_repository(record))
