"""What concerns the installation: each field and mutation by each caller, with and without full access."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from graphql import GraphQLField, GraphQLObjectType, get_named_type, is_leaf_type, is_required_argument

from quayside.settings.settings import Settings
from schema import schema
from tests.contract.owed.engine import problems
from tests.contract.owed.mutations import FAMILIES
from tests.contract.owed.place import Place, place
from tests.contract.test_read_only_superuser import ROOTS
from tests.factories import Factory

GRAPH = schema._schema
REFUSED = {
    "anonymous": "UNAUTHENTICATED",
    "outsider": "FORBIDDEN",
    "keeper": "FORBIDDEN",
    "owner": "FORBIDDEN",
    "plain super": "FORBIDDEN",
}
"""Who does not see the site: nobody, a user, who administers a repository or an organization, and a superuser
whose token does not say so."""
ALLOWED = ("super", "inspector")

OF_THE_SITE = {
    *("organizations", "users", "jobs", "serviceKeys", "serviceKey", "mails"),
    *("appTokens", "build", "quotas", "mirrorHealth"),
    *("site.auditLog", "site.auditSummary", "site.operations", "site.storage", "site.advisories"),
    "site.scanQueue",
    *("site.settings", "site.findings", "site.settingsSchema", "site.changelog"),
}
"""The fields of the query and of the site that are refused to all others, as are the fields inside."""


OF_OTHERS = {
    *("namespace", "repository", "auditLog", "auditSummary"),
    *("explainAccess", "explainPull", "explainRetention", "manifestDiff"),
}
"""The fields that a user is refused who has no part in what they are asked about here."""

MUTATIONS = [
    row
    for family in ("organizations", "sizes", "users", "service keys")
    for row in FAMILIES[family]
    if row.right == "superuser"
]
"""What only superusers do, which `test_owed.py` tries without full access, as it does quotas with it."""


def objects() -> Iterator[tuple[str, GraphQLField, str]]:
    """The fields of the query and of the site: path, field, and a document in which `%s` is the selection."""
    query = GRAPH.query_type
    assert query is not None
    site = get_named_type(query.fields["site"].type)
    assert isinstance(site, GraphQLObjectType)
    for owner, path, document in ((query, "", "{ %s }"), (site, "site.", "{ site { %s } }")):
        for name, field in owner.fields.items():
            if name not in ("node", "site"):
                given = " ".join(
                    [ROOTS.get(name, "") if not path else "", "first: 2" * ("first" in field.args)]
                )
                yield path + name, field, document % (f"{name}({given})%s" if given.strip() else f"{name}%s")


def documents() -> dict[str, list[str]]:
    """By path what asks for all of it; how the registry does has many fields, so each has a document."""
    found: dict[str, list[str]] = {}
    for path, field, document in objects():
        type_ = get_named_type(field.type)
        inner = ["" if is_leaf_type(type_) else "__typename"]
        if path in OF_THE_SITE and isinstance(type_, GraphQLObjectType):
            inner = [
                name if is_leaf_type(get_named_type(one.type)) else f"{name} {{ __typename }}"
                for name, one in type_.fields.items()
                if not any(is_required_argument(argument) for argument in one.args.values())
            ]
        whole = inner if path == "site.operations" else [" ".join(inner)]
        found[path] = [document % (f" {{ {selection} }}" if selection else "") for selection in whole]
    return found


async def outcome(populated: Place, caller: str, document: str) -> str:
    """The code of the first error, or `shown`."""
    for name, fact in populated.facts.items():
        document = document.replace(f"<{name}>", str(fact))
    answer = await populated.http.post(
        "/graphql", json={"query": document}, headers=populated.callers[caller].headers
    )
    errors = answer.json().get("errors") or []
    return str(errors[0]["extensions"]["code"]) if errors else "shown"


@pytest.mark.parametrize("has_full_access", [False, True])
async def test_who_sees_and_changes_the_site(
    has_full_access: bool, factory: Factory, settings_with_files: Settings
) -> None:
    settings = settings_with_files
    if has_full_access:
        settings = replace(settings, features=settings.features | {"SUPERUSERS_FULL_ACCESS"})
    wrong, refused = [], set()
    async with place(factory, settings) as populated:
        for path, asked in documents().items():
            if path not in OF_THE_SITE:
                if await outcome(populated, "outsider", asked[0]) == "FORBIDDEN":
                    refused.add(path)
                continue
            for document in asked:
                for caller, due in {**REFUSED, **dict.fromkeys(ALLOWED, "shown")}.items():
                    found = await outcome(populated, caller, document)
                    if found != due:
                        wrong.append((caller, document, found))
        broken = await problems(populated, MUTATIONS) if has_full_access else []
    assert wrong == []
    assert broken == []
    assert refused == OF_OTHERS
