"""Payload errors: each has its code and the path of the input, and nothing is written."""

from typing import NamedTuple

import pytest

from resolvers.access.roles import TeamRole
from resolvers.quotas.quota import LimitKind
from schema.node_id import encode_id
from storage.jobs import claim, enqueue, finish
from storage.statements import execute
from tests.factories import Factory
from tests.schema.client import GraphQL
from tests.state import dump, dump_without_counters

ABSENT = "sha256:" + "0" * 64


class Row(NamedTuple):
    """A mutation that is refused: its name, arguments in GraphQL, code and field of its error.

    `text` is the value of a variable, for texts that are too long for the table.
    """

    mutation: str
    arguments: str
    code: str
    field: str | None
    text: tuple[str, str] | None = None


REPOSITORY, TAG = 'repository: "ada/app"', 'repository: "ada/app", tag: "v1"'
GRANT = 'repository: "acme/app", grantee: { kind: %s, name: "%s" }'
PROTOTYPE = 'organization: "acme", input: { role: READ, delegate: { kind: %s, name: "%s" } %s }'

LIMIT = "{ kind: WARNING, percent: %d }"

ROWS = [
    Row("repositoryCreate", 'input: { name: "app" }', "ALREADY_EXISTS", "input.name"),
    Row("repositoryCreate", 'input: { name: "App" }', "INVALID", "input.name"),
    Row("repositoryCreate", 'input: { name: "" }', "INVALID", "input.name"),
    Row("repositoryCreate", 'input: { name: "a//b" }', "INVALID", "input.name"),
    Row("repositoryCreate", 'input: { name: "a\\n" }', "INVALID", "input.name"),
    Row("repositoryCreate", "input: { name: $n }", "INVALID", "input.name", ("n", "a" * 256)),
    Row(
        "repositoryCreate",
        'input: { name: "new", description: $d }',
        "INVALID",
        "input.description",
        ("d", "d" * 100_001),
    ),
    Row(
        "repositoryUpdate",
        f"{REPOSITORY}, input: {{ description: $d }}",
        "INVALID",
        "input.description",
        ("d", "d" * 100_001),
    ),
    Row("repositoryUpdate", 'repository: "ada/none", input: { description: "x" }', "NOT_FOUND", "repository"),
    Row(
        "repositoryVisibilityChange", 'repository: "ada/none", visibility: PUBLIC', "NOT_FOUND", "repository"
    ),
    Row("repositoryStateChange", 'repository: "ada/none", state: NORMAL', "NOT_FOUND", "repository"),
    Row("repositoryStateChange", f"{REPOSITORY}, state: MARKED_FOR_DELETION", "INVALID", "state"),
    Row("repositoryStateChange", f"{REPOSITORY}, state: ORG_MIRROR", "INVALID", "state"),
    Row(
        "repositoryPermissionSet",
        f"{GRANT % ('USER', 'nobody')}, role: READ",
        "UNKNOWN_REFERENCE",
        "grantee",
    ),
    Row(
        "repositoryPermissionSet",
        f"{GRANT % ('USER', 'acme')}, role: READ",
        "UNKNOWN_REFERENCE",
        "grantee",
    ),
    Row("repositoryPermissionSet", f"{GRANT % ('TEAM', 'none')}, role: READ", "UNKNOWN_REFERENCE", "grantee"),
    Row(
        "repositoryPermissionSet",
        f"{GRANT % ('TEAM', 'others')}, role: READ",
        "UNKNOWN_REFERENCE",
        "grantee",
    ),
    Row(
        "repositoryPermissionSet",
        f'{REPOSITORY}, grantee: {{ kind: USER, name: "ada" }}, role: READ',
        "INVALID",
        "grantee",
    ),
    Row("repositoryPermissionDelete", GRANT % ("USER", "bob"), "NOT_FOUND", "grantee"),
    Row("repositoryPermissionDelete", GRANT % ("TEAM", "makers"), "NOT_FOUND", "grantee"),
    Row("repositoryPermissionDelete", GRANT % ("USER", "nobody"), "NOT_FOUND", "grantee"),
    Row("repositoryPermissionSet", f"{GRANT % ('USER', 'ada+bot')}, role: READ", "INVALID", "grantee"),
    Row(
        "repositoryPermissionSet",
        f'{REPOSITORY}, grantee: {{ kind: TEAM, name: "makers" }}, role: READ',
        "UNKNOWN_REFERENCE",
        "grantee",
    ),
    Row(
        "repositoryPermissionDelete",
        f'{REPOSITORY}, grantee: {{ kind: USER, name: "ada" }}',
        "INVALID",
        "grantee",
    ),
    Row(
        "permissionPrototypeCreate", PROTOTYPE % ("USER", "nobody", ""), "UNKNOWN_REFERENCE", "input.delegate"
    ),
    Row("permissionPrototypeCreate", PROTOTYPE % ("USER", "acme", ""), "UNKNOWN_REFERENCE", "input.delegate"),
    Row(
        "permissionPrototypeCreate", PROTOTYPE % ("TEAM", "others", ""), "UNKNOWN_REFERENCE", "input.delegate"
    ),
    Row("permissionPrototypeCreate", PROTOTYPE % ("USER", "ada+bot", ""), "INVALID", "input.delegate"),
    Row(
        "permissionPrototypeCreate",
        PROTOTYPE % ("USER", "bob", 'activatingAccount: { name: "nobody" }'),
        "UNKNOWN_REFERENCE",
        "input.activatingAccount",
    ),
    Row(
        "permissionPrototypeCreate",
        PROTOTYPE.replace("acme", "ada") % ("USER", "bob", ""),
        "NOT_FOUND",
        "organization",
    ),
    Row(
        "permissionPrototypeUpdate",
        'organization: "acme", prototype: "none", input: { role: READ }',
        "NOT_FOUND",
        "prototype",
    ),
    Row("permissionPrototypeDelete", 'organization: "acme", prototype: "none"', "NOT_FOUND", "prototype"),
    Row("organizationCreate", 'input: { name: "acme" }', "ALREADY_EXISTS", "input.name"),
    Row("organizationCreate", 'input: { name: "ada" }', "ALREADY_EXISTS", "input.name"),
    Row("organizationCreate", 'input: { name: "a" }', "INVALID", "input.name"),
    Row("organizationCreate", 'input: { name: "Acme" }', "INVALID", "input.name"),
    Row("organizationCreate", 'input: { name: "a__b" }', "INVALID", "input.name"),
    Row("organizationCreate", 'input: { name: "ab+cd" }', "INVALID", "input.name"),
    Row("organizationCreate", 'input: { name: "new", email: "x" }', "INVALID", "input.email"),
    Row(
        "organizationCreate",
        'input: { name: "new", email: "bob@example.com" }',
        "ALREADY_EXISTS",
        "input.email",
    ),
    Row("organizationUpdate", 'organization: "ada", input: {}', "NOT_FOUND", "organization"),
    Row("organizationUpdate", 'organization: "acme", input: { email: "@x.y" }', "INVALID", "input.email"),
    Row(
        "organizationUpdate",
        'organization: "acme", input: { hasInvoiceEmail: true, email: "bob@example.com" }',
        "ALREADY_EXISTS",
        "input.email",
    ),
    Row(
        "organizationUpdate",
        'organization: "acme", input: { email: "new@example.com", invoiceEmailAddress: "x" }',
        "INVALID",
        "input.invoiceEmailAddress",
    ),
    Row(
        "organizationUpdate",
        'organization: "acme", input: { email: "new@example.com", tagExpirationS: 5 }',
        "INVALID",
        "input.tagExpirationS",
    ),
    Row("organizationDelete", 'organization: "ada"', "NOT_FOUND", "organization"),
    Row("robotCreate", 'input: { owner: "ada", shortName: "bot" }', "ALREADY_EXISTS", "input.shortName"),
    Row("robotCreate", 'input: { owner: "ada", shortName: "B" }', "INVALID", "input.shortName"),
    Row(
        "robotCreate",
        'input: { owner: "ada", shortName: "new", description: $d }',
        "INVALID",
        "input.description",
        ("d", "d" * 256),
    ),
    Row("robotTokenRegenerate", 'owner: "acme", shortName: "bot"', "NOT_FOUND", "shortName"),
    Row("robotTokenRegenerate", 'shortName: "bot-2"', "NOT_FOUND", "shortName"),
    Row("robotDelete", 'owner: "acme", shortName: "bot"', "NOT_FOUND", "shortName"),
    Row("robotFederationClear", 'shortName: "ada+bot"', "NOT_FOUND", "shortName"),
    Row("robotFederationSet", 'owner: "acme", shortName: "bot", identities: []', "NOT_FOUND", "shortName"),
    *(
        Row("robotFederationSet", f'shortName: "bot", identities: [{identities}]', "INVALID", "identities")
        for identities in (
            '{ issuer: "", subject: "s" }',
            '{ issuer: "https://issuer.example", subject: "" }',
            '{ issuer: "issuer.example", subject: "s" }',
            '{ issuer: "ftp://issuer.example", subject: "s" }',
            '{ issuer: "https://", subject: "s" }',
            ", ".join(['{ issuer: "https://issuer.example", subject: "s" }'] * 2),
        )
    ),
    Row(
        "robotFederationSet",
        'shortName: "bot", identities: [{ issuer: "https://issuer.example", subject: $s }]',
        "INVALID",
        "identities",
        ("s", "s" * 256),
    ),
    Row("appTokenCreate", "input: { title: $t }", "INVALID", "input.title", ("t", "t" * 256)),
    Row("tagUpdate", f'{TAG}, input: {{ manifestDigest: "{ABSENT}" }}', "NOT_FOUND", "input.manifestDigest"),
    Row(
        "tagUpdate",
        f'{TAG}, input: {{ isImmutable: true, manifestDigest: "{ABSENT}" }}',
        "NOT_FOUND",
        "input.manifestDigest",
    ),
    Row(
        "tagUpdate",
        f'{TAG}, input: {{ expiresAt: "2001-01-01T00:00:00Z" }}',
        "INVALID",
        "input.expiresAt",
    ),
    Row(
        "tagUpdate",
        f'{REPOSITORY}, tag: "-x", input: {{ manifestDigest: "{ABSENT}" }}',
        "INVALID",
        "tag",
    ),
    Row("tagUpdate", f'{REPOSITORY}, tag: "none", input: {{ isImmutable: true }}', "NOT_FOUND", "tag"),
    Row("tagUpdate", f'{REPOSITORY}, tag: "none", input: {{ expiresAt: null }}', "NOT_FOUND", "tag"),
    Row("tagUpdate", 'repository: "ada/none", tag: "v1", input: {}', "NOT_FOUND", "repository"),
    Row("tagDelete", f'{REPOSITORY}, tag: "none"', "NOT_FOUND", "tag"),
    Row("tagRestore", f'{TAG}, manifestDigest: "{ABSENT}"', "NOT_FOUND", "manifestDigest"),
    Row("tagRestore", f'{REPOSITORY}, tag: ".x", manifestDigest: "{ABSENT}"', "INVALID", "tag"),
    Row(
        "userInitialize",
        'input: { username: "root", password: "correct-horse", email: "root@example.com" }',
        "INVALID",
        "input.username",
    ),
    Row(
        "teamCreate",
        'organization: "acme", input: { name: "makers", role: MEMBER }',
        "ALREADY_EXISTS",
        "input.name",
    ),
    Row("teamCreate", 'organization: "acme", input: { name: "Crew", role: MEMBER }', "INVALID", "input.name"),
    Row(
        "teamCreate",
        'organization: "ada", input: { name: "crew", role: MEMBER }',
        "NOT_FOUND",
        "organization",
    ),
    Row(
        "teamCreate",
        'organization: "acme", input: { name: "crew", role: MEMBER, description: $d }',
        "INVALID",
        "input.description",
        ("d", "d" * 10_001),
    ),
    Row("teamUpdate", 'organization: "acme", team: "others", input: { role: MEMBER }', "NOT_FOUND", "team"),
    Row(
        "teamUpdate",
        'organization: "acme", team: "owners", input: { role: CREATOR }',
        "INVALID",
        "input.role",
    ),
    Row("teamSet", 'organization: "acme", team: "owners", input: { role: MEMBER }', "INVALID", "input.role"),
    Row("teamSet", 'organization: "acme", team: "a", input: { role: MEMBER }', "INVALID", "team"),
    Row("teamDelete", 'organization: "acme", team: "others"', "NOT_FOUND", "team"),
    Row("teamDelete", 'organization: "acme", team: "owners"', "INVALID", "team"),
    Row("teamMemberAdd", 'organization: "acme", team: "others", account: "bob"', "NOT_FOUND", "team"),
    Row(
        "teamMemberAdd",
        'organization: "acme", team: "makers", account: "nobody"',
        "UNKNOWN_REFERENCE",
        "account",
    ),
    Row(
        "teamMemberAdd",
        'organization: "acme", team: "makers", account: "other"',
        "UNKNOWN_REFERENCE",
        "account",
    ),
    Row(
        "teamMemberAdd",
        'organization: "acme", team: "makers", account: "ada+bot"',
        "UNKNOWN_REFERENCE",
        "account",
    ),
    Row("teamMemberAdd", 'organization: "acme", team: "owners", account: "ada"', "ALREADY_EXISTS", "account"),
    Row(
        "teamMemberRemove", 'organization: "acme", team: "makers", account: "nobody"', "NOT_FOUND", "account"
    ),
    Row("teamMemberRemove", 'organization: "acme", team: "makers", account: "bob"', "INVALID", "account"),
    Row("teamMemberRemove", 'organization: "acme", team: "owners", account: "ada"', "INVALID", "account"),
    Row("teamInviteCreate", 'organization: "acme", team: "makers", email: "nowhere"', "INVALID", "email"),
    Row("teamInviteCreate", 'organization: "acme", team: "others", email: "a@b.cd"', "NOT_FOUND", "team"),
    Row("teamInviteDelete", 'organization: "acme", team: "makers", email: "a@b.cd"', "NOT_FOUND", "email"),
    Row("teamInviteAccept", 'invite: { code: "x" }', "NOT_FOUND", "invite"),
    Row("teamInviteAccept", 'invite: { id: "x" }', "NOT_FOUND", "invite"),
    Row("teamInviteDecline", 'invite: { id: "VGVhbUludml0ZTox" }', "NOT_FOUND", "invite"),
    Row("organizationMemberRemove", 'organization: "acme", account: "nobody"', "NOT_FOUND", "account"),
    Row("organizationMemberRemove", 'organization: "acme", account: "ada"', "INVALID", "account"),
    Row(
        "prunePolicyCreate",
        'owner: { repository: "ada/none" }, input: { method: NUMBER_OF_TAGS, value: 1 }',
        "NOT_FOUND",
        "owner",
    ),
    Row("prunePolicyCreate", "input: { method: NUMBER_OF_TAGS, value: 0 }", "INVALID", "input.value"),
    Row("prunePolicyCreate", 'input: { method: NUMBER_OF_TAGS, value: "7d" }', "INVALID", "input.value"),
    Row("prunePolicyCreate", "input: { method: CREATION_DATE, value: 7 }", "INVALID", "input.value"),
    Row("prunePolicyCreate", 'input: { method: CREATION_DATE, value: "1001y" }', "INVALID", "input.value"),
    Row(
        "prunePolicyCreate",
        'input: { method: NUMBER_OF_TAGS, value: 1, tagPattern: "(?=v)" }',
        "INVALID",
        "input.tagPattern",
    ),
    Row(
        "prunePolicyCreate",
        'input: { method: NUMBER_OF_TAGS, value: 1, tagPattern: " " }',
        "INVALID",
        "input.tagPattern",
    ),
    Row(
        "prunePolicyCreate",
        "input: { method: NUMBER_OF_TAGS, value: 1, tagPattern: $p }",
        "INVALID",
        "input.tagPattern",
        ("p", "v" * 257),
    ),
    Row(
        "prunePolicyCreate",
        "input: { method: NUMBER_OF_TAGS, value: 1, keptIfPulledWithinDays: 0 }",
        "INVALID",
        "input.keptIfPulledWithinDays",
    ),
    Row("prunePolicyUpdate", 'policy: "none", input: { value: 1 }', "NOT_FOUND", "policy"),
    Row("autoPrunePlan", 'policy: { uuid: "none" }', "NOT_FOUND", "policy"),
    Row("autoPrunePlan", "policy: { draft: { method: NUMBER_OF_TAGS, value: 0 } }", "INVALID", "value"),
    Row("autoPrune", 'plan: "none"', "NOT_FOUND", "plan"),
    Row("prunePolicyDelete", 'owner: { repository: "ada/app" }, policy: "none"', "NOT_FOUND", "policy"),
    Row("jobCancel", 'job: "none"', "NOT_FOUND", "job"),
    Row("jobCancel", 'job: "VXNlcjox"', "NOT_FOUND", "job"),
    Row("jobCancel", f'job: "{encode_id("Job", 424_242)}"', "NOT_FOUND", "job"),
    Row("jobCancel", f'job: "{encode_id("Job", 1)}"', "CONFLICT", "job"),
    Row("quotaCreate", 'owner: "nowhere", input: { limit: 1 }', "NOT_FOUND", "owner"),
    Row("quotaCreate", 'owner: "ada+bot", input: { limit: 1 }', "NOT_FOUND", "owner"),
    Row("quotaCreate", 'owner: "ada", kind: ORGANIZATION, input: { limit: 1 }', "NOT_FOUND", "owner"),
    Row("quotaCreate", 'owner: "acme", input: { limit: 1 }', "ALREADY_EXISTS", "owner"),
    Row("quotaCreate", 'owner: "ada", input: { limit: 0 }', "INVALID", "input.limit"),
    Row(
        "quotaCreate",
        f'owner: "ada", input: {{ limit: 1, limits: [{LIMIT % 0}] }}',
        "INVALID",
        "input.limits",
    ),
    Row(
        "quotaCreate",
        f'owner: "ada", input: {{ limit: 1, limits: [{LIMIT % 101}] }}',
        "INVALID",
        "input.limits",
    ),
    Row(
        "quotaCreate",
        f'owner: "ada", input: {{ limit: 1, limits: [{LIMIT % 5}, {LIMIT % 5}] }}',
        "INVALID",
        "input.limits",
    ),
    Row("quotaUpdate", 'owner: "ada", input: { limit: 1 }', "NOT_FOUND", "owner"),
    Row("quotaUpdate", 'owner: "acme", number: 0, input: { limit: 1 }', "NOT_FOUND", "number"),
    Row("quotaUpdate", 'owner: "acme", input: { limit: "0 GiB" }', "INVALID", "input.limit"),
    Row("quotaUpdate", f'owner: "acme", input: {{ limits: [{LIMIT % -1}] }}', "INVALID", "input.limits"),
    Row("quotaDelete", 'owner: "nowhere"', "NOT_FOUND", "owner"),
    Row("quotaDelete", 'owner: "ada"', "NOT_FOUND", "owner"),
    Row("quotaDelete", 'owner: "acme", number: 0', "NOT_FOUND", "number"),
    Row("quotaLimitCreate", f'owner: "acme", input: {LIMIT % 50}', "ALREADY_EXISTS", "input.percent"),
    Row("quotaLimitCreate", f'owner: "acme", input: {LIMIT % 0}', "INVALID", "input.percent"),
    Row("quotaLimitCreate", f'owner: "acme", input: {LIMIT % 101}', "INVALID", "input.percent"),
    Row("quotaLimitCreate", f'owner: "acme", number: 0, input: {LIMIT % 60}', "NOT_FOUND", "number"),
    Row("quotaLimitUpdate", 'owner: "acme", limit: 0, input: { percent: 60 }', "NOT_FOUND", "limit"),
    Row("quotaLimitDelete", 'owner: "acme", limit: 0', "NOT_FOUND", "limit"),
]


