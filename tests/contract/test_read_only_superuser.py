"""Read-only superusers see, field by field, what superusers with full access see, and no credential.

No answer that shows one to the others is compressed, since its length would tell of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from graphql import (
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLObjectType,
    get_named_type,
    is_leaf_type,
    is_required_argument,
)

from quayside.settings.settings import Settings
from schema import schema
from storage.statements import execute
from tests.contract.owed import given
from tests.contract.owed.place import Place, place
from tests.contract.owed.requests import carry_out
from tests.contract.owed.rows import Request
from tests.factories import Factory

GRAPH = schema._schema
SECRET = "hush-hush"
"""In all that is secret here."""

CONTENT = (
    given.PROTOTYPE,
    given.POLICY_OF_ACME,
    given.PRUNING_OF_ACME,
    given.PRUNING,
    given.LABEL,
    given.INVITED_BY_MAIL,
    given.INVITED,
    given.FEDERATION,
    given.APPLICATION,
    given.TOKEN,
    given.QUOTA,
    given.QUOTA_LIMIT,
    Request(
        'notificationCreate(owner: { repository: "acme/app" }, input: { event: REPO_PUSH, method: WEBHOOK,'
        f' config: {{ url: "https://9.9.9.9/{SECRET}" }}, secret: "{SECRET}" }})',
        keep={"notification": "notification.uuid"},
    ),
    Request(
        f'buildRequest(repository: "acme/app", input: {{ archiveUrl: "https://9.9.9.9/x",'
        f' arguments: [{{ name: "KEY", value: "{SECRET}" }}] }})',
        keep={"build": "build.uuid"},
    ),
    Request('buildTriggerCreate(repository: "acme/app")', keep={"trigger": "trigger.uuid"}),
    Request(
        'buildTriggerActivate(repository: "acme/app", uuid: "<trigger>",'
        ' input: { config: { build_source: "git@9.9.9.9:acme/app.git" } })'
    ),
    Request(
        f'buildTriggerStart(repository: "acme/app", uuid: "<trigger>", input: {{ commit: "{"a" * 40}" }})',
        keep={"build": "build.uuid"},
    ),
    Request('notificationTest(owner: { repository: "acme/app" }, notification: "<notification>")'),
    given.MIRROR,
    Request(
        f'mirrorUpdate(repository: "acme/app", input: {{ username: "{SECRET}", password: "{SECRET}",'
        f' connection: {{ proxy: {{ httpsProxy: "https://u:{SECRET}@9.9.9.9" }} }} }})'
    ),
)
ROOTS: Mapping[str, str] = {
    "user": 'username: "owner"',
    "namespace": 'name: "acme"',
    "organization": 'name: "acme"',
    "application": 'clientId: "<helm>"',
    "auditLog": 'owner: { namespace: "acme" }',
    "auditSummary": 'owner: { namespace: "acme" }',
    "build": 'uuid: "<build>"',
    "explainAccess": 'repository: "acme/app", account: "keeper"',
    "explainPull": 'repository: "acme/app", tag: "v1"',
    "explainRetention": 'repository: "acme/app", tag: "v1"',
    "manifestDiff": 'from: { repository: "acme/app", tag: "v1" }, to: { repository: "acme/app", tag: "v1" }',
    "packageSearch": 'name: "flask"',
    "repository": 'path: "acme/app"',
    "search": 'text: "e"',
    "grantees": 'prefix: "", namespace: "acme", includeTeams: true',
    "mirrorHealth": "",
    "serviceKey": 'kid: "<signing>"',
    # Of themselves both see more.
    "users": 'filter: { contains: "owner" }',
    "vulnerabilitySearch": 'id: "CVE-1"',
}
"""The arguments of fields of the query."""
NOT_OF_OTHERS = {"viewer": "who asks", "node": "what the other fields show"}
ARGUMENTS: Mapping[str, str] = {
    "RepositoryOwner.robot": 'shortName: "bot"',
    "Namespace.robot": 'shortName: "bot"',
    "Organization.team": 'name: "members"',
    "Organization.member": 'name: "member"',
    "Organization.application": 'clientId: "<helm>"',
    "Repository.tag": 'name: "v1"',
    "Repository.notification": 'uuid: "<notification>"',
    "Repository.build": 'uuid: "<build>"',
    "Repository.buildTrigger": 'uuid: "<trigger>"',
    "Repository.buildLog": 'uuid: "<build>"',
}
LEVELS, PLACES = 2, 3

CREDENTIALS = {
    *("Robot.token", "Application.clientSecret", "Notification.config", "NotificationDelivery.response"),
    *("BuildTrigger.credentials", "RepositoryMirror.username", "MirrorProxy.httpsProxy"),
}
ROLES = {
    *("Repository.viewerRole", "Repository.viewerCanAdminister", "Repository.viewerCanWrite"),
    *("Organization.viewerRole", "Organization.viewerCanAdminister"),
    *("Organization.viewerCanCreateRepositories", "Team.viewerCanAdminister", "Namespace.viewerRole"),
    *("Application.viewerCanAdminister", "BuildTrigger.viewerCanStart"),
}
NOW = {
    *("AuditEntryConnection.startsAt", "AuditEntryConnection.endsAt", "MirrorHealth.checkedAt"),
    *("StoreHealth.latencyMs", "StoreHealth.freeBytes", "VulnerabilityDay.countedAt"),
}
"""Fields that tell of the moment when they were asked."""


def asked(type_: GraphQLObjectType | GraphQLInterfaceType, name: str) -> str | None:
    """A field with its arguments; None for one of which no arguments are known."""
    field = type_.fields[name]
    arguments = ARGUMENTS.get(f"{type_.name}.{name}")
    if arguments is None and any(is_required_argument(one) for one in field.args.values()):
        return None
    arguments = arguments or ("first: 2" if "first" in field.args else "")
    return f"{name}({arguments})" if arguments else name


def selection(field: GraphQLField, levels: int, shown: Counter[str]) -> str:
    """Everything in a field, some levels deep; connections count for none.

    A type is shown in the first places where it occurs, since most occur in dozens.
    """
    type_ = get_named_type(field.type)
    if not isinstance(type_, GraphQLObjectType | GraphQLInterfaceType):
        return "" if is_leaf_type(type_) else " { __typename }"
    is_connection = type_.name.endswith("Connection")
    found = ["__typename"]
    shown[type_.name] += 1
    if is_connection or shown[type_.name] <= PLACES:
        for name, inner in type_.fields.items():
            text = asked(type_, name)
            is_leaf = is_leaf_type(get_named_type(inner.type))
            if text is None or name in ("edges", "pageInfo") or not (is_leaf or levels or is_connection):
                continue
            found.append(text + selection(inner, levels - (not is_connection), shown))
    return f" {{ {' '.join(found)} }}"


def documents() -> Iterator[str]:
    """One for each field of the query, and where that is an object, for each object in it."""
    shown: Counter[str] = Counter()
    query = GRAPH.query_type
    assert query is not None
    for name, field in query.fields.items():
        if name in NOT_OF_OTHERS:
            continue
        unknown = [key for key, one in field.args.items() if is_required_argument(one)]
        assert name in ROOTS or not [key for key in unknown if key != "first"], f"{name} needs {unknown}"
        arguments = ROOTS.get(name, "")
        if "first" in field.args:
            arguments = f"{arguments} first: 2".lstrip()
        root = f"{name}({arguments})" if arguments else name
        type_ = get_named_type(field.type)
        if not isinstance(type_, GraphQLObjectType) or type_.name.endswith("Connection"):
            yield f"{{ {root}{selection(field, LEVELS, shown)} }}"
            continue
        leaves = []
        for inner_name, inner in type_.fields.items():
            text = asked(type_, inner_name)
            if text is not None and is_leaf_type(get_named_type(inner.type)):
                leaves.append(text)
            elif text is not None:
                yield f"{{ {root} {{ __typename {text}{selection(inner, LEVELS - 1, shown)} }} }}"
        yield f"{{ {root} {{ __typename {' '.join(leaves)} }} }}"


def differences(one: Any, other: Any, place: str = "") -> set[str]:
    """The fields, with their types, that differ in two answers."""
    if isinstance(one, dict) and isinstance(other, dict):
        owner = one.get("__typename", "Query")
        return set().union(*(differences(one[key], other.get(key), f"{owner}.{key}") for key in one))
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        return set().union(*(differences(*pair, place) for pair in zip(one, other, strict=True)))
    return set() if one == other else {place}


async def answer(populated: Place, caller: str, document: str) -> tuple[dict[str, Any], bool]:
    """What a caller is answered who wants it compressed, and whether it is."""
    headers = {"Accept-Encoding": "gzip, identity;q=0"} | populated.callers[caller].headers
    for name, fact in populated.facts.items():
        document = document.replace(f"<{name}>", str(fact))
    response = await populated.http.post("/graphql", json={"query": document}, headers=headers)
    found = response.json()
    # A question that is too large would be answered to nobody.
    assert found.get("data"), (document[:300], found["errors"][:2])
    return found, "Content-Encoding" in response.headers


async def test_each_field_of_the_schema_shows_them_what_full_access_shows_but_credentials(
    factory: Factory, settings_with_files: Settings
) -> None:
    settings = settings_with_files
    settings = replace(settings, features=settings.features | {"SUPERUSERS_FULL_ACCESS"})
    found: set[str] = set()
    secrets: list[str] = []
    compressed: Counter[bool] = Counter()
    async with place(factory, settings) as populated:
        for request in CONTENT:
            assert await carry_out(populated, request) is None
        await execute("UPDATE notification_delivery SET response = ?", SECRET)
        for document in documents():
            full, is_compressed = await answer(populated, "super", document)
            seen, _ = await answer(populated, "inspector", document)
            different = differences(full["data"], seen["data"])
            found |= different
            if different & CREDENTIALS:
                assert not is_compressed, document
            compressed[is_compressed] += 1
            if SECRET in str(seen["data"]):
                secrets.append(document)
            assert full.get("errors") == seen.get("errors"), document

    assert secrets == []
    assert compressed[True] > compressed[False]
    assert found - NOW == CREDENTIALS | ROLES
