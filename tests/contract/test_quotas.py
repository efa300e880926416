"""Quotas at REST beyond what was recorded: the spellings of sizes, what is refused, and the default."""

from dataclasses import replace
from typing import Any

from quayside.settings.settings import Settings
from resolvers.quotas import quota
from resolvers.quotas.quota import LimitKind
from tests.contract.test_small_answers import populated
from tests.contract.world import ORGANIZATION, callers, observed
from tests.factories import Factory

QUOTA = f"/organization/{ORGANIZATION}/quota"
OTHER = "/superuser/users/tove/quota"
MIB = 1024**2


BODIES: list[tuple[dict[str, Any], int | str]] = [
    ({"limit_bytes": 2**63 - 1}, 2**63 - 1),
    ({"limits": "10 MiB"}, 10 * MIB),
    ({"limit": "10Mi"}, 10 * MIB),
    ({"limits": "10 MB", "limit": "10 MB"}, 10_000_000),
    ({"limit": "5000", "unknown": True}, 5000),
    ({"limit_bytes": 1, "limit": "1"}, "Only one of 'limit_bytes', 'limits' may be given"),
    ({"limit_bytes": 1, "limits": "1"}, "Only one of 'limit_bytes', 'limits' may be given"),
    ({"limits": "1", "limit": "2"}, "Only one of 'limits', 'limit' may be given"),
    ({}, "'limit_bytes' is a required property"),
    ({"limit_bytes": None}, "None is not of type 'integer'"),
    ({"limit_bytes": "10 MiB"}, "'10 MiB' is not of type 'integer'"),
    ({"limit_bytes": 1.5}, "1.5 is not of type 'integer'"),
    ({"limit": 10}, "10 is not of type 'string'"),
    ({"limit_bytes": 0}, "Invalid quota size limit value: '0'; it must be at least 1 byte."),
    ({"limit": "0 GiB"}, "Invalid quota size limit value: '0'; it must be at least 1 byte."),
    ({"limit_bytes": -1}, "-1 bytes are not a size"),
    ({"limit_bytes": 2**63}, "9223372036854775808 bytes are not a size"),
    ({"limit": "8 EiB"}, "9223372036854775808 bytes are not a size"),
    ({"limit": "1.5 GiB"}, "'1.5 GiB' is not a size"),
    ({"limit": "10 B"}, "'10 B' is not a size"),
]
"""What is sent to give a quota, with its bytes or the beginning of the refusal."""


async def test_a_size_has_one_of_three_names(factory: Factory, settings_with_files: Settings) -> None:
    wrong = []
    async with callers(await populated(factory), observed(settings_with_files)) as caller:
        for body, due in BODIES:
            made = await caller.ask("ingrid", "POST", QUOTA, body)
            shown = (await caller.ask("maren", "GET", QUOTA)).json()
            if isinstance(due, str):
                answer = made.json()
                is_right = (made.status_code, answer["error_type"], shown) == (
                    400,
                    "invalid_request",
                    [],
                ) and answer["detail"].startswith(due)
            else:
                is_right = (made.status_code, made.json()) == (201, "Created")
                is_right = is_right and [one["limit_bytes"] for one in shown] == [due]
                await quota.delete(factory.superuser(), ORGANIZATION)
            if not is_right:
                wrong.append((body, made.text, shown))

    assert wrong == []


