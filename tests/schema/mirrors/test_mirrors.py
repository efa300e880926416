"""Mirrors of repositories: made, changed, shown and removed, at both doors."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from quayside.settings.settings import Settings
from resolvers.access.roles import RepositoryRole
from storage.secrets import Secrets
from storage.statements import decode_json, execute, fetch, fetch_one
from tests.contract.world import ORGANIZATION, World, callers
from tests.factories import Factory
from tests.schema.client import GraphQL, endpoint

RULE = {"ruleKind": "TAG_GLOB_CSV", "ruleValue": ["v*", " latest "]}
NEW = {
    "source": "9.9.9.9/team/app",
    "robot": "acme+bot",
    "rule": RULE,
    "syncStartsAt": "2126-01-01T00:00:00Z",
    "syncIntervalS": 3600,
}
CREATE = """
mutation ($input: MirrorCreateInput!) {
  mirrorCreate(repository: "acme/app", input: $input) { mirror { source } errors { code field message } } }
"""
UPDATE = """
mutation ($input: MirrorUpdateInput!) {
  mirrorUpdate(repository: "acme/app", input: $input) {
    mirror { retriesRemaining } errors { code field message } } }
"""
SHOW = """{ repository(path: "acme/app") { state mirror {
  source tagPatterns robot { name } isEnabled followsDeletions architectures syncStartsAt syncIntervalS
  tagTimeoutS status retriesRemaining runExpiresAt username hasPassword isTlsVerified canBeUnsigned
  proxy { httpProxy httpsProxy noProxy } } } }"""
PLAN = 'mutation { mirrorPlan(repository: "acme/app") { errors { code field message } } }'
DO = 'mutation { %s(repository: "acme/app") { errors { code } } }'


@pytest.fixture
async def acme(factory: Factory, ada: GraphQL) -> None:
    """An organization of `ada` with a repository and a robot, which may read it."""
    await factory.organization("acme", owner="ada")
    await factory.repository("acme/app", by="ada")
    await factory.robot("acme+bot", by="ada")
    await factory.grant("acme/app", "acme+bot", RepositoryRole.READ, by="ada")


async def made(ada: GraphQL, **more: Any) -> None:
    payload = await ada.payload(CREATE, input=NEW | more)
    assert payload == {"mirror": {"source": "9.9.9.9/team/app"}, "errors": []}


async def shown(ada: GraphQL) -> dict[str, Any]:
    found: dict[str, Any] = (await ada.data(SHOW))["repository"]
    return found


async def done(ada: GraphQL, name: str) -> list[str]:
    (payload,) = (await ada.data(DO % name)).values()
    return [error["code"] for error in payload["errors"]]


async def changes() -> list[tuple[str, Any]]:
    """What events say of changes, oldest first."""
    rows = await fetch("SELECT metadata FROM event WHERE kind = 'repo_mirror_config_changed' ORDER BY id")
    found = [decode_json(row["metadata"]) for row in rows]
    return [(one["changed"], one["to"]) for one in found]


async def test_a_repository_becomes_a_mirror_and_is_none_any_more(acme: None, ada: GraphQL) -> None:
    assert await shown(ada) == {"state": "NORMAL", "mirror": None}

    proxy = {"httpProxy": "http://u:p@9.9.9.9:3128"}
    await made(
        ada,
        username="keeper",
        password="beam",
        followsDeletions=True,
        connection={"verifyTls": False, "proxy": proxy},
    )

    expected = {
        **{key: NEW[key] for key in ("source", "syncIntervalS")},
        "syncStartsAt": "2126-01-01T00:00:00Z",
        "tagPatterns": ["v*", "latest"],
        "robot": {"name": "acme+bot"},
        "isEnabled": True,
        "followsDeletions": True,
        "architectures": [],
        "tagTimeoutS": 300,
        "status": "NEVER_RUN",
        "retriesRemaining": 3,
        "runExpiresAt": None,
        "username": "keeper",
        "hasPassword": True,
        "isTlsVerified": False,
        "canBeUnsigned": False,
        "proxy": {"httpsProxy": None, "noProxy": None} | proxy,
    }
    assert await shown(ada) == {"state": "MIRROR", "mirror": expected}
    row = await fetch_one("SELECT * FROM repository_mirror")
    assert row is not None
    assert not any(secret in str(dict(row)) for secret in ("keeper", "beam", "3128"))
    role = await fetch_one(
        "SELECT p.role FROM repository_permission p JOIN account a ON a.id = p.account_id"
        " WHERE a.name = 'acme+bot'"
    )
    assert role == {"role": "write"}
    assert await ada.payload_error(CREATE, input=NEW) == ("ALREADY_EXISTS", "repository")

    assert await done(ada, "mirrorDelete") == []
    assert await shown(ada) == {"state": "NORMAL", "mirror": None}
    assert await changes() == [("external_reference", "9.9.9.9/team/app"), ("external_reference", None)]


async def test_a_change_tells_of_what_it_changed_and_hides_secrets(acme: None, ada: GraphQL) -> None:
    await made(ada)

    refused = "INVALID", "input.password"
    assert await ada.payload_error(UPDATE, input={"password": "beam"}) == refused
    login = {"username": "keeper", "password": "beam"}
    connection = {"proxy": {"httpsProxy": "http://u:p@9.9.9.9:1"}, "verifyTls": False}
    await ada.payload(UPDATE, input=login | {"syncIntervalS": 60, "connection": connection})
    await ada.payload(UPDATE, input=login | {"connection": {"proxy": {"httpsProxy": None}}})
    assert await ada.payload_error(UPDATE, input={"username": None, "password": "x"}) == refused
    await ada.payload(UPDATE, input={"username": None})
    await ada.payload(UPDATE, input={"syncStartsAt": "2126-02-01T02:00:00+02:00"})

    assert (await changes())[1:] == [
        ("sync_interval", 60),
        ("external_registry_username", "keeper"),
        ("external_registry_password", "********"),
        ("verify_tls", False),
        ("https_proxy", "http://********@9.9.9.9:1"),
        ("https_proxy", None),
        ("external_registry_username", None),
        ("sync_start_date", "2126-02-01T00:00:00Z"),
    ]
    mirror = (await shown(ada))["mirror"]
    assert (mirror["username"], mirror["hasPassword"], mirror["isTlsVerified"]) == (None, False, False)


async def test_a_mirror_is_told_to_run_and_to_stop(acme: None, ada: GraphQL) -> None:
    await made(ada, isEnabled=False)

    assert await done(ada, "mirrorSyncCancel") == ["CONFLICT"]
    assert await done(ada, "mirrorSync") == []
    assert await done(ada, "mirrorSync") == []
    assert (await fetch_one("SELECT count(*) AS n FROM job WHERE kind = 'mirror.sync'")) == {"n": 1}
    assert (await shown(ada))["mirror"]["status"] == "SYNC_NOW"
    assert await done(ada, "mirrorSyncCancel") == []
    mirror = (await shown(ada))["mirror"]
    assert (mirror["status"], mirror["retriesRemaining"]) == ("CANCEL", 0)
    assert await done(ada, "mirrorSyncCancel") == ["CONFLICT"]

    # What was cancelled has its attempts back once it is told when to run.
    assert (await ada.payload(UPDATE, input={"isEnabled": True}))["mirror"] == {"retriesRemaining": 3}
    await execute("UPDATE repository_mirror SET status = 'SYNCING'")
    assert await done(ada, "mirrorSync") == ["CONFLICT"]


async def test_two_who_make_a_mirror_at_once_make_one(acme: None, ada: GraphQL) -> None:
    answers = await asyncio.gather(*(ada.data(CREATE, input=NEW) for _ in range(4)))

    assert sorted(len(one["mirrorCreate"]["errors"]) for one in answers) == [0, 1, 1, 1]
    assert await fetch_one("SELECT count(*) AS n FROM repository_mirror") == {"n": 1}


async def test_what_a_lost_key_encrypted_is_to_be_given_again(
    acme: None, ada: GraphQL, settings_with_files: Settings, factory: Factory
) -> None:
    await made(ada, username="keeper", password="beam")
    columns = ("username_encrypted", "password_encrypted", "proxy_encrypted")
    lost = [
        Secrets(["x" * 32]).encrypt(text) for text in ("keeper", "beam", '["http://9.9.9.9:1",null,null]')
    ]
    await execute(f"UPDATE repository_mirror SET {', '.join(f'{one} = ?' for one in columns)}", *lost)

    async def kept() -> list[bool]:
        row = await fetch_one(f"SELECT {', '.join(columns)} FROM repository_mirror")
        assert row is not None
        return [row[name] == text for name, text in zip(columns, lost, strict=True)]

    placeholder = "(invalid. please re-enter)"
    assert (await shown(ada))["mirror"]["username"] == placeholder
    assert await ada.payload_error(PLAN) == ("CONFLICT", "repository")
    # A change of something else leaves what another key may still read.
    await ada.payload(UPDATE, input={"syncIntervalS": 60, "connection": {"verifyTls": False}})
    assert await kept() == [True, True, True]
    assert await ada.payload_error(UPDATE, input={"username": placeholder}) == ("INVALID", "input.username")
    await ada.payload(UPDATE, input={"username": "keeper", "password": None})
    assert await kept() == [False, False, True]
    await ada.payload(UPDATE, input={"connection": {"proxy": {"httpProxy": None}}})
    assert await kept() == [False, False, False]


async def test_a_stored_login_is_not_shown_to_another_host(acme: None, ada: GraphQL) -> None:
    await made(ada, username="keeper", password="beam")

    async def login(**wanted: Any) -> tuple[str | None, bool]:
        assert (await ada.payload(UPDATE, input=wanted))["errors"] == []
        mirror = (await shown(ada))["mirror"]
        return mirror["username"], mirror["hasPassword"]

    assert await login(source="9.9.9.9/team/other") == ("keeper", True)
    assert await login(source="9.9.9.9:5000/team/app") == (None, False)
    told = (await changes())[-2:]
    assert told == [("external_registry_username", None), ("external_registry_password", None)]
    assert await login(username="keeper", password="beam") == ("keeper", True)
    assert await login(source="9.9.9.8/team/app", username="keeper") == ("keeper", False)
    assert await login(source="9.9.9.9/team/app", username="other", password="x") == ("other", True)


async def test_a_robot_that_is_deleted_leaves_the_mirror(acme: None, ada: GraphQL) -> None:
    await made(ada)

    await ada.payload('mutation { robotDelete(owner: "acme", shortName: "bot") { errors { code } } }')

    assert (await shown(ada))["mirror"]["robot"] is None


async def test_flags_hide_mirrors(factory: Factory, acme: None, settings_with_files: Settings) -> None:
    features = settings_with_files.features - {"REPO_MIRROR"}
    site = replace(factory.site, features=features)
    async with endpoint(replace(factory, site=site)) as graphql:
        client = graphql.with_token(await factory.token("ada"))
        for asked in (CREATE, PLAN):
            assert await client.payload_error(asked, input=NEW) == ("INVALID", "repository")


async def test_rest_answers_refusals_in_the_shapes_that_clients_know(
    factory: Factory, settings_with_files: Settings
) -> None:
    world = World(factory)
    await world.people()
    await world.organization()
    await world.repositories()
    await world.winch()
    path = f"/repository/{ORGANIZATION}/beacon/mirror"
    body = {
        "external_reference": "9.9.9.9/lamp",
        "sync_interval": 60,
        "sync_start_date": "2126-01-01T00:00:00Z",
        "robot_username": f"{ORGANIZATION}+winch",
        "root_rule": {"rule_kind": "tag_glob_csv", "rule_value": ["v*"]},
        "skopeo_timeout_interval": 300,
    }
    async with callers(world, settings_with_files) as caller:

        async def refused(method: str = "POST", **more: Any) -> tuple[int, str, str]:
            """The status, the key of the text, and the text."""
            answer = await caller.ask("maren", method, path, (body if method == "POST" else {}) | more)
            told = answer.json()
            key = "error_message" if "error_type" in told else next(iter(told))
            return answer.status_code, key, told[key]

        not_allowed = (400, "error_message", "The provided registry location is not allowed")
        for host in ("127.0.0.1", "169.254.169.254", "kubernetes.default.svc", "localhost:5000"):
            assert await refused(external_reference=f"{host}/lamp") == not_allowed
        assert await refused(architecture_filter=["amd64"]) == (
            *(400, "detail"),
            "Architecture filtering requires FEATURE_SPARSE_INDEX to be enabled.",
        )
        assert (await refused(architecture_filter=["sparc"]))[:2] == (400, "error_message")
        assert await refused(robot_username="maren+x") == (400, "message", "Invalid robot")
        no_robot = (400, "message", "Could not find robot with specified username")
        assert await refused(robot_username=f"{ORGANIZATION}+none") == no_robot
        assert await refused(sync_start_date="2126-13-01T00:00:00Z") == (
            *(400, "detail"),
            "Incorrect DateTime format for sync_start_date.",
        )
        assert await refused(root_rule={"rule_kind": "tag_glob_csv", "rule_value": []}) == (
            *(400, "error_message"),
            "validation failed: rule_value for TAG_GLOB_CSV must be a list with at least one rule",
        )
        assert (await refused(sync_interval=-1))[:2] == (400, "error_message")
        del body["robot_username"]
        assert await refused() == (400, "error_message", "'robot_username' is a required property")
        body["robot_username"] = f"{ORGANIZATION}+winch"
        assert (await refused("PUT", is_enabled=False))[0] == 404

        made = await caller.ask("maren", "POST", path, body)
        assert (made.status_code, made.text) == (201, '""\n')
        assert (await refused())[:2] == (409, "detail")
        assert (await refused("PUT", external_registry_password="x"))[:2] == (400, "detail")
        await execute("UPDATE repository_mirror SET status = 'SYNCING'")
        assert (await caller.ask("maren", "POST", f"{path}/sync-now")).status_code == 404
