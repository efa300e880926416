"""Webhooks: who may have builds ordered by them, what is ordered, and that nothing is ordered twice."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from quayside.builds.webhook import MAX_BYTES
from resolvers.access import limits
from resolvers.builds.triggers import trigger
from resolvers.builds.triggers.services import TriggerService
from resolvers.context import Context
from storage.clock import HOUR_MS, now_ms
from storage.statements import decode_json, execute, fetch
from tests import state
from tests.factories import Factory
from tests.fake_git import FakeGit
from tests.resolvers.builds.triggers import samples
from tests.resolvers.builds.triggers.samples import COMMIT, OTHER, change

CUSTOM, GITHUB = TriggerService.CUSTOM_GIT, TriggerService.GITHUB
GITLAB, BITBUCKET = TriggerService.GITLAB, TriggerService.BITBUCKET
SOURCE = "https://git.example.com/acme/ferry.git"
PUSHES: Mapping[TriggerService, Any] = {
    CUSTOM: samples.custom(),
    GITHUB: samples.github(),
    GITLAB: samples.gitlab(),
    BITBUCKET: samples.bitbucket(),
}
EVENTS: Mapping[TriggerService, dict[str, str]] = {
    CUSTOM: {},
    GITHUB: {"X-GitHub-Event": "push"},
    GITLAB: {"X-Gitlab-Event": "Push Hook"},
    BITBUCKET: {"X-Event-Key": "repo:push"},
}
UNKNOWN = {"message": "No trigger has this address and these credentials."}


@dataclass
class Hook:
    """The webhook of a trigger of `ada/ferry`, as its service calls it."""

    http: httpx.AsyncClient
    service: TriggerService
    uuid: str
    token: str
    secret: str

    def signed(self, body: bytes, secret: str | None = None) -> dict[str, str]:
        """The header field in which the service proves itself."""
        secret = self.secret if secret is None else secret
        if self.service is GITLAB:
            return samples.gitlab_signature(secret, body, now_s=now_ms() // 1000)
        name = "X-Hub-Signature-256" if self.service is GITHUB else "X-Hub-Signature"
        return {name: samples.hub_signature(secret, body)}

    async def send(
        self, body: bytes, headers: Mapping[str, str] | None = None, **more: Any
    ) -> httpx.Response:
        path = more.pop("path", f"/webhooks/push/ada/ferry/trigger/{self.uuid}")
        fields = {"Content-Type": "application/json", **EVENTS[self.service], **(headers or {})}
        return await self.http.post(path, content=body, headers=fields, **more)

    async def push(self, payload: Any = None, **headers: str) -> httpx.Response:
        """Tell of a push, with the right credentials."""
        body = samples.body_of(PUSHES[self.service] if payload is None else payload)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.service is CUSTOM:
            return await self.send(body, named, auth=("$token", self.token))
        return await self.send(body, self.signed(body) | named)


@dataclass
class Place:
    """The repository `ada/ferry`, and who owns it."""

    http: httpx.AsyncClient
    owner: Context

    async def hook(self, service: TriggerService, **config: Any) -> Hook:
        """A new trigger that is active."""
        made, _ = await trigger.create(self.owner, "ada/ferry", service)
        found, _ = await trigger.activate(
            self.owner, "ada/ferry", made.uuid, {"build_source": SOURCE, "tag_templates": [], **config}
        )
        decrypt = self.owner.secrets.decrypt
        token, secret = found.write_token_encrypted, found.webhook_secret_encrypted
        assert token
        assert secret
        return Hook(self.http, service, found.uuid, decrypt(token), decrypt(secret))


@pytest.fixture
async def place(app: Starlette, factory: Factory) -> AsyncIterator[Place]:
    await factory.repository("ada/ferry")
    owner = await factory.as_account("ada")
    transport = httpx.ASGITransport(app=app, client=("203.0.113.9", 4321))
    async with httpx.AsyncClient(transport=transport, base_url="http://registry.test") as http:
        yield Place(http, replace(owner, site=replace(owner.site, git=FakeGit())))


async def builds() -> list[dict[str, Any]]:
    return await fetch("SELECT uuid, git_url, git_commit, git_ref, tags, phase FROM build ORDER BY id")


async def ordered() -> list[tuple[str, str]]:
    return [(build["git_ref"], build["git_commit"]) for build in await builds()]


@pytest.mark.parametrize("service", TriggerService)
async def test_a_push_orders_a_build(place: Place, service: TriggerService) -> None:
    hook = await place.hook(service, latest_for_default_branch=False)

    answer = await hook.push()

    (build,) = await builds()
    assert (answer.status_code, answer.json()) == (
        200,
        {
            "message": "Okay",
            "builds": [
                {"id": build["uuid"], "commit": COMMIT, "ref": "refs/heads/main", "tags": ["main"]},
            ],
            "notes": [],
        },
    )
    assert build["git_url"] == SOURCE
    (entry,) = await fetch("SELECT metadata, ip, performer_id FROM audit_log WHERE kind = 'build_dockerfile'")
    told = decode_json(entry["metadata"])
    assert (entry["ip"], entry["performer_id"]) == ("203.0.113.9", None)
    assert (told["is_manual"], told["manual_user"], told["trigger_id"]) == (False, None, hook.uuid)
    assert told["trigger_kind"] == service.value
    assert told["trigger_metadata"]["commit"] == COMMIT


@pytest.mark.parametrize("service", TriggerService)
async def test_without_its_credentials_nothing_is_ordered_nor_learned(
    place: Place, service: TriggerService
) -> None:
    hook = await place.hook(service)
    body = samples.body_of(PUSHES[service])
    right = {} if service is CUSTOM else hook.signed(body)
    token = ("$token", hook.token)
    before = await state.dump()

    unknown = replace(hook, uuid="5252e12d-4dc2-4f4c-adc4-a2a01b8702c6")
    refused = [
        await hook.send(body, hook.signed(body, "whsec_AAAA")),
        await hook.send(body + b" ", hook.signed(body)),
        await hook.send(body, auth=("$token", hook.token[:-1])),
        await hook.send(body, auth=("ada", hook.token)),
        await hook.send(body, auth=("$token", "")),
        await hook.send(body, {"Authorization": "Basic %"}),
        await hook.send(body, {"Authorization": f"Bearer {hook.token}"}),
        await unknown.send(body, right, auth=token),
        await replace(hook, uuid="x" * 300).send(body, auth=token),
        # A service that signs has no token in its address.
        await hook.send(body, hook.signed(body) if service is CUSTOM else {}, auth=token if right else None),
    ]
    unsigned = [await hook.send(body), await unknown.send(body)]

    # The token of the trigger is no signature, and a signature is no token.
    assert [(answer.status_code, answer.json()) for answer in refused] == [(403, UNKNOWN)] * len(refused)
    assert [answer.status_code for answer in unsigned] == [401, 401]
    assert unsigned[0].text == unsigned[1].text
    assert unsigned[0].headers["www-authenticate"].startswith("Basic ")
    assert await state.dump() == before


async def test_gitlab_may_send_the_secret_itself(place: Place) -> None:
    hook = await place.hook(GITLAB)
    body = samples.body_of(PUSHES[GITLAB])

    wrong = await hook.send(body, {"X-Gitlab-Token": hook.secret[:-1]})
    right = await hook.send(body, {"X-Gitlab-Token": hook.secret})

    assert [wrong.status_code, right.status_code] == [403, 200]
    assert await ordered() == [("refs/heads/main", COMMIT)]


async def test_the_address_of_before_a_renaming_works_and_that_of_quay(place: Place) -> None:
    hook = await place.hook(CUSTOM)
    body, auth = samples.body_of(PUSHES[CUSTOM]), ("$token", hook.token)

    renamed = await hook.send(body, auth=auth, path=f"/webhooks/push/a/b/c/trigger/{hook.uuid}")
    short = await hook.send(
        samples.body_of(samples.custom(commit=OTHER)), auth=auth, path=f"/webhooks/push/trigger/{hook.uuid}"
    )

    assert [len(answer.json()["builds"]) for answer in (renamed, short)] == [1, 1]


async def test_what_is_no_push_or_not_wanted_orders_nothing_and_says_why(place: Place) -> None:
    hook = await place.hook(GITHUB, branchtag_regex="heads/.*")

    ping = await hook.push({"zen": "Ferries leave on time."}, X_GitHub_Event="ping")
    issue = await hook.push(X_GitHub_Event="issues")
    tag = await hook.push(samples.github(ref="refs/tags/v1"))
    skipping = samples.github()
    skipping["head_commit"] = skipping["head_commit"] | {"message": "Mend a word [skip build]"}
    skipped = await hook.push(skipping)

    answers = [ping, issue, tag, skipped]
    assert [answer.status_code for answer in answers] == [200] * 4
    assert [answer.json()["notes"] for answer in answers] == [
        ["The webhook works: the next push is built."],
        ["The event 'issues' is no push, so there is nothing to build."],
        ["The trigger wants only references that fit 'heads/.*', and 'tags/v1' does not."],
        ["The message of the commit asks to skip the build."],
    ]
    assert await builds() == []


async def test_what_cannot_be_read_is_refused_with_its_field(place: Place) -> None:
    hook = await place.hook(CUSTOM)
    auth = ("$token", hook.token)

    no_json = await hook.send(b"commit=1", auth=auth)
    no_commit = await hook.push({"ref": "refs/heads/main", "default_branch": "main"})
    large = await hook.send(b" " * (MAX_BYTES + 1), auth=auth)

    assert (no_json.status_code, no_json.json()["field"]) == (400, "body")
    assert (no_commit.status_code, no_commit.json()["field"]) == (400, "commit")
    assert large.status_code == 413
    assert await builds() == []


async def test_a_webhook_that_comes_again_orders_nothing(place: Place) -> None:
    hook = await place.hook(GITHUB)

    first = await hook.push(X_GitHub_Delivery="one")
    again = await hook.push(X_GitHub_Delivery="one")
    same_commit = await hook.push(X_GitHub_Delivery="two")
    (build,) = await builds()
    assert [len(answer.json()["builds"]) for answer in (first, again, same_commit)] == [1, 0, 0]
    assert again.json()["notes"] == ["This webhook came before, so nothing is built."]
    assert same_commit.json()["notes"] == [
        f"Build {build['uuid']} is of the same commit of heads/main, so nothing is built."
    ]

    # A branch that goes back to a commit has it built again, since its tag is elsewhere by now.
    head = samples.github()["head_commit"]
    await hook.push(samples.github(after=OTHER, head_commit=head | {"id": OTHER}), X_GitHub_Delivery="three")
    await hook.push(X_GitHub_Delivery="four")
    assert [commit for _, commit in await ordered()] == [COMMIT, OTHER, COMMIT]
    # But what was sent before the newer push comes too late.
    assert (await hook.push(X_GitHub_Delivery="two")).json()["builds"] == []


@pytest.mark.parametrize(
    "change",
    ["phase = 'error'", "phase = 'cancelled'", f"created_at_ms = created_at_ms - {HOUR_MS + 1000}"],
)
async def test_a_commit_is_built_again_if_its_build_failed_or_is_long_ago(place: Place, change: str) -> None:
    hook = await place.hook(CUSTOM)
    await hook.push()
    await hook.push()
    assert len(await builds()) == 1

    await execute(f"UPDATE build SET {change}")
    await hook.push()

    assert len(await builds()) == 2


async def test_webhooks_at_the_same_time_order_one_build(place: Place) -> None:
    hook = await place.hook(GITHUB)

    answers = await asyncio.gather(*(hook.push(X_GitHub_Delivery=name) for name in ("one", "one", "two", "")))

    assert [answer.status_code for answer in answers] == [200] * 4
    assert len(await builds()) == 1


async def test_each_reference_of_a_push_to_bitbucket_is_built(place: Place) -> None:
    hook = await place.hook(BITBUCKET, latest_for_default_branch=False)

    answer = await hook.push(samples.bitbucket(change("main"), change("v2", "tag", OTHER), change("main")))

    assert await ordered() == [("refs/heads/main", COMMIT), ("refs/tags/v2", OTHER)]
    assert len(answer.json()["notes"]) == 1


async def test_without_a_default_branch_there_is_no_latest(place: Place) -> None:
    # The host of the repository does not exist, so that it cannot be asked.
    hook = await place.hook(BITBUCKET)

    answer = await hook.push()

    assert answer.json()["notes"] == ["The default branch is unknown, so there is no tag latest."]
    assert [build["tags"] for build in answer.json()["builds"]] == [["main"]]


async def test_a_trigger_that_is_disabled_or_deleted_orders_nothing(place: Place) -> None:
    hook = await place.hook(CUSTOM)

    await trigger.set_enabled(place.owner, "ada/ferry", hook.uuid, False)
    disabled = await hook.push()
    await trigger.delete(place.owner, "ada/ferry", hook.uuid)
    deleted = await hook.push()

    assert (disabled.status_code, disabled.json()["message"]) == (400, "Build trigger is disabled.")
    assert (deleted.status_code, deleted.json()) == (403, UNKNOWN)
    assert await builds() == []


async def test_a_repository_that_takes_no_images_has_none_built(place: Place) -> None:
    hook = await place.hook(CUSTOM)
    await execute("UPDATE repository SET state = 'READ_ONLY'")

    answer = await hook.push()

    assert (answer.status_code, answer.json()["message"]) == (
        503,
        "Repository is in read only or mirror mode: READ_ONLY",
    )
    assert await builds() == []


async def test_webhooks_of_a_trigger_are_limited(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "WEBHOOKS_PER_MINUTE", 2)
    hook, other = await place.hook(CUSTOM), await place.hook(CUSTOM)
    await hook.send(b"{}", auth=("$token", "wrong"))

    answers = [await hook.push() for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert 1 <= int(answers[2].headers["retry-after"]) <= 60
    assert (await other.push()).status_code == 200


async def test_secrets_are_in_no_log_and_no_answer(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    hook = await place.hook(CUSTOM)
    caplog.set_level(0)

    answer = await hook.push()

    assert answer.status_code == 200
    seen = answer.text + json.dumps(
        [{**vars(record), "args": None} for record in caplog.records], default=str
    )
    assert hook.token not in seen
