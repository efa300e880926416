"""Mirrors of organizations: made, changed, shown, listed and removed, at both doors."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from jose import jwt

from quayside.settings.settings import Settings
from storage.statements import decode_json, execute, fetch, fetch_one
from tests.certificates import make_certificate
from tests.contract.world import ORGANIZATION, World, callers
from tests.factories import Factory
from tests.schema.client import GraphQL, endpoint
from tests.upstreams.upstream import FakeUpstream, faking

PATH = f"/organization/{ORGANIZATION}/mirror"
BODY = {
    "external_registry_type": "harbor",
    "external_registry_url": "https://9.9.9.9",
    "external_namespace": "team",
    "external_registry_username": "keeper",
    "external_registry_password": "beam",
    "external_registry_config": {"verify_tls": True, "proxy": {"https_proxy": "http://u:p@9.9.9.9:3128"}},
    "repository_filters": ["app*", "tools/?"],
    "robot_username": f"{ORGANIZATION}+winch",
    "visibility": "public",
    "sync_interval": 3600,
    "sync_start_date": "2126-01-01T00:00:00Z",
    "skopeo_timeout": 600,
}
SHOWN = {
    **{key: value for key, value in BODY.items() if key != "external_registry_password"},
    "is_enabled": True,
    "has_external_registry_password": True,
    "external_registry_config": {
        "verify_tls": True,
        "unsigned_images": False,
        "proxy": {"http_proxy": None, "https_proxy": "http://u:p@9.9.9.9:3128", "no_proxy": None},
    },
    "sync_status": "NEVER_RUN",
    "sync_retries_remaining": 3,
    "status_message": None,
    "repo_sync_status_counts": {},
}


@pytest.fixture
async def world(factory: Factory) -> World:
    world = World(factory)
    await world.people()
    await world.organization()
    await world.repositories()
    await world.winch()
    return world


async def test_rest_sets_shows_lists_and_removes_it(world: World, settings_with_files: Settings) -> None:
    async with callers(world, settings_with_files) as caller:
        assert (await caller.ask("maren", "GET", PATH)).status_code == 404
        assert (await caller.ask("maren", "PUT", PATH, {"is_enabled": False})).status_code == 404

        made = await caller.ask("maren", "POST", PATH, BODY)
        assert (made.status_code, made.json()) == (201, "")
        again = await caller.ask("maren", "POST", PATH, BODY)
        assert (again.status_code, list(again.json())) == (409, ["detail"])
        shown = (await caller.ask("maren", "GET", PATH)).json()
        assert shown.pop("creation_date").endswith("Z")
        assert shown == SHOWN

        changed = await caller.ask(
            "maren", "PUT", PATH, {"repository_filters": [], "external_registry_username": None}
        )
        assert (changed.status_code, changed.json()) == (200, "")
        shown = (await caller.ask("maren", "GET", PATH)).json()
        assert [
            shown[key]
            for key in (
                *("repository_filters", "external_registry_username", "has_external_registry_password"),
            )
        ] == [["*"], None, False]

        for order, status in (
            ("sync-cancel", 409),
            ("sync-now", 204),
            ("sync-now", 204),
            ("sync-cancel", 204),
        ):
            assert (await caller.ask("maren", "POST", f"{PATH}/{order}")).status_code == status
        jobs = await fetch_one("SELECT count(*) AS n FROM job WHERE kind = 'mirror.discover'")
        assert jobs == {"n": 1}

        found = await fetch_one("SELECT id FROM organization_mirror")
        assert found is not None
        for name in ("a", "b", "c"):
            await execute(
                "INSERT INTO discovered_repository"
                " (organization_mirror_id, name, discovered_at_ms, seen_at_ms, problem)"
                " VALUES (?, ?, ?, ?, ?)",
                *(found["id"], name, 1_000, 2_000, "It is closed." if name == "c" else None),
            )
        page = (await caller.ask("maren", "GET", f"{PATH}/repositories?limit=2&page=2")).json()
        assert page == {
            "repositories": [
                {
                    "name": "c",
                    "sync_status": "FAIL",
                    "discovery_date": "1970-01-01T00:00:01Z",
                    "last_sync_date": None,
                    "status_message": "It is closed.",
                    "quay_repository": None,
                }
            ],
            "page": 2,
            "limit": 2,
            "total": 3,
            "has_next": False,
        }
        assert (await caller.ask("maren", "GET", f"{PATH}/repositories?limit=2")).json()["has_next"] is True
        shown = (await caller.ask("maren", "GET", PATH)).json()
        assert shown["repo_sync_status_counts"] == {"FAIL": 1, "NEVER_RUN": 2}

        asked = {"scope": f"repository:{ORGANIZATION}/new:pull,push"}
        token = await caller.http.get("/v2/auth", params=asked, auth=("$oauthtoken", world.tokens["maren"]))
        granted = jwt.get_unverified_claims(token.json()["token"])["access"]
        assert [one["actions"] for one in granted] == [["pull"]]

        own = f"/repository/{ORGANIZATION}/beacon/mirror"
        refused = await caller.ask(
            "maren",
            "POST",
            own,
            {
                "external_reference": "9.9.9.9/lamp",
                "sync_interval": 60,
                "sync_start_date": "2126-01-01T00:00:00Z",
                "robot_username": f"{ORGANIZATION}+winch",
                "root_rule": {"rule_kind": "tag_glob_csv", "rule_value": ["v*"]},
                "skopeo_timeout_interval": 300,
            },
        )
        text = "Repository mirror configuration cannot be managed when organization-level mirroring is"
        text = f"{text} configured"
        assert (refused.status_code, refused.json()["error_message"]) == (400, text)

        assert (await caller.ask("maren", "DELETE", PATH)).status_code == 204
        assert (await caller.ask("maren", "DELETE", PATH)).status_code == 404
        rows = await fetch("SELECT metadata FROM event WHERE kind = 'org_mirror_config_changed' ORDER BY id")
        told = [decode_json(row["metadata"]) for row in rows]
        assert [(one["changed"], one["to"]) for one in told] == [
            ("external_registry_url", "https://9.9.9.9"),
            ("repository_filters", ["*"]),
            ("external_registry_username", None),
            ("sync_status", "SYNC_NOW"),
            ("sync_status", "SYNC_NOW"),
            ("sync_status", "SYNC_CANCEL"),
            ("external_registry_url", None),
        ]


async def test_rest_refuses_others_and_values_and_asks_the_registry(
    world: World, settings_with_files: Settings, upstream: FakeUpstream
) -> None:
    upstream.image("team/app", "v1", b"x")
    settings = replace(settings_with_files, ssrf_allowed_hosts=frozenset({"127.0.0.1"}))
    async with callers(world, settings) as caller:
        for method, path, body in (
            ("GET", PATH, None),
            ("POST", PATH, BODY),
            ("PUT", PATH, {}),
            ("DELETE", PATH, None),
            ("GET", f"{PATH}/repositories", None),
            ("POST", f"{PATH}/sync-now", None),
            ("POST", f"{PATH}/sync-cancel", None),
            ("POST", f"{PATH}/verify", {}),
        ):
            assert (await caller.ask("tove", method, path, body)).status_code == 403, path
        for key, value, kind in (
            ("external_registry_type", "artifactory", "error_message"),
            ("external_registry_url", "http://10.0.0.1", "error_message"),
            ("external_namespace", "", "error_message"),
            ("robot_username", "maren+x", "message"),
            ("sync_start_date", "soon", "detail"),
            ("skopeo_timeout", 1, "error_message"),
            ("visibility", "secret", "error_message"),
        ):
            answer = await caller.ask("maren", "POST", PATH, BODY | {key: value})
            assert (answer.status_code, kind in answer.json()) == (400, True), key
        assert await fetch("SELECT id FROM organization_mirror") == []

        asked = {
            "external_registry_type": "quay",
            "external_registry_url": f"http://{upstream.host}",
            "external_namespace": "team",
            "external_registry_config": {"verify_tls": False},
        }
        said = await caller.ask("maren", "POST", f"{PATH}/verify", asked)
        assert (said.status_code, said.json()) == (
            200,
            {"success": True, "message": f"{upstream.host}/team lists 1 repositories that fit."},
        )
        upstream.rule("/api/v1/", status=403, body="{}")
        said = await caller.ask("maren", "POST", f"{PATH}/verify", asked)
        assert (said.status_code, said.json()["success"]) == (200, False)


async def test_rest_sets_and_shows_further_authorities(
    world: World, settings_with_files: Settings, tmp_path: Path
) -> None:
    certificate, key = make_certificate(tmp_path)
    pem = certificate.read_text()
    settings = replace(settings_with_files, ssrf_allowed_hosts=frozenset({"127.0.0.1"}))
    own = f"/repository/{ORGANIZATION}/beacon/mirror"
    follow = {
        "external_reference": "9.9.9.9/lamp",
        "sync_interval": 60,
        "sync_start_date": "2126-01-01T00:00:00Z",
        "robot_username": f"{ORGANIZATION}+winch",
        "root_rule": {"rule_kind": "tag_glob_csv", "rule_value": ["v*"]},
        "skopeo_timeout_interval": 300,
    }
    async with callers(world, settings) as caller:

        async def put(path: str, **leaves: Any) -> dict[str, Any]:
            """What is shown of the connection once these leaves are changed."""
            changed = await caller.ask("maren", "PUT", path, {"external_registry_config": leaves})
            assert changed.is_success, changed.text
            found = (await caller.ask("maren", "GET", path)).json()["external_registry_config"]
            del found["proxy"], found["unsigned_images"]
            return dict(found)

        for path, body, kind in (
            (PATH, BODY, "org_mirror_config_changed"),
            (own, follow, "repo_mirror_config_changed"),
        ):
            assert (await caller.ask("maren", "POST", path, body)).status_code == 201
            assert await put(path, verify_tls=True) == {"verify_tls": True}
            for text in ("x", f"{pem}-----BEGIN PRIVATE KEY-----", pem + "\n" * 65_536):
                refused = await caller.ask(
                    "maren", "PUT", path, {"external_registry_config": {"extra_cas": text}}
                )
                assert (refused.status_code, "extra_cas" in refused.text) == (400, True), refused.text
            assert await put(path, extra_cas=pem * 2) == {"verify_tls": True, "extra_cas": pem * 2}
            assert await put(path, verify_tls=False) == {"verify_tls": False, "extra_cas": pem * 2}
            assert await put(path, extra_cas=" ") == {"verify_tls": False}
            assert await put(path, extra_cas=pem) == {"verify_tls": False, "extra_cas": pem}
            assert await put(path, extra_cas=None, verify_tls=True) == {"verify_tls": True}
            rows = await fetch("SELECT metadata FROM event WHERE kind = ? ORDER BY id", kind)
            told = [decode_json(row["metadata"]) for row in rows]
            assert [(one["changed"], one["to"]) for one in told[1:]] == [
                ("extra_cas", "certificates: 2"),
                ("verify_tls", False),
                ("extra_cas", None),
                ("extra_cas", "certificates: 1"),
                ("verify_tls", True),
                ("extra_cas", None),
            ]
            if path == PATH:
                assert (await caller.ask("maren", "DELETE", PATH)).status_code == 204

        with faking(certificate, key, verify=False) as upstream:
            upstream.image("team/app", "v1", b"x")
            asked = {
                "external_registry_type": "quay",
                "external_registry_url": f"https://{upstream.host}",
                "external_namespace": "team",
            }
            for trusted, is_good in ((None, False), (pem, True)):
                body = asked | {"external_registry_config": {"extra_cas": trusted}}
                said = (await caller.ask("maren", "POST", f"{PATH}/verify", body)).json()
                assert said["success"] is is_good, said


async def test_graphql_shows_what_was_found_and_flags_hide_it(
    factory: Factory, ada: GraphQL, settings_with_files: Settings
) -> None:
    await factory.organization("acme", owner="ada")
    await factory.robot("acme+bot", by="ada")
    create = """mutation { organizationMirrorCreate(organization: "acme", input: { catalog: CATALOG,
      registryUrl: "9.9.9.9", robot: "acme+bot", syncStartsAt: "2126-01-01T00:00:00Z", syncIntervalS: 60 })
      { mirror { registryUrl } errors { code } } }"""
    assert (await ada.payload(create))["mirror"] == {"registryUrl": "9.9.9.9"}

    shown = await ada.data("""{ organization(name: "acme") { mirror { catalog namespace repositoryPatterns
      visibility robot { name } status retriesRemaining tagTimeoutS isTlsVerified proxy { httpProxy }
      statusCounts { status count } repositories { totalCount nodes { name repository { path } } } } } }""")

    assert shown["organization"]["mirror"] == {
        "catalog": "CATALOG",
        "namespace": "",
        "repositoryPatterns": ["*"],
        "visibility": "PRIVATE",
        "robot": {"name": "acme+bot"},
        "status": "NEVER_RUN",
        "retriesRemaining": 3,
        "tagTimeoutS": 300,
        "isTlsVerified": True,
        "proxy": {"httpProxy": None},
        "statusCounts": [],
        "repositories": {"totalCount": 0, "nodes": []},
    }
    site = replace(factory.site, features=settings_with_files.features - {"ORG_MIRROR"})
    async with endpoint(replace(factory, site=site)) as graphql:
        client = graphql.with_token(await factory.token("ada"))
        refused: Any = (
            'mutation { organizationMirrorDelete(organization: "acme") { errors { code field message } } }'
        )
        assert await client.payload_error(refused) == ("INVALID", "organization")
