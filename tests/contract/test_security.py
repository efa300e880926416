"""What scans found, as REST tells it: the values of an answer, every state, and who may ask how."""

from collections.abc import AsyncIterator

import httpx
import pytest

from quayside.app import create_app
from quayside.settings.settings import Settings
from resolvers.access.roles import RepositoryRole
from storage.statements import decode_json, execute, fetch
from tests import scanning
from tests.browser import PASSWORD
from tests.factories import Factory
from tests.quayside.registry import kit
from tests.resolvers.advisories.records import SCORE_7_5, SCORE_9_8, concerned, record, write
from tests.scanning import RELEASE, STATUS, layer, python_package, scan_pushed, status, work_off
from tests.schema.scan.test_vex import attach, document, stated


@pytest.fixture
async def rest(factory: Factory, settings_with_files: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the application, with the image of `ada`, which is private."""
    await factory.user("ada", password=PASSWORD)
    app = create_app(settings_with_files, jobs=False)
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url=settings_with_files.public_url) as client,
    ):
        yield client


def path(digest: str) -> str:
    return f"/api/v1/repository/ada/app/manifest/{digest}/security"


async def test_an_answer_has_what_is_known(factory: Factory, rest: httpx.AsyncClient) -> None:
    await factory.repository("ada/app")
    base = layer({**RELEASE, STATUS: status(libflaw="1.2-1")})
    top = layer(python_package("flask", "3.0.0"))
    # Nothing has a tag.
    digest = await factory.image("ada/app", base, top)
    rated = record(
        "PYSEC-1",
        aliases=["CVE-2", "GHSA-3"],
        details=None,
        severity=[{"type": "CVSS_V2", "score": SCORE_7_5}],
        affected=[concerned("PyPI", "flask", ("introduced", "0"))],
    )
    await write(record("DSA-1"), rated)
    token = {"Authorization": f"Bearer {await factory.token('ada')}"}
    assert (await rest.get(path(digest), headers=token)).json() == {"status": "queued", "data": None}
    await scan_pushed(factory)

    answer = await rest.get(path(digest), headers=token)

    common = {"VersionFormat": "", "NamespaceName": ""}
    assert answer.json() == {
        "status": "scanned",
        "data": {
            "Layer": {
                "Name": digest,
                "ParentName": "",
                "NamespaceName": "",
                "IndexedByVersion": 4,
                "Features": [
                    common
                    | {
                        "Name": "flask",
                        "Version": "3.0.0",
                        "AddedBy": kit.digest_of(top),
                        "BaseScores": [7.5],
                        "CVEIds": ["CVE-2"],
                        "Vulnerabilities": [
                            {
                                "Severity": "High",
                                "NamespaceName": "PyPI",
                                "Link": "https://example.com/flaw",
                                "FixedBy": "",
                                "Description": "A flaw.",
                                "Name": "PYSEC-1",
                                "Metadata": {
                                    "UpdatedBy": "PyPI",
                                    "RepoName": None,
                                    "RepoLink": None,
                                    "DistroName": None,
                                    "DistroVersion": None,
                                    "Aliases": ["CVE-2", "GHSA-3"],
                                    "Suppression": None,
                                    "NVD": {"CVSSv3": {"Vectors": "", "Score": ""}},
                                },
                            }
                        ],
                    },
                    common
                    | {
                        "Name": "libflaw",
                        "Version": "1.2-1",
                        "AddedBy": kit.digest_of(base),
                        "BaseScores": [9.8],
                        "CVEIds": ["CVE-DSA-1"],
                        "Vulnerabilities": [
                            {
                                "Severity": "Critical",
                                "NamespaceName": "Debian:12",
                                "Link": "https://example.com/flaw",
                                "FixedBy": "1.2-3",
                                "Description": "It is bad.",
                                "Name": "DSA-1",
                                "Metadata": {
                                    "UpdatedBy": "Debian:12",
                                    "RepoName": None,
                                    "RepoLink": None,
                                    "DistroName": "debian",
                                    "DistroVersion": "12",
                                    "Aliases": ["CVE-DSA-1"],
                                    "Suppression": None,
                                    "NVD": {"CVSSv3": {"Vectors": SCORE_9_8, "Score": 9.8}},
                                },
                            }
                        ],
                    },
                ],
            }
        },
    }


async def test_what_does_not_count_is_there_and_says_why(factory: Factory, rest: httpx.AsyncClient) -> None:
    await factory.repository("ada/app")
    image = await factory.image("ada/app", layer({**RELEASE, STATUS: status(libflaw="1.2-1")}))
    await write(record("DSA-1"), record("DSA-2", affected=[concerned()]))
    await scan_pushed(factory)
    whole = {"hashes": {"sha-256": image.removeprefix("sha256:")}}
    why = {"justification": "vulnerable_code_not_present", "impact_statement": "It is left out."}
    referrer, _ = await attach(factory, image, document(stated("DSA-1", whole, **why)))
    token = {"Authorization": f"Bearer {await factory.token('ada')}"}

    (feature,) = (await rest.get(path(image), headers=token)).json()["data"]["Layer"]["Features"]

    assert feature["CVEIds"] == ["CVE-DSA-1", "CVE-DSA-2"]
    assert {one["Name"]: one["Metadata"]["Suppression"] for one in feature["Vulnerabilities"]} == {
        "DSA-1": {
            "Status": "not_affected",
            "Justification": "vulnerable_code_not_present",
            "ImpactStatement": "It is left out.",
            "StatedAt": "2026-01-02T03:04:05Z",
            "PushedBy": "ada",
            "ManifestDigest": referrer,
        },
        "DSA-2": None,
    }


async def test_every_state_has_its_word(factory: Factory, rest: httpx.AsyncClient) -> None:
    await factory.repository("ada/app")
    content = layer(python_package("flask", "3.0.0"))
    image = await factory.image("ada/app", content)
    index = await factory.manifest("ada/app", kit.index_document(kit.encode(kit.image_document(content))))
    await scan_pushed(factory)
    # What a bill of materials names was not found.
    named = {"bomFormat": "CycloneDX", "specVersion": "1.6", "components": [{"purl": "pkg:npm/x@1"}]}
    await scanning.attach(factory, image, kit.encode(named), "application/vnd.cyclonedx+json")
    assert await work_off(factory, "sbom.read") == ["It names 1 packages."]
    token = {"Authorization": f"Bearer {await factory.token('ada')}"}
    scanned = (await rest.get(path(image), headers=token)).json()
    assert [one["Name"] for one in scanned["data"]["Layer"]["Features"]] == ["flask"]

    # The images of an index have packages, not it itself.
    assert (await rest.get(path(index), headers=token)).json() == {"status": "unsupported", "data": None}
    for state, word in (
        ("failed", "failed"),
        ("unsupported", "unsupported"),
        ("too_large", "manifest_layer_too_large"),
    ):
        await execute("UPDATE manifest_scan SET state = ?", state)
        assert (await rest.get(path(image), headers=token)).json() == {"status": word, "data": None}


async def test_passwords_are_accepted_here_alone(factory: Factory, rest: httpx.AsyncClient) -> None:
    await factory.repository("ada/app")
    digest = await factory.image("ada/app", layer({}))
    reader, stranger = [await factory.robot(f"ada+{name}", by="ada") for name in ("reader", "stranger")]
    await factory.grant("ada/app", reader.name, RepositoryRole.READ, by="ada")
    token = await factory.token("ada")

    logins = {
        ("ada", PASSWORD): 200,
        (reader.name, reader.token): 200,
        ("$oauthtoken", token): 200,
        (stranger.name, stranger.token): 403,
        ("ada", "wrong"): 401,
        ("ada", ""): 401,
        (reader.name, stranger.token): 401,
    }
    answered = {login: (await rest.get(path(digest), auth=login)).status_code for login in logins}

    assert answered == logins
    # A token that is compared is not shown, so that the answer may be asked for again.
    first = await rest.get(path(digest), auth=(reader.name, reader.token))
    known = {"If-None-Match": first.headers["ETag"]}
    again = await rest.get(path(digest), auth=(reader.name, reader.token), headers=known)
    assert again.status_code == 304
    unreadable = {"Authorization": "Basic !"}
    assert (await rest.get(path(digest), headers=unreadable)).status_code == 401
    assert (await rest.get("/api/v1/repository/ada/app", auth=("ada", PASSWORD))).status_code == 401
    noted = await fetch("SELECT metadata FROM audit_log WHERE kind = 'login_failure' ORDER BY id")
    assert decode_json(noted[0]["metadata"])["username"] == "ada"
