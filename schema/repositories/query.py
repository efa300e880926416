"""Root fields that find repositories."""

from typing import Annotated

import strawberry

import resolvers.repositories.repository
from resolvers.repositories.repository import RepositoryFilter, RepositoryOrder, Visibility
from schema.connections import After, Connection, First, connect, page
from schema.context import Info
from schema.inputs import PathArgument
from schema.repositories.repository import Repository, to_judged_repository


@strawberry.type
class RepositoryQuery:
    @strawberry.field(
        description="A repository by path. Refused, denied and absent alike, unless the viewer would see it"
        " if it existed; only then null means that there is none."
    )
    async def repository(self, info: Info, path: PathArgument) -> Repository | None:
        record = await resolvers.repositories.repository.repository(info.context.context, path)
        return to_judged_repository(record) if record else None

    @strawberry.field(description="The repositories that the viewer may see.")
    async def repositories(
        self,
        info: Info,
        first: First = 50,
        after: After = None,
        namespace: Annotated[
            str | None, strawberry.argument(description="Only those of this user or organization.")
        ] = None,
        include_public: Annotated[
            bool,
            strawberry.argument(
                description="Also public ones on which the viewer has no permission; true if not given."
            ),
        ] = True,
        visibility: Annotated[
            Visibility | None, strawberry.argument(description="Only those of this visibility.")
        ] = None,
        is_starred: Annotated[
            bool | None,
            strawberry.argument(
                description="Only those that the viewer has starred, public ones too, or only the others."
            ),
        ] = None,
        order_by: Annotated[
            RepositoryOrder, strawberry.argument(description="Their order; oldest first if not given.")
        ] = RepositoryOrder.CREATED_AT,
    ) -> Connection[Repository]:
        chosen = RepositoryFilter(
            namespace=namespace,
            include_public=include_public,
            visibility=visibility,
            is_starred=is_starred,
            order=order_by,
        )
        found = await resolvers.repositories.repository.repositories(
            info.context.context, chosen, page(first, after)
        )
        return connect(found, to_judged_repository)
