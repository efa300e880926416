"""Operations that exist for several kinds of owner: one template of routes and documents, expanded for each.

In the documents of `chapters/<name>.owned.graphql`

    OWNER           the word for the owner in operation ids, such as `Organization`
    OWNER_VARIABLE  the declaration of the variable that names the owner; none for the signed-in user
    OWNER_ROOT      the root field that selects the owner, such as `namespace(name: $orgname)`
    OWNER_INPUT     the owner as an argument, such as `{namespace: $orgname}`
    # only: A B     keeps its line only for the owners A and B

are replaced before parsing. In routes, `{Owner}` in an operation id and `{owner}` in a path are replaced.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from rest_compat.route import Check, Route


@dataclass(frozen=True)
class Owner:
    """One kind of owner. `scope` and, for writes, `check` are defaults of its routes."""

    word: str
    path: str
    scope: str
    variable: str
    root: str
    input: str
    check: Check = Check.BODY
    scope_enforced: bool = False


ORGANIZATION: Final = Owner(
    word="Organization",
    path="/organization/{orgname}",
    scope="org:admin",
    variable='"Name of the organization, or of a user."\n  $orgname: String!',
    root="namespace(name: $orgname)",
    input="{namespace: $orgname}",
)
REPOSITORY: Final = Owner(
    word="Repository",
    path="/repository/{repository}",
    scope="repo:admin",
    variable='"Namespace and name of the repository."\n  $repository: RepositoryPath!',
    root="repository(path: $repository)",
    input="{repository: $repository}",
)
USER: Final = Owner(word="User", path="/user", scope="user:admin", variable="", root="viewer", input="")

_ONLY = re.compile(r"\s*# only: (?P<words>[A-Za-z ]+)$")


@dataclass(frozen=True)
class Owned:
    """Routes that each of `owners` has."""

    owners: tuple[Owner, ...]
    rows: tuple[Route, ...]

    def routes(self) -> Iterator[Route]:
        """Each row for each owner."""
        for owner in self.owners:
            for row in self.rows:
                has_check = row.check is not Check.BODY or row.method == "GET"
                yield replace(
                    row,
                    operation=row.operation.replace("{Owner}", owner.word),
                    path=row.path.replace("{owner}", owner.path),
                    scope=row.scope or owner.scope,
                    check=row.check if has_check else owner.check,
                    scope_enforced=row.scope_enforced or owner.scope_enforced,
                )


def owned(owners: Iterable[Owner], *rows: Route) -> Owned:
    """Routes that each of these owners has."""
    return Owned(tuple(owners), rows)


def documents_of(owners: Iterable[Owner], template: str) -> str:
    """The documents of a template for each owner."""
    return "\n".join("\n".join(_lines(template, owner)) for owner in owners)


def _lines(template: str, owner: Owner) -> Iterator[str]:
    for line in template.splitlines():
        only = _ONLY.search(line)
        if only is None or owner.word in only["words"].split():
            yield (
                _ONLY.sub("", line)
                .replace("OWNER_VARIABLE", owner.variable)
                .replace("OWNER_ROOT", owner.root)
                .replace("OWNER_INPUT", owner.input)
                .replace("OWNER", owner.word)
            )