@pytest.fixture
async def owner(factory: Factory, ada: GraphQL) -> GraphQL:
    """The superuser `ada` with a repository, a tag, a robot and an organization, and a job that has ended."""
    await execute("UPDATE account SET is_superuser = ? WHERE name = 'ada'", True)
    await enqueue("test", {})
    ended = await claim("test", ["test"])
    assert ended is not None
    assert ended.id == 1
    await finish(ended)
    await factory.user("bob")
    await factory.organization("acme", owner="ada")
    await factory.organization("other", owner="ada")
    await factory.team("acme", "makers", TeamRole.CREATOR)
    await factory.team("other", "others", TeamRole.CREATOR)
    await factory.robot("ada+bot")
    await factory.repository("ada/app")
    await factory.repository("acme/app", by="ada")
    await factory.image("ada/app", b"layer", tag="v1")
    await factory.quota("acme", 1000, (LimitKind.WARNING, 50))
    return ada


async def test_each_refusal_has_its_code_and_field_and_writes_nothing(owner: GraphQL) -> None:
    before = await dump_without_counters()

    found = {}
    for row in ROWS:
        declared = f"(${row.text[0]}: String!)" if row.text else ""
        document = f"""mutation {declared} {{ {row.mutation}({row.arguments}) {{
          __typename errors {{ code field message }} }} }}"""
        ((payload),) = (await owner.data(document, **dict([row.text] if row.text else []))).values()
        found[row.mutation, row.arguments] = [(error["code"], error["field"]) for error in payload["errors"]]

    assert await dump_without_counters() == before
    assert found == {(row.mutation, row.arguments): [(row.code, row.field)] for row in ROWS}


