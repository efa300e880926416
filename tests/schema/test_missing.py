"""What refusals say is missing: reason, scopes and role, as far as the schema tells it anyway."""

from typing import Any

import pytest

from resolvers.access.roles import RepositoryRole
from resolvers.access.scopes import DIRECT, Scope
from tests.factories import Factory
from tests.schema.client import GraphQL

DELETE = 'mutation { repositoryDelete(repository: "acme/app") { path errors { code } } }'
READ = '{ repository(path: "acme/app") { path } }'
ROBOTS = '{ namespace(name: "acme") { robots { totalCount } } }'
LOG = '{ auditLog(owner: { namespace: "acme" }) { totalCount } }'
STARS = "{ viewer { starredRepositories { totalCount } } }"
JOBS = "{ jobs { totalCount } }"
SETTINGS = '{ organization(name: "acme") { settings { email } } }'
DELETE_SELF = "mutation { userDelete { errors { code } } }"


async def missing(client: GraphQL, document: str) -> dict[str, Any]:
    """Message and extensions of the one error."""
    (error,) = (await client.answer(document))["errors"]
    return {"message": error["message"]} | error["extensions"]


@pytest.fixture
async def acme(factory: Factory, ada: GraphQL) -> None:
    await factory.user("bob")
    await factory.organization("acme", owner="ada")
    await factory.repository("acme/app", by="ada")


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (
            READ,
            {
                "message": "Sign in, or send an access token with the scope `repo:read`.",
                "requiredScopes": ["repo:read", "repo:write", "repo:admin"],
                "requiredRole": "READ",
            },
        ),
        (
            DELETE,
            {
                "message": "Sign in, or send an access token with the scope `repo:admin`.",
                "requiredScopes": ["repo:admin"],
                "requiredRole": "ADMIN",
            },
        ),
        (
            JOBS,
            {
                "message": "Sign in, or send an access token with the scope `super:user`.",
                "requiredScopes": ["super:user"],
                "requiredRole": None,
            },
        ),
    ],
)
async def test_anonymous_callers_learn_how_to_be_somebody(
    graphql: GraphQL, acme: None, document: str, expected: dict[str, Any]
) -> None:
    assert (
        await missing(graphql, document)
        == {
            "code": "UNAUTHENTICATED",
            "reason": "NOT_SIGNED_IN",
            "grantedScopes": [],
        }
        | expected
    )


@pytest.mark.parametrize(
    ("scopes", "document", "expected"),
    [
        (
            {Scope.REPO_READ, Scope.USER_READ},
            DELETE,
            {
                "message": "The token lacks a scope for this: `repo:admin`.",
                "reason": "SCOPE",
                "requiredScopes": ["repo:admin"],
                "requiredRole": "ADMIN",
            },
        ),
        (
            {Scope.USER_READ},
            READ,
            {
                "message": "The token lacks a scope for this: `repo:read`, `repo:write` or `repo:admin`.",
                "reason": "SCOPE",
                "requiredScopes": ["repo:read", "repo:write", "repo:admin"],
                "requiredRole": "READ",
            },
        ),
        (
            {Scope.USER_ADMIN},
            LOG,
            {
                "message": "The token lacks a scope for this outside of your own account: `org:admin`.",
                "reason": "SCOPE",
                "requiredScopes": ["org:admin"],
                "requiredRole": "ADMIN",
            },
        ),
        (
            {Scope.REPO_CREATE},
            SETTINGS,
            {
                "message": "The token lacks a scope for this: `org:admin`.",
                "reason": "SCOPE",
                "requiredScopes": ["org:admin"],
                "requiredRole": "ADMIN",
            },
        ),
        (
            {Scope.USER_READ},
            STARS,
            {
                "message": "The token lacks a scope for this: `user:admin`.",
                "reason": "SCOPE",
                "requiredScopes": ["user:admin"],
                "requiredRole": None,
            },
        ),
    ],
)
async def test_a_token_learns_which_scopes_would_do(
    factory: Factory,
    ada: GraphQL,
    acme: None,
    scopes: set[Scope],
    document: str,
    expected: dict[str, Any],
) -> None:
    client = ada.with_token(await factory.token("ada", frozenset(scopes)))

    assert (
        await missing(client, document)
        == {
            "code": "FORBIDDEN",
            "grantedScopes": sorted(scopes),
        }
        | expected
    )


@pytest.mark.parametrize(
    ("document", "role", "message"),
    [
        (READ, "READ", "You lack the role READ on the repository, or there is none such."),
        (DELETE, "ADMIN", "You lack the role ADMIN on the repository, or there is none such."),
        (ROBOTS, "MEMBER", "You lack the role MEMBER in the namespace, or there is none such."),
        (SETTINGS, "ADMIN", "You lack the role ADMIN in the namespace, or there is none such."),
    ],
)
async def test_whoever_holds_the_scopes_learns_the_role(
    factory: Factory, ada: GraphQL, acme: None, document: str, role: str, message: str
) -> None:
    bob = ada.with_token(await factory.token("bob"))

    found = await missing(bob, document)

    assert (found["message"], found["reason"], found["requiredRole"]) == (message, "ROLE", role)


async def test_a_token_is_told_that_only_people_may(factory: Factory, ada: GraphQL) -> None:
    assert (await missing(ada, DELETE_SELF))["reason"] == "IN_PERSON"
    assert (await missing(ada, JOBS))["message"] == "Only superusers may do this."


async def test_what_is_hidden_and_what_is_absent_are_missing_the_same(
    factory: Factory, ada: GraphQL, acme: None
) -> None:
    await factory.user("carol")
    await factory.repository("acme/read", by="ada")
    await factory.grant("acme/read", "carol", RepositoryRole.READ, by="ada")
    carol = ada.with_token(await factory.token("carol", frozenset({Scope.REPO_ADMIN})))

    answers = [
        await missing(carol, DELETE.replace("acme/app", path))
        for path in ("acme/app", "acme/read", "acme/absent", "nowhere/app")
    ]

    assert answers == [answers[0]] * 4
    assert answers[0]["requiredRole"] == "ADMIN"


async def test_a_login_without_a_token_is_granted_directly(factory: Factory) -> None:
    await factory.user("bob")
    context = await factory.as_account("bob", DIRECT)

    with pytest.raises(Exception, match="Unauthorized") as caught:
        context.viewer.require_superuser()

    refusal = caught.value.refusal  # type: ignore[attr-defined]
    assert (refusal.reason, refusal.granted_scopes) == ("SUPERUSER", ("direct_user_login",))
