"""Search, and the search for grantees."""

from typing import Annotated

import strawberry

from resolvers.access.viewer import AccountKind
from resolvers.accounts.account import AccountRecord
from resolvers.accounts.team import TeamRecord
from resolvers.repositories.repository import RepositoryRecord
from resolvers.search import grantees as grantee_search
from resolvers.search import search
from resolvers.search.search import MAX_PER_KIND, SearchKind, SearchRecord
from schema.accounts.account import User, to_user
from schema.accounts.organization import Organization, to_organization
from schema.accounts.robot import Robot, account_node
from schema.accounts.team import Team, to_judged_team
from schema.connections import After, Connection, First, connect, page
from schema.context import Info
from schema.repositories.repository import Repository, to_judged_repository

strawberry.enum(SearchKind, name="SearchKind", description="What can be found.")

SearchItem = Annotated[
    Repository | Organization | User | Team | Robot,
    strawberry.union("SearchItem", description="What was found."),
]

GranteeChoice = Annotated[
    User | Robot | Team | Organization,
    strawberry.union("GranteeChoice", description="Whom something can be granted to."),
]


def _to_node(
    record: RepositoryRecord | AccountRecord | TeamRecord,
) -> Repository | Organization | User | Team | Robot:
    if isinstance(record, RepositoryRecord):
        return to_judged_repository(record)
    if isinstance(record, TeamRecord):
        return to_judged_team(record)
    if record.kind is AccountKind.ORGANIZATION:
        return to_organization(record)
    if record.kind is AccountKind.USER:
        return to_user(record)
    node = account_node(record)
    assert isinstance(node, Robot)
    return node


@strawberry.type(description="Something that was found.")
class SearchResult:
    record: strawberry.Private[SearchRecord]

    @strawberry.field(
        description="How well the text fits, 0.5 (the description holds it) to 1 (it is the name), times 4"
        " for repositories and 2 for teams."
    )
    def score(self) -> float:
        return self.record.score

    @strawberry.field(description="What was found.")
    def item(self) -> SearchItem:
        return _to_node(self.record.item)


@strawberry.type
class SearchQuery:
    @strawberry.field(
        description="What the viewer may see and a text fits, the best first, then the most pulled, then what"
        " changed last. Found are repositories by name or description, organizations, users, and the teams"
        " and robots of the viewer's own namespaces. A text of less than three letters or digits in a row is"
        " only looked for at the beginning of names; in `acme/app`, `acme` may be the namespace."
    )
    async def search(
        self,
        info: Info,
        text: Annotated[
            str,
            strawberry.argument(
                description="A part of the name or description; what follows 255 characters is ignored. If"
                " empty, repositories are found if they alone are asked for, otherwise nothing."
            ),
        ],
        kinds: Annotated[
            list[SearchKind] | None, strawberry.argument(description="Only these; all if not given.")
        ] = None,
        per_kind: Annotated[
            int,
            strawberry.argument(description=f"At most so many of each kind, 1 to {MAX_PER_KIND}."),
        ] = MAX_PER_KIND,
        first: First = 50,
        after: After = None,
    ) -> Connection[SearchResult]:
        found = await search.search(
            info.context.context, text, page(first, after), kinds=kinds, per_kind=per_kind
        )
        return connect(found, lambda record: SearchResult(record=record))

    @strawberry.field(
        description="Whom something can be granted to, by the beginning of the name: at most ten teams, ten"
        " users and robots, whoever has exactly this name first, and one organization."
    )
    async def grantees(
        self,
        info: Info,
        prefix: Annotated[
            str, strawberry.argument(description="How the name begins; case and accents do not matter.")
        ],
        namespace: Annotated[
            str | None,
            strawberry.argument(
                description="The user or organization whose robots are offered too, by their short names"
                " or their whole ones. For the owner and the organization's members."
            ),
        ] = None,
        include_teams: Annotated[
            bool, strawberry.argument(description="Also teams of the organization. For its members.")
        ] = False,
        include_organization: Annotated[
            bool, strawberry.argument(description="Also the organization itself. For its members.")
        ] = False,
    ) -> list[GranteeChoice]:
        found = await grantee_search.grantees(
            info.context.context,
            prefix,
            namespace=namespace,
            include_teams=include_teams,
            include_organization=include_organization,
        )
        return [_to_node(record) for record in found]  # type: ignore[misc]
