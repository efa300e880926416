"""Auto-prune policies of namespaces and repositories: made, changed, shown and removed, at both doors."""

import asyncio
from dataclasses import replace
from typing import Any, Literal

import httpx
import pytest

from quayside.settings.settings import Settings
from resolvers.accounts import organization
from resolvers.accounts.namespace import Owner
from resolvers.context import Context
from resolvers.errors import NotFound
from resolvers.pruning import policy
from resolvers.pruning.policy import POLICIES, PruneMethod, rule_of
from resolvers.repositories import purge, repository
from resolvers.repositories.policies import Place
from storage.statements import execute, fetch, fetch_one
from tests.contract.world import ORGANIZATION, World, callers
from tests.factories import Factory
from tests.schema.client import GraphQL, endpoint

CREATE = """
mutation ($owner: OwnerInput, $input: PrunePolicyCreateInput!) {
  prunePolicyCreate(owner: $owner, input: $input) {
    policy {
      id uuid method value tagPattern hasTagPatternMatch keptIfPulledWithinDays createdAt
    } errors { code field message } } }
"""
UPDATE = """
mutation ($owner: OwnerInput, $uuid: String!, $input: PrunePolicyUpdateInput!) {
  prunePolicyUpdate(owner: $owner, policy: $uuid, input: $input) {
    policy { method value tagPattern hasTagPatternMatch keptIfPulledWithinDays }
    errors { code field message } } }
"""
DELETE = """
mutation ($owner: OwnerInput, $uuid: String!) {
  prunePolicyDelete(owner: $owner, policy: $uuid) { uuid errors { code field message } } }
"""
LISTS = """{
  repository(path: "acme/app") { prunePolicies { totalCount nodes { value } } }
  namespace(name: "acme") { prunePolicies { totalCount nodes { value } } }
  own: namespace { prunePolicies { totalCount nodes { value } } }
}"""
APP, ACME = {"repository": "acme/app"}, {"namespace": "acme"}
TEN = {"method": "NUMBER_OF_TAGS", "value": 10}
FULL = {
    "method": "CREATION_DATE",
    "value": "30d",
    "tagPattern": "^v",
    "hasTagPatternMatch": False,
    "keptIfPulledWithinDays": 14,
}


@pytest.fixture
async def acme(factory: Factory, ada: GraphQL) -> None:
    """An organization of `ada` with two repositories."""
    await factory.organization("acme", owner="ada")
    for path in ("acme/app", "acme/other"):
        await factory.repository(path, by="ada")


async def values(client: GraphQL) -> dict[str, list[Any]]:
    """The values of the policies of each owner."""
    found = await client.data(LISTS)
    for one in found.values():
        assert one["prunePolicies"]["totalCount"] == len(one["prunePolicies"]["nodes"])
    return {name: [node["value"] for node in one["prunePolicies"]["nodes"]] for name, one in found.items()}


async def test_each_owner_has_policies_of_its_own(ada: GraphQL, acme: None) -> None:
    made = {
        name: (await ada.payload(CREATE, owner=owner, input=rule))["policy"]
        for name, owner, rule in (
            ("app", APP, TEN),
            ("app too", APP, FULL),
            ("acme", ACME, FULL | {"value": "8w"}),
            ("own", None, TEN | {"value": "3"}),
        )
    }

    assert {key: made["app too"][key] for key in FULL} == FULL
    assert made["app"]["tagPattern"] is made["app"]["keptIfPulledWithinDays"] is None
    assert made["app"]["hasTagPatternMatch"] is True
    # Digits in a text are the number that they stand for.
    assert await values(ada) == {"repository": [10, "30d"], "namespace": ["8w"], "own": [3]}
    one = """query ($mine: String!, $other: String!) { repository(path: "acme/app") {
      mine: prunePolicy(uuid: $mine) { id } other: prunePolicy(uuid: $other) { id } } }"""
    assert (await ada.data(one, mine=made["app"]["uuid"], other=made["acme"]["uuid"]))["repository"] == {
        "mine": {"id": made["app"]["id"]},
        "other": None,
    }


