"""Referrers of `/v2`: as recorded from a live system, or different where the specification requires it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx

from quayside.settings.settings import Settings
from tests.contract.kinds import differences, kind_of
from tests.contract.test_parity import exchanges
from tests.contract.world import ORGANIZATION, Caller, World, callers
from tests.factories import Factory
from tests.quayside.registry import kit

BEACON = f"{ORGANIZATION}/beacon"
BILL = "application/vnd.example.bill"

ITS_OWN = "The index of referrers has no annotations of its own: those of each referrer stand with it."

ACTIONS = (
    "answer.errors[].detail is ['1 items', {'Type': 'string', 'Class': 'string', 'Name': 'string',"
    " 'Action': 'string'}], not {}"
)
DEVIATIONS: Mapping[str, tuple[str, str]] = {
    "success": ("answer lacks annotations", ITS_OWN),
    "filter": ("answer lacks annotations", ITS_OWN),
    "missing_digest": ("status 200, not 400", "What nobody refers to has an empty list, known or not."),
    "bad_digest": ("status 400, not 404", "A malformed digest is told from a page that is not there."),
    "oauth_api_token": ("answer lacks error; answer has errors", "Errors at the registry have one form."),
    "wrong_role": (ACTIONS, "The detail of a 401 names the missing actions."),
    "no_auth": (ACTIONS, "The detail of a 401 names the missing actions."),
}
"""Case → how our answer differs, and why."""


async def ask(caller: Caller, actor: str, path: str) -> httpx.Response:
    """One request of an actor, with a registry token or an access token."""
    name, _, is_direct = actor.partition(" with ")
    token = caller.world.tokens.get(name)
    if token and not is_direct:
        scope = {"scope": f"repository:{BEACON}:pull"}
        answer = await caller.http.get("/v2/auth", params=scope, auth=("$oauthtoken", token))
        token = answer.json()["token"]
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return await caller.http.get(caller.world.filled(path), headers=headers)


def difference(recorded: dict[str, Any], answer: httpx.Response) -> str:
    if answer.status_code != recorded["status"]:
        return f"status {answer.status_code}, not {recorded['status']}"
    return "; ".join(differences(recorded["answer"], kind_of(answer.json())))


async def test_referrers_are_listed_as_recorded_or_as_the_specification_says(
    factory: Factory, settings_with_files: Settings
) -> None:
    # Given an image to which one artifact refers
    world = World(factory)
    await world.people()
    for prepare in (World.organization, World.repositories, World.images):
        await prepare(world)
    subject = {"mediaType": kit.OCI_MANIFEST, "digest": world.digests["first"], "size": 7}
    note = {"org.example.note": "hello"}
    await factory.manifest(BEACON, kit.artifact_document(BILL, b"bill", subject=subject, annotations=note))

    # When the recorded requests are sent again
    async with callers(world, settings_with_files) as caller:
        answers = {
            row["case"]: (row, await ask(caller, row["actor"], row["path"]))
            for row in exchanges()["referrers"]
        }

    # Then statuses and answers are as recorded, or differ as listed
    found = {case: how for case, pair in answers.items() if (how := difference(*pair))}
    assert found == {case: how for case, (how, _) in DEVIATIONS.items()}
    for case in ("success", "filter", "filter_no_match"):
        answer = answers[case][1]
        assert answer.headers["Content-Type"] == kit.OCI_INDEX
        assert answer.headers.get("OCI-Filters-Applied") == (None if case == "success" else "artifactType")
        listed = [row["annotations"] for row in answer.json()["manifests"]]
        assert listed == ([] if case == "filter_no_match" else [note])
    for case in ("oauth_api_token", "wrong_role", "no_auth"):
        assert answers[case][1].headers["WWW-Authenticate"].startswith("Bearer realm=")