async def test_changes_refuse_what_they_do_not_know_and_leave_everything_as_it_is(
    factory: Factory, settings_with_files: Settings
) -> None:
    world = await populated(factory)
    made = await factory.quota(ORGANIZATION, 3000, (LimitKind.WARNING, 50), (LimitKind.REJECT, 100))
    own = await factory.quota("tove", 500)
    one, limit = f"{QUOTA}/{made.id}", f"{QUOTA}/{made.id}/limit/{made.limits[0].id}"
    tries: list[tuple[str, str, Any, int, str | None]] = [
        ("PUT", one, {"limit_byte": 1}, 400, "Additional properties are not allowed ('limit_byte' was"),
        ("PUT", f"{OTHER}/{own.id}", {"limits": "1"}, 400, "Additional properties are not allowed ('limits'"),
        ("PUT", one, {"limit_bytes": 1, "limit": "2"}, 400, "Only one of 'limit_bytes', 'limits' may"),
        (
            "PUT",
            f"{OTHER}/{own.id}",
            {"limit_bytes": 1, "limit": "1"},
            400,
            "Only one of 'limit_bytes', 'limit'",
        ),
        ("PUT", one, {"limit": "B"}, 400, "'B' is not a size"),
        *(
            (method, path, {} if method == "PUT" else None, 404, "Not Found")
            for number in ("abc", "1.5", "0", "-1", "9" * 18, "9" * 30, own.id)
            for path, methods in (
                (f"{QUOTA}/{number}", ("GET", "PUT", "DELETE")),
                (f"{QUOTA}/{number}/limit", ("GET",)),
                (f"{QUOTA}/{made.id}/limit/{number if number != own.id else 0}", ("GET", "PUT", "DELETE")),
                (f"/superuser/users/{ORGANIZATION}/quota/{number}", ("PUT", "DELETE")),
            )
            for method in methods
        ),
        # Of all numbers out of range, 0 alone has the form of other errors, and only in a new limit.
        (
            "POST",
            f"{one}/limit",
            {"type": "Warning", "threshold_percent": 0},
            400,
            "Quota limit threshold must",
        ),
        ("POST", f"{one}/limit", {"type": "Warning", "threshold_percent": -1}, 400, None),
        ("PUT", limit, {"threshold_percent": 0}, 400, None),
        ("POST", f"{one}/limit", {"type": "Warning", "threshold_percent": 101}, 400, None),
        ("PUT", limit, {"threshold_percent": 101}, 400, None),
        ("PUT", limit, {"type": "Reject", "threshold_percent": 100}, 400, "Quota limit already exists"),
        ("POST", f"{one}/limit", {"type": "reject", "threshold_percent": 100}, 400, "Quota limit already"),
        ("POST", "/organization/tove/quota", {"limit_bytes": 1}, 404, "Not Found"),
        ("POST", "/organization/maren/quota", {"limit_bytes": 1}, 404, "Not Found"),
        ("GET", "/organization/tove/quota", None, 404, "Not Found"),
        ("POST", f"/superuser/users/{ORGANIZATION}+bot/quota", {"limit_bytes": 1}, 404, "Not Found"),
    ]
    async with callers(world, observed(settings_with_files)) as caller:
        before = (await caller.ask("maren", "GET", one)).json()
        wrong = []
        for method, path, body, status, text in tries:
            answer = await caller.ask("ingrid", method, path, body)
            shown = answer.json()
            is_right = (
                shown.get("detail", "").startswith(text)
                if text
                else shown == {"message": "Quota limit threshold must be between 1 and 100"}
            )
            if answer.status_code != status or not is_right:
                wrong.append((method, path, body, answer.status_code, shown))
        after = (await caller.ask("maren", "GET", one)).json()
        # The quota of a user can be reached by its number below `organization`, as in the reference.
        of_user = (await caller.ask("tove", "GET", f"/organization/tove/quota/{own.id}")).json()

    assert wrong == []
    assert after == before
    assert of_user == {
        "id": own.id,
        "limit_bytes": 500,
        "limit": "500.0 Byte",
        "default_config": False,
        "limits": [],
        "default_config_exists": False,
    }


async def test_the_default_is_shown_where_an_organization_has_no_quota_and_in_reports(
    factory: Factory, settings_with_files: Settings
) -> None:
    settings = replace(observed(settings_with_files), default_system_reject_quota_bytes=3000)
    default = {
        "id": None,
        "limit_bytes": 3000,
        "limit": "2.9 KiB",
        "default_config": True,
        "limits": [],
        "default_config_exists": True,
    }
    async with callers(await populated(factory), settings) as caller:
        lists = {
            path: (await caller.ask(actor, "GET", path)).json()
            for actor, path in (
                ("maren", QUOTA),
                ("maren", "/user/quota"),
                ("ingrid", f"/superuser/organization/{ORGANIZATION}/quota"),
            )
        }
        shown = (await caller.ask("maren", "GET", f"/organization/{ORGANIZATION}")).json()
        user = (await caller.ask("maren", "GET", "/user/")).json()
        given = await factory.quota(ORGANIZATION, 10 * MIB, (LimitKind.WARNING, 80), (LimitKind.REJECT, 100))
        with_quota = (await caller.ask("maren", "GET", f"/organization/{ORGANIZATION}")).json()
        (listed,) = (await caller.ask("maren", "GET", QUOTA)).json()

    assert list(lists.values()) == [[default], [], []]
    assert (shown["quotas"], shown["quota_report"]["configured_quota"]) == ([], 3000)
    assert (user["quotas"], user["quota_report"]["configured_quota"]) == ([], 3000)
    limits = [
        {"id": limit.id, "type": limit.kind.value.title(), "limit_percent": limit.percent}
        for limit in given.limits
    ]
    assert with_quota["quotas"] == [{"id": given.id, "limit_bytes": 10 * MIB, "limits": limits}]
    assert with_quota["quota_report"]["configured_quota"] == 10 * MIB
    assert listed == default | {
        "id": given.id,
        "limit_bytes": 10 * MIB,
        "limit": "10.0 MiB",
        "default_config": False,
        "limits": limits,
    }


async def test_a_superuser_without_full_access_changes_quotas_at_one_door_alone(
    factory: Factory, settings_with_files: Settings
) -> None:
    world = await populated(factory)
    made = await factory.quota(ORGANIZATION, 3000)
    async with callers(world, settings_with_files) as caller:
        statuses = [
            (await caller.ask("ingrid", "PUT", f"{path}/{made.id}", {"limit_bytes": 1})).status_code
            for path in (QUOTA, f"/superuser/organization/{ORGANIZATION}/quota")
        ]
        # The body is looked at before the caller.
        unfit = await caller.ask("maren", "PUT", f"{QUOTA}/{made.id}", {"limit_bytes": "x"})
        unseen = await caller.ask(
            "maren", "PUT", f"/superuser/users/tove/quota/{made.id}", {"limit_bytes": 1}
        )

    assert statuses == [403, 200]
    assert (unfit.status_code, unseen.status_code) == (400, 403)