async def test_a_policy_is_not_found_at_another_owner(ada: GraphQL, acme: None) -> None:
    uuids = {
        name: (await ada.payload(CREATE, owner=owner, input=TEN))["policy"]["uuid"]
        for name, owner in (("app", APP), ("acme", ACME), ("own", None))
    }
    others = {
        "app": [ACME, {"repository": "acme/other"}, None],
        "acme": [APP, None],
        "own": [APP, ACME],
    }

    for name, owners in others.items():
        for owner in owners:
            asked = {"owner": owner, "uuid": uuids[name]}
            assert await ada.payload_error(UPDATE, **asked, input={"value": 1}) == ("NOT_FOUND", "policy")
            assert await ada.payload_error(DELETE, **asked) == ("NOT_FOUND", "policy")
    assert await values(ada) == {"repository": [10], "namespace": [10], "own": [10]}


async def test_an_equal_policy_is_refused_when_it_is_made_and_not_when_it_becomes_one(
    ada: GraphQL, acme: None
) -> None:
    rules = (
        TEN,
        TEN | {"tagPattern": "v"},
        TEN | {"tagPattern": "v", "hasTagPatternMatch": False},
        TEN | {"value": 11},
        {"method": "CREATION_DATE", "value": "7d"},
        # The same age, spelt otherwise.
        {"method": "CREATION_DATE", "value": "1w"},
    )
    uuids = [(await ada.payload(CREATE, owner=APP, input=rule))["policy"]["uuid"] for rule in rules]

    for rule in (
        *rules,
        TEN | {"value": "10"},
        TEN | {"tagPattern": " v "},
        TEN | {"keptIfPulledWithinDays": 1},
    ):
        assert await ada.payload_error(CREATE, owner=APP, input=rule) == ("ALREADY_EXISTS", "input.value")
    await ada.payload(CREATE, owner=ACME, input=TEN)
    await ada.payload(UPDATE, owner=APP, uuid=uuids[3], input={"value": 10})

    assert await values(ada) == {
        "repository": [10, 10, 10, 10, "7d", "1w"],
        "namespace": [10],
        "own": [],
    }


async def test_of_two_equal_policies_made_at_once_one_is_refused(ada: GraphQL, acme: None) -> None:
    for owner in (APP, ACME):
        answers = await asyncio.gather(*(ada.data(CREATE, owner=owner, input=FULL) for _ in range(4)))

        codes = [[error["code"] for error in answer["prunePolicyCreate"]["errors"]] for answer in answers]
        assert sorted(codes) == [[], *[["ALREADY_EXISTS"]] * 3]
    assert await values(ada) == {"repository": ["30d"], "namespace": ["30d"], "own": []}


async def test_an_owner_has_a_hundred_policies_at_most(ada: GraphQL, acme: None) -> None:
    first = (await ada.payload(CREATE, owner=APP, input=TEN))["policy"]["uuid"]
    await execute(
        "INSERT INTO prune_policy"
        " (uuid, namespace_id, repository_id, method, value, tag_pattern_matches, created_at_ms)"
        " SELECT 'u' || n, namespace_id, repository_id, method, '1' || n, tag_pattern_matches, created_at_ms"
        " FROM prune_policy, (WITH RECURSIVE t (n) AS"
        " (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < 99) SELECT n FROM t) t"
    )

    assert await ada.payload_error(CREATE, owner=APP, input=FULL) == ("TOO_MANY", "owner")
    await ada.payload(CREATE, owner=ACME, input=FULL)
    await ada.payload(DELETE, owner=APP, uuid=first)
    await ada.payload(CREATE, owner=APP, input=FULL)


async def test_a_change_keeps_what_it_does_not_name(ada: GraphQL, acme: None) -> None:
    uuid = (await ada.payload(CREATE, owner=APP, input=FULL))["policy"]["uuid"]
    expected = dict(FULL)

    for change in (
        {},
        {"value": "2w"},
        {"hasTagPatternMatch": True},
        {"tagPattern": None},
        {"keptIfPulledWithinDays": None},
        {"method": "NUMBER_OF_TAGS", "value": 5},
        {"tagPattern": "rc", "keptIfPulledWithinDays": 7},
    ):
        changed = await ada.payload(UPDATE, owner=APP, uuid=uuid, input=change)
        expected |= change
        assert changed["policy"] == expected, change

    # The value of one method is none of the other.
    for change in ({"method": "CREATION_DATE"}, {"value": "2w"}):
        assert await ada.payload_error(UPDATE, owner=APP, uuid=uuid, input=change) == (
            "INVALID",
            "input.value",
        )
    assert (await ada.payload(UPDATE, owner=APP, uuid=uuid, input={}))["policy"] == expected


