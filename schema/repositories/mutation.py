"""Mutations that create, change and delete repositories."""

from typing import Annotated, Any

import strawberry

import resolvers.repositories.repository
from resolvers.repositories.repository import RepositoryState, Visibility
from schema.context import Info
from schema.errors import DeletionPayload, mutation, payload
from schema.inputs import PathArgument
from schema.node_id import encode_id
from schema.repositories.repository import Repository, to_judged_repository
from schema.scalars import RepositoryPath


@strawberry.input(description="A new repository.")
class RepositoryCreateInput:
    name: str = strawberry.field(
        description="The name below the namespace: lower-case letters, digits, `.`, `_`, `-`,"
        " and `/` between parts."
    )
    visibility: Visibility = strawberry.field(
        default=Visibility.PRIVATE, description="Who may pull; private if not given."
    )
    namespace: str | None = strawberry.field(
        default=None, description="A user or organization; the viewer's own if not given."
    )
    description: str | None = strawberry.field(default=None, description="Markdown.")


@strawberry.input(description="What to change.")
class RepositoryUpdateInput:
    description: str | None = strawberry.field(description="Markdown; null clears it.")


_FIELD = (Repository, "The repository; null if refused.")


RepositoryCreatePayload = payload(
    "RepositoryCreatePayload", "What came of creating a repository.", repository=_FIELD
)
RepositoryUpdatePayload = payload(
    "RepositoryUpdatePayload", "What came of changing a repository.", repository=_FIELD
)
RepositoryVisibilityChangePayload = payload(
    "RepositoryVisibilityChangePayload",
    "What came of making a repository public or private.",
    repository=_FIELD,
)
RepositoryStateChangePayload = payload(
    "RepositoryStateChangePayload", "What came of changing a repository's state.", repository=_FIELD
)


@strawberry.type(description="What came of deleting a repository.")
class RepositoryDeletePayload(DeletionPayload):
    path: RepositoryPath | None = strawberry.field(
        default=None, description="What was deleted; null if there was none, or if refused."
    )


@strawberry.type
class RepositoryMutation:
    @mutation(
        RepositoryCreatePayload,
        description="Create a repository. Requires `repo:create` and the role creator in the namespace.",
    )
    async def repository_create(
        self,
        info: Info,
        input: Annotated[RepositoryCreateInput, strawberry.argument(description="The new repository.")],
    ) -> Any:
        record = await resolvers.repositories.repository.create(
            info.context.context,
            namespace=input.namespace,
            name=input.name,
            visibility=input.visibility,
            description=input.description,
        )
        return RepositoryCreatePayload(repository=to_judged_repository(record))

    @mutation(RepositoryUpdatePayload, description="Change the description. Requires `repo:write`.")
    async def repository_update(
        self,
        info: Info,
        repository: PathArgument,
        input: Annotated[RepositoryUpdateInput, strawberry.argument(description="What to change.")],
    ) -> Any:
        record = await resolvers.repositories.repository.update(
            info.context.context, repository, description=input.description
        )
        return RepositoryUpdatePayload(repository=to_judged_repository(record))

    @mutation(
        RepositoryVisibilityChangePayload,
        description="Make a repository public or private. Requires `repo:admin`.",
    )
    async def repository_visibility_change(
        self,
        info: Info,
        repository: PathArgument,
        visibility: Annotated[Visibility, strawberry.argument(description="Who may pull.")],
    ) -> Any:
        record = await resolvers.repositories.repository.change_visibility(
            info.context.context, repository, visibility
        )
        return RepositoryVisibilityChangePayload(repository=to_judged_repository(record))

    @mutation(
        RepositoryStateChangePayload,
        description="Change what may be written. Requires `repo:admin`.",
    )
    async def repository_state_change(
        self,
        info: Info,
        repository: PathArgument,
        state: Annotated[
            RepositoryState, strawberry.argument(description="`NORMAL`, `READ_ONLY` or `MIRROR`.")
        ],
    ) -> Any:
        record = await resolvers.repositories.repository.change_state(info.context.context, repository, state)
        return RepositoryStateChangePayload(repository=to_judged_repository(record))

    @mutation(
        RepositoryDeletePayload,
        description="Delete a repository with all it holds, at once. Requires `repo:admin`.",
    )
    async def repository_delete(self, info: Info, repository: PathArgument) -> Any:
        record = await resolvers.repositories.repository.delete(info.context.context, repository)
        if record is None:
            return RepositoryDeletePayload()
        gone = encode_id("Repository", record.id)
        return RepositoryDeletePayload(path=RepositoryPath(record.path), deleted_id=gone)