async def test_deleting_a_repository_that_is_not_there_is_no_error(owner: GraphQL) -> None:
    before = await dump()

    payload = await owner.payload(
        'mutation { repositoryDelete(repository: "ada/none") { path errors { code field message } } }'
    )

    assert payload == {"path": None, "errors": []}
    assert await dump() == before


async def test_mutations_of_one_document_are_transactions_of_their_own(owner: GraphQL) -> None:
    data = await owner.data(
        """mutation {
          first: repositoryCreate(input: { name: "one" }) { repository { path } errors { code } }
          second: repositoryCreate(input: { name: "one" }) { repository { path } errors { code } }
          third: repositoryCreate(input: { name: "two" }) { repository { path } errors { code } }
        }"""
    )

    assert data == {
        "first": {"repository": {"path": "ada/one"}, "errors": []},
        "second": {"repository": None, "errors": [{"code": "ALREADY_EXISTS"}]},
        "third": {"repository": {"path": "ada/two"}, "errors": []},
    }


async def test_values_that_cannot_be_read_are_refused_before_anything_happens(owner: GraphQL) -> None:
    before = await dump()

    for arguments in (
        'repositoryStateChange(repository: "ada/app", state: BROKEN)',
        'tagUpdate(repository: "ada/app", tag: "v1", input: { manifestDigest: "latest" })',
        'tagUpdate(repository: "ada/app", tag: "v1", input: { expiresAt: "soon" })',
        'tagUpdate(repository: "ada/app", tag: "v1", input: { isImmutable: null })',
        "prunePolicyCreate(input: { method: NUMBER_OF_TAGS, value: true })",
        "prunePolicyCreate(input: { method: NUMBER_OF_TAGS, value: 1.5 })",
        "prunePolicyCreate(input: { method: CREATION_DATE, value: null })",
        'prunePolicyUpdate(policy: "none", input: { method: null })',
        'organizationUpdate(organization: "acme", input: { hasInvoiceEmail: null })',
        'organizationUpdate(organization: "acme", input: { tagExpirationS: null })',
        'organizationUpdate(organization: "acme", input: { tagExpirationS: 3000000000 })',
    ):
        answer = await owner.answer(f"mutation {{ {arguments} {{ errors {{ code }} }} }}")
        assert {error["extensions"]["code"] for error in answer["errors"]} == {"BAD_REQUEST"}, arguments
    assert await dump() == before
