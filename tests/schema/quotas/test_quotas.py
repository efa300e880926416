"""Quotas through GraphQL: sizes, who sees them, the default, changes at the same time, deletion."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from resolvers.access.roles import TeamRole
from resolvers.quotas import quota
from resolvers.quotas.quota import LimitKind
from resolvers.repositories import purge
from storage.statements import count_statements, execute, fetch, fetch_one
from tests.factories import Factory
from tests.quotas import stored, told
from tests.schema.client import GraphQL, endpoint

VIEW = "owner number limitBytes isDefault hasDefault limits { number kind percent }"
CREATE = (
    "mutation ($owner: String!, $limit: ByteSize!, $limits: [QuotaLimitInput!]! = []) { quotaCreate("
    f"owner: $owner, input: {{ limit: $limit, limits: $limits }}) {{ quota {{ {VIEW} }}"
    " errors { code field message } } }"
)
UPDATE = (
    'mutation ($input: QuotaUpdateInput!, $number: Int) { quotaUpdate(owner: "acme", number: $number,'
    f" input: $input) {{ quota {{ {VIEW} }} errors {{ code field message }} }} }}"
)
DELETE = (
    'mutation ($number: Int) { quotaDelete(owner: "acme", number: $number) { number'
    " errors { code field message } } }"
)
QUOTA = f"query ($name: String) {{ namespace(name: $name) {{ quota {{ {VIEW} }} }} }}"


@pytest.fixture
async def root(graphql: GraphQL, factory: Factory) -> GraphQL:
    """The superuser `root`, without full access; `ada` owns the organization `acme`."""
    await factory.user("ada")
    await factory.organization("acme", owner="ada")
    await factory.user("root", is_superuser=True)
    return graphql.with_token(await factory.token("root"))


async def kept(name: str = "acme") -> list[Any]:
    """The quota of a namespace in the database: its bytes and limits."""
    found = await fetch(
        "SELECT q.limit_bytes, l.kind, l.percent FROM quota q JOIN account a ON a.id = q.namespace_id"
        " LEFT JOIN quota_limit l ON l.quota_id = q.id WHERE a.name = ? ORDER BY l.percent",
        name,
    )
    return [found[0]["limit_bytes"], *((row["kind"], row["percent"]) for row in found)] if found else []


SIZES: list[tuple[object, int]] = [
    (1, 1),
    (2**63 - 1, 2**63 - 1),
    ("9223372036854775807", 2**63 - 1),
    ("5000", 5000),
    ("10 GiB", 10 * 1024**3),
    ("10GiB", 10 * 1024**3),
    ("512Mi", 512 * 1024**2),
    ("7 Ei", 7 * 1024**6),
    ("200 MB", 200 * 1000**2),
    ("5G", 5 * 1000**3),
    ("1K", 1000),
    ("1 KB", 1000),
    ("1 KiB", 1024),
]
NO_SIZES: list[object] = [
    *("1.5", "1.5 GiB", "B", "10 B", "10 parsecs", "", " 1", "10  GiB", "10 gib", "GiB", "-1", "+1", "1e3"),
    *("１０", "1_000", "8 EiB", "9223372036854775808", "1 YiB", "9" * 5000, -1, 2**63, 1.5, True),
]


async def test_a_size_is_a_number_of_bytes_or_a_text_with_a_unit(root: GraphQL) -> None:
    await root.payload(CREATE, owner="acme", limit=7)

    for written, size in SIZES:
        made = (await root.payload(UPDATE, input={"limit": written}))["quota"]
        assert (written, made["limitBytes"], await kept()) == (written, size, [size, (None, None)])


async def test_what_is_no_size_is_refused_with_what_would_do(root: GraphQL) -> None:
    for written in NO_SIZES:
        (error,) = (await root.answer(CREATE, owner="acme", limit=written))["errors"]
        assert error["extensions"]["code"] == "BAD_REQUEST"
        assert any(hint in error["message"] for hint in ("10 GiB", "between 0 and 2^63-1")), error
        assert len(error["message"]) < 600
    assert await kept() == []


async def test_a_quota_is_seen_by_members_its_user_and_superusers(root: GraphQL, factory: Factory) -> None:
    await factory.user("bob")
    await factory.user("eve")
    await factory.team("acme", "crew", TeamRole.MEMBER, ["bob"])
    limits = [{"kind": "REJECT", "percent": 100}, {"kind": "WARNING", "percent": 80}]
    made = (await root.payload(CREATE, owner="acme", limit="10 GiB", limits=limits))["quota"]
    own = (await root.payload(CREATE, owner="bob", limit=1000))["quota"]
    clients = {name: root.with_token(await factory.token(name)) for name in ("ada", "bob", "eve")}

    assert made == {
        "owner": "acme",
        "number": made["number"],
        "limitBytes": 10 * 1024**3,
        "isDefault": False,
        "hasDefault": False,
        "limits": [
            {"number": made["limits"][0]["number"], "kind": "WARNING", "percent": 80},
            {"number": made["limits"][1]["number"], "kind": "REJECT", "percent": 100},
        ],
    }
    for name in ("ada", "bob"):
        assert await clients[name].data(QUOTA, name="acme") == {"namespace": {"quota": made}}
    assert await clients["bob"].data(QUOTA) == {"namespace": {"quota": own}}
    assert await clients["eve"].data(QUOTA) == {"namespace": {"quota": None}}
    assert await clients["eve"].refusal(QUOTA, name="acme") == "FORBIDDEN"
    # One limit by its number, and nothing by the number of another namespace's quota.
    one = (
        'query ($q: Int, $l: Int!) { namespace(name: "acme") { quota(number: $q) { limit(number: $l) {'
        " kind percent quota { owner } } } } }"
    )
    first = made["limits"][0]["number"]
    expected = {"kind": "WARNING", "percent": 80, "quota": {"owner": "acme"}}
    assert await clients["bob"].data(one, q=made["number"], l=first) == {
        "namespace": {"quota": {"limit": expected}}
    }
    assert await clients["bob"].data(one, q=None, l=0) == {"namespace": {"quota": {"limit": None}}}
    assert await clients["bob"].data(one, q=own["number"], l=first) == {"namespace": {"quota": None}}
    # Superusers list them all, and know a namespace without a quota from one that is not there.
    listed = (
        "query ($owner: String, $after: Cursor) { quotas(owner: $owner, first: 1, after: $after) {"
        " totalCount nodes { owner } pageInfo { nextCursor } } }"
    )
    page = (await root.data(listed))["quotas"]
    assert (page["totalCount"], page["nodes"]) == (2, [{"owner": "acme"}])
    following = (await root.data(listed, after=page["pageInfo"]["nextCursor"]))["quotas"]
    assert (following["nodes"], following["pageInfo"]) == ([{"owner": "bob"}], {"nextCursor": None})
    assert (await root.data(listed, owner="eve"))["quotas"]["nodes"] == []
    assert (await root.data(listed, owner="nobody")) == {"quotas": None}
    # Nobody but the members learns of it from a public repository.
    await factory.repository("acme/app", by="ada")
    await execute("UPDATE repository SET visibility = 'public'")
    seen = 'query { repository(path: "acme/app") { storage { quota { limitBytes } } } }'
    shown = [(await client.data(seen))["repository"]["storage"]["quota"] for client in clients.values()]
    assert shown == [{"limitBytes": 10 * 1024**3}, {"limitBytes": 10 * 1024**3}, None]


async def test_the_default_of_the_registry_stands_in_where_there_is_no_quota(
    root: GraphQL, factory: Factory
) -> None:
    site = replace(factory.site, default_reject_quota_bytes=2**40)
    own = f"own: quota(includeDefault: false) {{ {VIEW} }}"
    both = f'query {{ namespace(name: "acme") {{ quota {{ {VIEW} }} {own} }} }}'
    default = {
        "owner": "acme",
        "number": None,
        "limitBytes": 2**40,
        "isDefault": True,
        "hasDefault": True,
        "limits": [],
    }
    async with endpoint(replace(factory, site=site)) as client:
        ada, chief = [client.with_token(await factory.token(name)) for name in ("ada", "root")]
        assert await ada.data(both) == {"namespace": {"quota": default, "own": None}}
        assert (await chief.data("query { quotas { totalCount } }"))["quotas"]["totalCount"] == 0

        made = (await chief.payload(CREATE, owner="acme", limit=7))["quota"]
        assert made == default | {"number": made["number"], "limitBytes": 7, "isDefault": False}
        assert await ada.data(both) == {"namespace": {"quota": made, "own": made}}

        assert (await chief.payload(DELETE))["number"] == made["number"]
        assert await ada.data(both) == {"namespace": {"quota": default, "own": None}}


@pytest.mark.parametrize("flag", ["QUOTA_MANAGEMENT", "EDIT_QUOTA"])
async def test_where_quotas_are_off_nobody_changes_them(root: GraphQL, factory: Factory, flag: str) -> None:
    await factory.quota("acme", 1000)
    async with endpoint(factory.without_features(flag)) as client:
        ada, chief = [client.with_token(await factory.token(name)) for name in ("ada", "root")]

        assert await chief.payload_error(DELETE) == ("INVALID", "owner")
        shown = (await ada.data(QUOTA, name="acme"))["namespace"]["quota"]
    assert (shown is None) == (flag == "QUOTA_MANAGEMENT")
    assert await kept() == [1000, (None, None)]


async def test_limits_are_replaced_as_a_whole_and_those_that_stay_keep_their_numbers(root: GraphQL) -> None:
    limits = [{"kind": "WARNING", "percent": 50}, {"kind": "REJECT", "percent": 90}]
    made = (await root.payload(CREATE, owner="acme", limit=1000, limits=limits))["quota"]

    wanted = [{"kind": "REJECT", "percent": 90}, {"kind": "WARNING", "percent": 90}]
    changed = (await root.payload(UPDATE, input={"limit": 10, "limits": wanted}))["quota"]

    assert (changed["number"], changed["limitBytes"]) == (made["number"], 10)
    assert changed["limits"][0] == made["limits"][1]
    assert await kept() == [10, ("reject", 90), ("warning", 90)]
    # What is not sent stays.
    assert (await root.payload(UPDATE, input={}))["quota"] == changed
    # As many as a request can have, and none of them.
    every = [{"kind": kind, "percent": percent} for percent in range(1, 51) for kind in ("WARNING", "REJECT")]
    assert len((await root.payload(UPDATE, input={"limits": every}))["quota"]["limits"]) == 100
    assert (await root.payload(UPDATE, input={"limits": []}))["quota"]["limitBytes"] == 10
    assert await kept() == [10, (None, None)]


async def test_a_quota_below_what_is_stored_takes_nothing_away_and_is_told_of(
    root: GraphQL, factory: Factory
) -> None:
    await factory.repository("acme/app", by="ada")
    await factory.image("acme/app", b"l" * 1000, tag="v1")
    size = await stored("acme")
    limits = [{"kind": "WARNING", "percent": 50}, {"kind": "REJECT", "percent": 100}]

    await root.payload(CREATE, owner="acme", limit=10 * size, limits=limits)
    assert await told() == []
    await root.payload(UPDATE, input={"limit": 2 * size})
    await root.payload(UPDATE, input={"limit": size - 1})
    await root.payload(UPDATE, input={"limit": size - 2})

    assert await told() == [
        ("quota_warning", 50, size, 2 * size, 50),
        ("quota_error", 100, size, size - 1, size * 100 // (size - 1)),
    ]
    assert await stored("acme") == size


async def test_a_number_is_that_of_one_quota_and_not_of_the_next(root: GraphQL) -> None:
    first = (await root.payload(CREATE, owner="acme", limit=1000))["quota"]["number"]
    await root.payload(DELETE, number=first)
    second = (await root.payload(CREATE, owner="acme", limit=2000))["quota"]["number"]

    assert second != first
    assert await root.payload_error(UPDATE, input={"limit": 1}, number=first) == ("NOT_FOUND", "number")
    assert await root.payload_error(DELETE, number=first) == ("NOT_FOUND", "number")
    assert await kept() == [2000, (None, None)]


async def test_of_two_who_give_a_quota_at_once_one_is_told_that_it_exists(root: GraphQL) -> None:
    answers = await asyncio.gather(*(root.data(CREATE, owner="acme", limit=size) for size in (1000, 2000)))

    payloads = [answer["quotaCreate"] for answer in answers]
    (made,) = [one["quota"] for one in payloads if one["quota"]]
    ((refused,),) = [one["errors"] for one in payloads if one["errors"]]
    assert (refused["code"], refused["message"]) == ("ALREADY_EXISTS", "Quota for 'acme' already exists")
    assert await kept() == [made["limitBytes"], (None, None)]
    events = await fetch("SELECT kind FROM event WHERE kind LIKE 'org_create_quota%'")
    assert [row["kind"] for row in events] == ["org_create_quota"]


async def test_a_change_while_the_quota_is_removed_is_made_before_it_or_refused(root: GraphQL) -> None:
    add = (
        'mutation { quotaLimitCreate(owner: "acme", input: { kind: REJECT, percent: 100 }) {'
        " limit { percent } errors { code field message } } }"
    )
    for _ in range(3):
        await root.payload(CREATE, owner="acme", limit=1000)
        removed, changed, added = await asyncio.gather(
            root.data(DELETE), root.data(UPDATE, input={"limit": 2000}), root.data(add)
        )

        assert removed["quotaDelete"]["errors"] == []
        for errors in (changed["quotaUpdate"]["errors"], added["quotaLimitCreate"]["errors"]):
            assert [(error["code"], error["field"]) for error in errors] in ([], [("NOT_FOUND", "owner")])
        assert await kept() == []
        assert await fetch("SELECT 1 FROM quota_limit") == []


async def test_a_namespace_takes_its_quota_along(root: GraphQL, factory: Factory) -> None:
    await root.payload(CREATE, owner="acme", limit=1000, limits=[{"kind": "REJECT", "percent": 100}])
    row = await fetch_one("SELECT id FROM account WHERE name = 'acme'")
    assert row is not None
    ada = root.with_token(await factory.token("ada"))

    await ada.payload('mutation { organizationDelete(organization: "acme") { name errors { code } } }')

    # Its name is taken until its content is gone, but it is no namespace any more.
    assert await root.payload_error(UPDATE, input={"limit": 1}) == ("NOT_FOUND", "owner")
    assert (await root.data("query { quotas { totalCount } }"))["quotas"]["totalCount"] == 0
    await purge.purge_namespace(row["id"])
    assert await fetch("SELECT 1 FROM quota") == await fetch("SELECT 1 FROM quota_limit") == []


async def test_a_list_with_quotas_costs_one_more_statement(root: GraphQL, factory: Factory) -> None:
    ada = root.with_token(await factory.token("ada"))
    for number in range(10):
        await factory.organization(f"org-{number}", owner="ada")
        await factory.quota(f"org-{number}", number + 1, (LimitKind.WARNING, 80), (LimitKind.REJECT, 100))
    query = (
        'query {{ user(username: "ada") {{ memberships(first: 100) {{ nodes {{ organization {{ name'
        " storage {{ storedBytes {} }} }} }} }} }} }}"
    )
    counts = []
    for more in ("", "quota { limitBytes limits { percent } }", "quota { limitBytes limits { percent } }"):
        with count_statements() as count:
            data = await ada.data(query.format(more))
        counts.append(len(count.statements))

    # The quotas with their limits; roles are known already.
    assert counts[2] == counts[0] + 1
    shown = [node["organization"]["storage"]["quota"] for node in data["user"]["memberships"]["nodes"]]
    assert shown[1:] == [
        {"limitBytes": number + 1, "limits": [{"percent": 80}, {"percent": 100}]} for number in range(10)
    ]
    assert await quota.by_namespaces([]) == {}


async def test_limits_that_lead_back_to_their_quota_count_at_each_level(root: GraphQL) -> None:
    def document(levels: int) -> str:
        ways = "limits { quota { " * levels + "limitBytes" + " } }" * levels
        return f"{{ namespace {{ quota {{ {ways} }} }} }}"

    assert await root.data(document(2)) == {"namespace": {"quota": None}}
    assert await root.refusal(document(3)) == "TOO_COMPLEX"
    assert await root.data("{ quotas(first: 100) { nodes { limits { percent } } } }") == {
        "quotas": {"nodes": []}
    }
