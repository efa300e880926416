"""Our answers match the recorded answers of a live system: status, keys and types."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from functools import cache
from typing import Any, Literal

import pytest

from quayside.settings.settings import Settings
from tests.contract.kinds import differences, kind_of
from tests.contract.reference import DATA, operations
from tests.contract.world import STEPS, Caller, World, callers, observed
from tests.factories import Factory

START: Mapping[str, tuple[Callable[[World], Awaitable[None]], ...]] = {
    "appspecifictokens": (),
    "organization": (),
    "proxy cache": (World.cache,),
    "repository": (World.organization, World.cache),
    "permission": (World.organization, World.repositories, World.grantees),
    "prototype": (World.organization, World.repositories, World.grantees),
    "members of an organization": (World.organization, World.crew),
    "robot": (World.organization, World.team),
    "team": (World.organization,),
    "tag": (World.organization, World.repositories, World.images),
    "manifest": (World.organization, World.repositories, World.images),
    "logs": (World.organization, World.repositories, World.images, World.busy),
    "user": (World.office,),
    "stars": (World.organization, World.repositories, World.described),
    "globalmessages": (),
    "namespacequota": (World.organization,),
    "superuser": (World.organization,),
    "organizations of superusers": (World.organization, World.cache, World.office),
    "logs and sizes of the registry": (
        World.organization,
        World.repositories,
        World.images,
        World.busy,
        World.at_work,
    ),
    "users": (),
    "service keys": (),
    "search": (World.organization, World.repositories, World.images, World.grantees, World.described),
    "discovery": (),
    "error": (),
    "policy": (World.organization, World.repositories),
    "build": (World.organization, World.repositories),
    "trigger": (World.organization, World.repositories, World.winch, World.triggers),
    "mirror": (World.organization, World.repositories, World.winch),
    "secscan": (World.organization, World.repositories, World.images, World.flawed),
    "repositorynotification": (World.organization, World.team, World.repositories),
}
"""The content, beside the users, at the start of a chapter."""

BROKEN = "The recorded system failed; what is not there is not found."

SLASHES = "Both spellings of a final slash answer, as clients send both."

UNCHOSEN = "The recorded system failed; an event or a method that there is not is refused: 400."

ELSEWHERE = "A notification is one of the repository in the path, or of none."

OTHERS_TRIGGER = "A trigger is one of the repository in the path, or of none."

ABSENT = "What is not there has no stars: 404 instead of null."

DEVIATIONS: Mapping[tuple[str, str], str] = {
    **{
        ("getRepoMirrorConfig", case): "The rule that was set is the one that holds."
        for case in ("sync_now", "after_cancel")
    },
    ("changeOrganization", "missing_id"): BROKEN,
    ("changeOrganization", "name_taken"): BROKEN,
    ("changeOrganizationQuota", "success"): "A number of bytes is a whole number, whichever way it was sent.",
    **{
        (f"{change}{owner}QuotaSuperUser", "missing_parent"): BROKEN
        for change in ("create", "change", "delete")
        for owner in ("User", "Organization")
    },
    ("changeTeamPermissions", "missing_parent"): BROKEN,
    ("changeUserPermissions", "missing_parent"): BROKEN,
    ("changeRepoVisibility", "missing_parent"): "What is not there cannot be changed: 404 instead of null.",
    ("createGlobalMessage", "bad_body"): "A message that is not there is refused: 400.",
    ("createOrganization", "without_trailing_slash"): SLASHES,
    ("createRepoNotification", "bad_body_2"): UNCHOSEN,
    ("createRepoNotification", "bad_body_3"): UNCHOSEN,
    ("createRepoNotification", "missing_parent"): BROKEN,
    ("createStar", "missing_repo"): ABSENT,
    ("createStar", "wrong_role"): "Who may not read a repository is not told by a star that it exists: 403.",
    ("deleteStar", "missing_parent"): ABSENT,
    ("discovery", "success"): "It lists the chapters that are there.",
    ("exportOrgLogs", "missing_parent"): "The recorded system failed; what is not there is refused: 403.",
    ("getOrgRobots", "limit_1"): "The limit counts robots, not what they have, and the first is by its name.",
    **{
        (f"getRepoBuild{what}", "missing_parent"): "A build that is not there is told alike, whatever lacks."
        for what in ("Logs", "Status")
    },
    ("activateBuildTrigger", "missing_parent"): BROKEN,
    ("manuallyStartBuildTrigger", "missing_parent"): BROKEN,
    ("getBuildTrigger", "missing_parent"): OTHERS_TRIGGER,
    ("updateBuildTrigger", "missing_parent"): OTHERS_TRIGGER,
    ("updateBuildTrigger", "enable"): "What is enabled has no reason not to be.",
    ("getRepoNotification", "missing_parent"): ELSEWHERE,
    ("getRepoManifest", "untagged_oci_artifact"): "What can be pulled by its digest can be looked at.",
    ("inviteTeamMemberEmail", "bad_email"): "No mail can be sent to what is no address: 400.",
    ("getOrganizationTeamMembers", "pending_invite"): "Who is invited again stands in the list once.",
    ("getOrganizationTeamMembers", "with_pending_email"): "The invitation without an address was refused.",
    ("getMatchingEntities", "robots"): "A robot is found by the beginning of its whole name, too.",
    ("listRepos", "kind_application"): "Images are all there is; another kind is a mistake.",
    ("listRepos", "with_trailing_slash"): SLASHES,
    ("listAllUsers", "without_trailing_slash"): SLASHES,
    ("listRepoTags", "without_trailing_slash"): SLASHES,
    **{
        ("getRepoManifestSecurity", case): "Scores are told where known, other names, and suppressions."
        for case in ("success", "without_vulnerabilities")
    },
    ("testRepoNotification", "missing_parent"): ELSEWHERE,
}
"""(operation, case) → why our answer differs."""


@cache
def exchanges() -> dict[str, list[dict[str, Any]]]:
    """The recorded cases by chapter, in order, with the steps between them."""
    found: dict[str, list[dict[str, Any]]] = json.loads((DATA / "exchanges.json").read_text("utf-8"))
    return found


def due(recorded: dict[str, Any], codes: str) -> int:
    """The expected status: the recorded one, or for a success the documented one."""
    status: int = recorded["status"]
    operation = operations()[recorded["operation"]]
    is_success = status == operation["status_observed"]
    return operation["status_documented"] if is_success and codes == "documented" else status


async def deviation(caller: Caller, recorded: dict[str, Any], status: int) -> str | None:
    """How our answer differs from the recorded one, as a text."""
    answer = await caller.ask(recorded["actor"], recorded["method"], recorded["path"], recorded.get("body"))
    if answer.status_code != status:
        return f"status {answer.status_code}, not {status}: {answer.text[:300]}"
    caller.world.keep(answer.json() if "keep" in recorded else None, recorded.get("keep", {}))
    if status == 204:
        return "a body, where none is due" if answer.content else None
    if recorded["answer"] is None:
        return None
    return "; ".join(differences(recorded["answer"], kind_of(answer.json()))) or None


@pytest.mark.parametrize("codes", ["observed", "documented"])
@pytest.mark.parametrize("chapter", START)
async def test_a_chapter_answers_as_recorded(
    chapter: str, codes: Literal["observed", "documented"], factory: Factory, settings_with_files: Settings
) -> None:
    # Given the world as it was when the chapter began
    world = World(factory)
    await world.people()
    for prepare in START[chapter]:
        await prepare(world)

    # When every recorded request is sent again, in the recorded order
    found: dict[tuple[str, str], str] = {}
    settings = replace(observed(settings_with_files), rest_status_codes=codes)
    async with callers(world, settings) as caller:
        for recorded in exchanges()[chapter]:
            if "step" in recorded:
                await STEPS[recorded["step"]](world)
            elif (how := await deviation(caller, recorded, due(recorded, codes))) is not None:
                found[recorded["operation"], recorded["case"]] = how

    # Then exactly the listed cases differ
    mine = {(row["operation"], row["case"]) for row in exchanges()[chapter] if "step" not in row}
    unexpected = [f"{' '.join(case)}: {how}" for case, how in found.items() if case not in DEVIATIONS]
    assert "\n".join(unexpected) == ""
    assert (DEVIATIONS.keys() & mine) - found.keys() == set()


def test_deviations_are_of_recorded_cases() -> None:
    recorded = {
        (row["operation"], row["case"]) for rows in exchanges().values() for row in rows if "step" not in row
    }

    assert DEVIATIONS.keys() - recorded == set()
    assert all(DEVIATIONS.values())