async def test_without_the_feature_policies_are_shown_and_not_changed(
    factory: Factory, ada: GraphQL, acme: None
) -> None:
    uuid = (await ada.payload(CREATE, owner=ACME, input=TEN))["policy"]["uuid"]

    async with endpoint(factory.without_features("AUTO_PRUNE")) as client:
        off = client.with_token(ada.token)
        assert [
            await off.payload_error(CREATE, owner=ACME, input=FULL),
            await off.payload_error(UPDATE, owner=ACME, uuid=uuid, input={"value": 1}),
            await off.payload_error(DELETE, owner=ACME, uuid=uuid),
        ] == [("INVALID", "owner")] * 3
        assert (await values(off))["namespace"] == [10]


@pytest.mark.parametrize("owner", [Owner(namespace="acme"), Owner(repository="acme/app")])
async def test_a_policy_of_what_is_deleted_meanwhile_is_not_found(
    owner: Owner, factory: Factory, acme: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = await factory.as_account("ada")
    find = POLICIES.place

    async def place(context: Context, argument: Owner) -> Place:
        found = await find(context, argument)
        if argument.repository:
            await repository.delete(ada, argument.repository)
        else:
            await organization.delete(ada, "acme")
        return found

    monkeypatch.setattr(POLICIES, "place", place)
    with pytest.raises(NotFound) as refused:
        await policy.create(ada, owner, rule_of(PruneMethod.NUMBER_OF_TAGS, 1))

    assert refused.value.field == "owner"
    assert await fetch("SELECT id FROM prune_policy") == []


async def test_policies_end_with_their_repository_and_their_namespace(
    ada: GraphQL, factory: Factory, acme: None
) -> None:
    for owner in (APP, {"repository": "acme/other"}, ACME, None):
        await ada.payload(CREATE, owner=owner, input=TEN)
    context = await factory.as_account("ada")

    await repository.delete(context, "acme/app")
    (gone,) = await fetch("SELECT id FROM repository WHERE deleted_at_ms IS NOT NULL")
    await purge.purge_repository(gone["id"])
    assert len(await fetch("SELECT id FROM prune_policy")) == 3

    row = await fetch_one("SELECT id FROM account WHERE name = 'acme'")
    assert row is not None
    await organization.delete(context, "acme")
    await purge.purge_namespace(row["id"])
    (left,) = await fetch("SELECT a.name FROM prune_policy p JOIN account a ON a.id = p.namespace_id")
    assert left["name"] == "ada"


BY_AGE = {"method": "creation_date", "value": "7d", "tagPattern": "^v", "tagPatternMatches": False}
BY_NUMBER = {"method": "number_of_tags", "value": 10, "tagPattern": None, "tagPatternMatches": True}
BASES = {
    f"/organization/{ORGANIZATION}": (204, 204),
    f"/repository/{ORGANIZATION}/beacon": (200, 204),
    "/user": (204, 204),
    # Everybody administers the namespace of their own name, as if it were an organization.
    "/organization/tove": (204, 204),
}
"""Where policies are, with the documented and the observed status of a change."""


@pytest.mark.parametrize("codes", ["documented", "observed"])
async def test_policies_on_the_rest_interface(
    codes: Literal["documented", "observed"], factory: Factory, settings_with_files: Settings
) -> None:
    world = World(factory)
    await world.people()
    await world.organization()
    await world.repositories()

    async with callers(world, replace(settings_with_files, rest_status_codes=codes)) as caller:
        for base, statuses in BASES.items():

            async def ask(method: str, path: str, body: Any = None, *, who: str = base) -> httpx.Response:
                return await caller.ask("tove" if who.endswith("tove") else "maren", method, who + path, body)

            made = await ask("POST", "/autoprunepolicy", {"method": "number_of_tags", "value": "10"})
            uuid = made.json()["uuid"]
            assert (made.status_code, made.json()) == (201, {"uuid": uuid})
            one = f"/autoprunepolicy/{uuid}"
            await execute("UPDATE prune_policy SET kept_if_pulled_within_days = 30 WHERE uuid = ?", uuid)
            for slash in ("", "/"):
                listed = await ask("GET", f"/autoprunepolicy{slash}")
                assert listed.json() == {"policies": [{"uuid": uuid, **BY_NUMBER}]}
                assert (await ask("GET", one + slash)).json() == {"uuid": uuid, **BY_NUMBER}

            changed = await ask("PUT", one, BY_AGE)
            assert changed.status_code == statuses[codes == "observed"]
            assert changed.content == b"" if changed.status_code == 204 else changed.json() == {"uuid": uuid}
            assert (await ask("GET", one)).json() == {"uuid": uuid, **BY_AGE}

            # What is not sent is as for a new policy; what REST does not know stays as it is.
            await ask("PUT", f"{one}/", {"method": "number_of_tags", "value": 10, "uuid": "other"})
            assert (await ask("GET", one)).json() == {"uuid": uuid, **BY_NUMBER}
            (row,) = await fetch("SELECT kept_if_pulled_within_days AS days FROM prune_policy")
            assert row["days"] == 30

            removed = await ask("DELETE", f"{one}/")
            expected = (200, {"uuid": uuid}) if codes == "observed" else (204, None)
            assert (removed.status_code, removed.json() if removed.content else None) == expected
            assert [(await ask(method, one, BY_AGE)).status_code for method in ("GET", "PUT", "DELETE")] == [
                404
            ] * 3


REFUSED = [
    ({"method": "nope", "value": 1}, "Invalid method provided"),
    ({"method": "number_of_tags", "value": 0}, "Invalid value given for method type"),
    ({"method": "number_of_tags", "value": "7d"}, "Invalid value given for method type"),
    ({"method": "creation_date", "value": 7}, "Invalid value given for method type"),
    ({"method": "creation_date", "value": "1x"}, "Invalid value given for method type"),
    ({"method": "number_of_tags"}, "'value' is a required property"),
    ({"method": "number_of_tags", "value": True}, None),
    ({"method": "number_of_tags", "value": None}, None),
    (
        {"method": "number_of_tags", "value": 1, "tagPattern": " "},
        "The pattern must have 1 to 256 characters.",
    ),
    ({"method": "number_of_tags", "value": 1, "tagPattern": "("}, None),
    ({"method": "number_of_tags", "value": 1, "tagPattern": 5}, None),
    ({"method": "number_of_tags", "value": 1, "tagPatternMatches": "yes"}, None),
    (
        {"method": "number_of_tags", "value": 10, "tagPattern": "v"},
        "Existing policy with same values for this {what}, duplicate policies are not permitted",
    ),
]


async def test_what_the_rest_interface_refuses(factory: Factory, settings_with_files: Settings) -> None:
    world = World(factory)
    await world.people()
    await world.organization()
    await world.repositories()

    async with callers(world, settings_with_files) as caller:
        for base, what in (
            (f"/organization/{ORGANIZATION}", "namespace"),
            (f"/repository/{ORGANIZATION}/beacon", "repository"),
            ("/user", "namespace"),
        ):
            policies = f"{base}/autoprunepolicy/"
            await caller.ask("maren", "POST", policies, REFUSED[-1][0])
            for body, text in REFUSED:
                answer = await caller.ask("maren", "POST", policies, body)
                found = answer.json()
                assert (answer.status_code, found["error_type"]) == (400, "invalid_request"), body
                if text is not None:
                    assert found["detail"].partition("\n")[0] == text.format(what=what)
        assert len(await fetch("SELECT id FROM prune_policy")) == 3


async def test_without_the_feature_the_rest_interface_has_no_policies(
    factory: Factory, settings_with_files: Settings
) -> None:
    world = World(factory)
    await world.people()
    settings = replace(settings_with_files, features=settings_with_files.features - {"AUTO_PRUNE"})

    async with callers(world, settings) as caller:
        answers = [
            await caller.ask("maren", method, f"/user/autoprunepolicy{path}", BY_AGE if path == "" else None)
            for method, path in (("GET", "/"), ("POST", ""), ("GET", "/x"), ("DELETE", "/x"))
        ]

    assert [answer.status_code for answer in answers] == [404] * 4
    assert await fetch("SELECT id FROM prune_policy") == []
