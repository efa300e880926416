"""Payload errors: each has its code and the path of the input, and nothing is written."""

from typing import NamedTuple

import pytest

from resolvers.access.roles import TeamRole
from resolvers.quotas.quota import LimitKind
from schema.node_id import encode_id
from storage.clock import now_ms
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

_MIRRORED = (
    'repository: "ada/app", input: { source: "%s", robot: "%s", syncIntervalS: 60,'
    ' syncStartsAt: "2126-01-01T00:00:00Z", rule: { ruleKind: TAG_GLOB_CSV, ruleValue: ["%s"] } }'
)

TOLD = 'owner: { repository: "ada/app" }, input: { event: %s, method: %s, config: %s%s }'
OUTSIDE = 'url: "https://[2606:4700::1111]/hook"'
WITH_TEMPLATE = f'{{ {OUTSIDE}, template: "%s" }}'
DEEP = "[" * 70 + "]" * 70
LIMIT = "{ kind: WARNING, percent: %d }"
FOLLOW = (
    'organization: "%s", input: { catalog: QUAY, registryUrl: "%s", namespace: "%s", robot: "%s",'
    ' syncStartsAt: "2126-01-01T00:00:00Z", syncIntervalS: 60, %s }'
)
_CAS = "connection: { verifyTls: false, extraCas: $p }"
SIGNING = 'kid: "signing"'
MINE = 'owner: { repository: "ada/app" }'
EXCEPTION = 'advisory: "CVE-1", reason: "Not", endsAt: "2099-01-01T00:00:00Z"'
CACHE = 'organization: "%s", input: { upstreamRegistry: "%s" %s }'

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
    Row("organizationUpdate", 'organization: "acme", input: { name: "A" }', "INVALID", "input.name"),
    Row(
        "organizationUpdate",
        'organization: "acme", input: { name: "bob", email: "new@example.com" }',
        "ALREADY_EXISTS",
        "input.name",
    ),
    Row(
        "organizationUpdate",
        'organization: "nowhere", isBySuperuser: true, input: { name: "new" }',
        "NOT_FOUND",
        "organization",
    ),
    Row("namespaceTakeOver", 'namespace: "nobody"', "NOT_FOUND", "namespace"),
    Row("namespaceTakeOver", 'namespace: "ada+bot"', "NOT_FOUND", "namespace"),
    Row("organizationDelete", 'organization: "ada"', "NOT_FOUND", "organization"),
    Row("organizationDelete", 'organization: "ada", isBySuperuser: true', "NOT_FOUND", "organization"),
    Row("robotCreate", 'input: { owner: "ada", shortName: "bot" }', "ALREADY_EXISTS", "input.shortName"),
    Row("robotCreate", 'input: { owner: "ada", shortName: "B" }', "INVALID", "input.shortName"),
    Row(
        "robotCreate",
        'input: { owner: "ada", shortName: "new", unstructuredMetadata: { a: 99999999999999999999 } }',
        "INVALID",
        "input.unstructuredMetadata",
    ),
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
    Row("authorizedEmailRequest", 'owner: { repository: "ada/app" }, email: "x"', "INVALID", "email"),
    Row(
        "authorizedEmailRequest",
        f'owner: {{ repository: "ada/app" }}, email: "{"İ" * 200}@b.cd"',
        "INVALID",
        "email",
    ),
    Row("authorizedEmailRequest", 'owner: { repository: "ada/none" }, email: "a@b.cd"', "NOT_FOUND", "owner"),
    Row("authorizedEmailDelete", 'owner: { repository: "ada/app" }, email: "a@b.cd"', "NOT_FOUND", "email"),
    Row("authorizedEmailConfirm", 'code: "x"', "INVALID", "code"),
    Row("inboxNoticeUpdate", 'notice: "x", input: { isDismissed: true }', "NOT_FOUND", "notice"),
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
    Row("mirrorCreate", _MIRRORED % ("http://r.example/a", "ada+bot", "v*"), "INVALID", "input.source"),
    Row("mirrorCreate", _MIRRORED % ("", "ada+bot", "v*"), "INVALID", "input.source"),
    Row("mirrorCreate", _MIRRORED % ("9.9.9.9/a:v1", "ada+bot", "v*"), "INVALID", "input.source"),
    Row("mirrorCreate", _MIRRORED % ("9.9.9.9:443", "ada+bot", "v*"), "INVALID", "input.source"),
    Row("mirrorCreate", _MIRRORED % ("9.9.9.9:70000/a", "ada+bot", "v*"), "INVALID", "input.source"),
    Row("mirrorCreate", _MIRRORED % ("10.0.0.1/a", "ada+bot", "v*"), "INVALID", "input.source"),
    Row("mirrorCreate", _MIRRORED % ("[::1]:5000/a", "ada+bot", "v*"), "INVALID", "input.source"),
    Row("mirrorCreate", _MIRRORED % ("LocalHost./a", "ada+bot", "v*"), "INVALID", "input.source"),
    Row("mirrorCreate", _MIRRORED % ("r.default.svc/a", "ada+bot", "v*"), "INVALID", "input.source"),
    Row(
        "mirrorCreate", _MIRRORED % ("metadata.google.internal/a", "ada+bot", "v*"), "INVALID", "input.source"
    ),
    Row("mirrorCreate", _MIRRORED % ("9.9.9.9/a", "ada+none", "v*"), "UNKNOWN_REFERENCE", "input.robot"),
    Row("mirrorCreate", _MIRRORED % ("9.9.9.9/a", "ada", "v*"), "UNKNOWN_REFERENCE", "input.robot"),
    Row("mirrorCreate", _MIRRORED % ("9.9.9.9/a", "acme+bot", "v*"), "INVALID", "input.robot"),
    Row("mirrorCreate", _MIRRORED % ("9.9.9.9/a", "ada+bot", ""), "INVALID", "input.rule"),
    Row("mirrorCreate", _MIRRORED % ("9.9.9.9/a", "ada+bot", "[z-a]"), "INVALID", "input.rule"),
    *(
        Row(name, place.replace("60", f"6{number}, {_CAS}", 1), "INVALID", "input.connection", ("p", text))
        for name, place in (
            ("mirrorCreate", _MIRRORED % ("9.9.9.9/a", "ada+bot", "v*")),
            ("organizationMirrorCreate", FOLLOW % ("acme", "8.8.8.8", "a", "acme+bot", "")),
        )
        for number, text in enumerate(
            ("x", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "x" * 65_537)
        )
    ),
    Row("mirrorUpdate", f"{REPOSITORY}, input: {{ isEnabled: true }}", "NOT_FOUND", "repository"),
    Row("mirrorDelete", REPOSITORY, "NOT_FOUND", "repository"),
    Row("mirrorSync", REPOSITORY, "NOT_FOUND", "repository"),
    Row("mirrorSyncCancel", REPOSITORY, "NOT_FOUND", "repository"),
    Row("buildTriggerReferencesList", f'{REPOSITORY}, uuid: "none"', "NOT_FOUND", "uuid"),
    Row("mirrorPlan", REPOSITORY, "NOT_FOUND", "repository"),
    Row("prunePolicyUpdate", 'policy: "none", input: { value: 1 }', "NOT_FOUND", "policy"),
    Row("autoPrunePlan", 'policy: { uuid: "none" }', "NOT_FOUND", "policy"),
    Row("autoPrunePlan", "policy: { draft: { method: NUMBER_OF_TAGS, value: 0 } }", "INVALID", "value"),
    Row("autoPrune", 'plan: "none"', "NOT_FOUND", "plan"),
    Row("prunePolicyDelete", 'owner: { repository: "ada/app" }, policy: "none"', "NOT_FOUND", "policy"),
    *(
        Row("notificationCreate", arguments, "INVALID", f"input.{field}")
        for field, arguments in (
            ("event", TOLD % ("QUOTA_ERROR", "SLACK", '{ url: "http://example.com" }', "")),
            ("event", "input: { event: REPO_PUSH, method: SLACK, config: {} }"),
            ("config", TOLD % ("REPO_PUSH", "WEBHOOK", "{}", "")),
            ("config", TOLD % ("REPO_PUSH", "WEBHOOK", "{ url: 7 }", "")),
            ("config", TOLD % ("REPO_PUSH", "WEBHOOK", '{ url: "ftp://example.com" }', "")),
            ("config", TOLD % ("REPO_PUSH", "WEBHOOK", '{ url: "http://localhost/x" }', "")),
            ("config", TOLD % ("REPO_PUSH", "SLACK", '{ url: "http://127.0.0.1:5000" }', "")),
            ("config", TOLD % ("REPO_PUSH", "CLOUDEVENTS", '{ url: "http://[::1]/" }', "")),
            ("config", TOLD % ("REPO_PUSH", "WEBHOOK", WITH_TEMPLATE % "{", "")),
            ("config", TOLD % ("REPO_PUSH", "WEBHOOK", WITH_TEMPLATE % '[\\"${a\\"]', "")),
            ("config", TOLD % ("REPO_PUSH", "WEBHOOK", WITH_TEMPLATE % '[\\"${a b}\\"]', "")),
            ("config", TOLD % ("REPO_PUSH", "CLOUDEVENTS", f'{{ {OUTSIDE}, mode: "odd" }}', "")),
            ("config", TOLD % ("REPO_PUSH", "WEBHOOK", f"{{ {OUTSIDE}, n: {10**30} }}", "")),
            ("config", TOLD % ("REPO_PUSH", "HIPCHAT", '{ room_id: "1" }', "")),
            ("config", TOLD % ("REPO_PUSH", "FLOWDOCK", '{ flow_api_token: "" }', "")),
            ("secret", TOLD % ("REPO_PUSH", "SLACK", f"{{ {OUTSIDE} }}", ', secret: "x"')),
            ("secret", TOLD % ("REPO_PUSH", "WEBHOOK", f"{{ {OUTSIDE} }}", ', secret: ""')),
            ("eventConfig", TOLD % ("REPO_IMAGE_EXPIRY", "SLACK", f"{{ {OUTSIDE} }}", "")),
            (
                "eventConfig",
                TOLD % ("REPO_IMAGE_EXPIRY", "SLACK", f"{{ {OUTSIDE} }}", ", eventConfig: { days: 0 }"),
            ),
            (
                "eventConfig",
                TOLD % ("VULNERABILITY_FOUND", "SLACK", f"{{ {OUTSIDE} }}", ", eventConfig: { level: 6 }"),
            ),
            (
                "eventConfig",
                TOLD % ("REPO_PUSH", "SLACK", f"{{ {OUTSIDE} }}", f", eventConfig: {{ deep: {DEEP} }}"),
            ),
        )
    ),
    Row(
        "notificationCreate",
        TOLD % ("REPO_PUSH", "SLACK", f"{{ {OUTSIDE} }}", ", title: $t"),
        "INVALID",
        "input.title",
        ("t", "t" * 256),
    ),
    Row(
        "notificationCreate",
        'owner: { repository: "ada/none" }, input: { event: REPO_PUSH, method: SLACK, config: {} }',
        "NOT_FOUND",
        "owner",
    ),
    *(
        Row(f"notification{what}", 'notification: "none"', "NOT_FOUND", "notification")
        for what in ("Delete", "Reset", "Test", "Resend")
    ),
    Row("jobRetry", 'job: "none"', "NOT_FOUND", "job"),
    Row("jobRetry", f'job: "{encode_id("Job", 1)}"', "CONFLICT", "job"),
    Row("jobCancel", 'job: "none"', "NOT_FOUND", "job"),
    Row("jobCancel", 'job: "VXNlcjox"', "NOT_FOUND", "job"),
    Row("jobCancel", f'job: "{encode_id("Job", 424_242)}"', "NOT_FOUND", "job"),
    Row("jobCancel", f'job: "{encode_id("Job", 1)}"', "CONFLICT", "job"),
    Row("siteReadOnlySet", 'input: { isReadOnly: true, reason: "a\\nb" }', "INVALID", "input.reason"),
    Row(
        "siteReadOnlySet",
        "input: { isReadOnly: true, reason: $t }",
        "INVALID",
        "input.reason",
        ("t", "t" * 501),
    ),
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
    *(
        Row("organizationMirrorCreate", FOLLOW % values, code, field)
        for values, code, field in (
            (("ada", "8.8.8.8", "a", "acme+bot", ""), "NOT_FOUND", "organization"),
            (("acme", "https://8.8.8.8/path", "a", "acme+bot", ""), "INVALID", "input.registryUrl"),
            (("acme", "", "a", "acme+bot", ""), "INVALID", "input.registryUrl"),
            (("acme", "http://8.8.8.8", "a", "acme+bot", ""), "INVALID", "input.registryUrl"),
            (("acme", "127.0.0.1:5000", "a", "acme+bot", ""), "INVALID", "input.registryUrl"),
            (("acme", "8.8.8.8", "A b", "acme+bot", ""), "INVALID", "input.namespace"),
            (("acme", "8.8.8.8", "", "acme+bot", ""), "INVALID", "input.namespace"),
            (("acme", "8.8.8.8", "a", "ada+bot", ""), "INVALID", "input.robot"),
            (("acme", "8.8.8.8", "a", "acme+none", ""), "UNKNOWN_REFERENCE", "input.robot"),
            (("acme", "8.8.8.8", "a", "acme+bot", "tagTimeoutS: 1"), "INVALID", "input.tagTimeoutS"),
            (
                ("acme", "8.8.8.8", "a", "acme+bot", 'repositoryPatterns: [""]'),
                "INVALID",
                "input.repositoryPatterns",
            ),
        )
    ),
    *(
        Row(f"organizationMirror{what}", f'organization: "acme"{more}', "NOT_FOUND", "organization")
        for what, more in (
            ("Update", ", input: {}"),
            ("Delete", ""),
            ("Sync", ""),
            ("SyncCancel", ""),
        )
    ),
    Row("organizationMirrorVerify", 'organization: "acme"', "INVALID", "input.registryUrl"),
    Row("proxyCacheCreate", CACHE % ("ada", "registry.example", ""), "NOT_FOUND", "organization"),
    Row("proxyCacheCreate", CACHE % ("cache", "registry.example", ""), "ALREADY_EXISTS", "organization"),
    Row("proxyCacheCreate", CACHE % ("acme", "", ""), "INVALID", "input.upstreamRegistry"),
    Row("proxyCacheCreate", CACHE % ("acme", "https://host", ""), "INVALID", "input.upstreamRegistry"),
    Row("proxyCacheCreate", CACHE % ("acme", "10.1.2.3:5000/a", ""), "INVALID", "input.upstreamRegistry"),
    Row("proxyCacheCreate", CACHE % ("acme", "127.0.0.1", ""), "INVALID", "input.upstreamRegistry"),
    Row("proxyCacheCreate", CACHE % ("acme", "8.8.8.8", "expirationS: 0"), "INVALID", "input.expirationS"),
    Row(
        "proxyCacheCreate",
        CACHE % ("acme", "8.8.8.8", 'upstreamPassword: "p"'),
        "INVALID",
        "input.upstreamUsername",
    ),
    Row("proxyCacheValidate", CACHE % ("ada", "registry.example", ""), "NOT_FOUND", "organization"),
    Row("proxyCacheValidate", CACHE % ("cache", "registry.example", ""), "ALREADY_EXISTS", "organization"),
    Row("proxyCacheValidate", CACHE % ("acme", "127.0.0.1", ""), "INVALID", "input.upstreamRegistry"),
    Row("proxyCacheDelete", 'organization: "acme"', "NOT_FOUND", "organization"),
    Row("proxyCacheDelete", 'organization: "ada"', "NOT_FOUND", "organization"),
    *(
        Row(name, f"{MINE}{more}", "NOT_FOUND", field)
        for name, more, field in (
            ("pullPolicyDelete", "", "owner"),
            ("pullExceptionDelete", ', advisory: "CVE-1"', "owner"),
            ("pullExceptionSet", f", input: {{ {EXCEPTION} }}", "owner"),
        )
    ),
    *(
        Row("pullExceptionSet", f"{MINE}, input: {{ {EXCEPTION.replace(*change)} }}", "INVALID", field)
        for change, field in (
            (("CVE-1", " "), "input.advisory"),
            (("CVE-1", "a" * 129), "input.advisory"),
            (("Not", " "), "input.reason"),
            (("Not", "\\u0007"), "input.reason"),
            (("2099", "2020"), "input.endsAt"),
        )
    ),
    Row(
        "immutabilityPolicyCreate",
        'owner: { namespace: "cache" }, input: { tagPattern: "v" }',
        "INVALID",
        "owner",
    ),
    *(
        Row("serviceKeyCreate", f"input: {{ {given} }}", "INVALID", f"input.{field}")
        for given, field in (
            ('service: "No"', "service"),
            ('service: "a", name: "<b>"', "name"),
            ('service: "a", expiresAt: "2001-01-01T00:00:00Z"', "expiresAt"),
            ('service: "a", metadata: { a: 99999999999999999999 }', "metadata"),
            (f'service: "a", metadata: {{ a: "{"m" * 10_000}" }}', "metadata"),
            (f'service: "a", notes: "{"n" * 10_001}"', "notes"),
        )
    ),
    Row(
        "serviceKeyUpdate",
        f"{SIGNING}, input: {{ rotationDurationS: 5 }}",
        "INVALID",
        "input.rotationDurationS",
    ),
    Row(
        "serviceKeyUpdate",
        f'{SIGNING}, input: {{ expiresAt: "2001-01-01T00:00:00Z" }}',
        "INVALID",
        "input.expiresAt",
    ),
    Row(
        "serviceKeyUpdate",
        f"{SIGNING}, input: {{ metadata: {{ a: 99999999999999999999 }} }}",
        "INVALID",
        "input.metadata",
    ),
    Row("serviceKeyUpdate", 'kid: "none", input: {}', "NOT_FOUND", "kid"),
    Row("serviceKeyApprove", 'kid: "none"', "NOT_FOUND", "kid"),
    Row("serviceKeyApprove", f'{SIGNING}, notes: "{"n" * 10_001}"', "INVALID", "notes"),
    Row("serviceKeyDelete", 'kid: "none"', "NOT_FOUND", "kid"),
    Row(
        "siteReadOnlySet", f'input: {{ isReadOnly: true, reason: "{"r" * 501}" }}', "INVALID", "input.reason"
    ),
    Row("siteReadOnlySet", 'input: { isReadOnly: true, reason: "two\\nlines" }', "INVALID", "input.reason"),
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
    await factory.organization("cache", owner="ada")
    await factory.proxy_cache("cache", owner="ada")
    await factory.team("acme", "makers", TeamRole.CREATOR)
    await factory.team("other", "others", TeamRole.CREATOR)
    await factory.robot("ada+bot")
    await factory.repository("ada/app")
    await factory.repository("acme/app", by="ada")
    await factory.image("ada/app", b"layer", tag="v1")
    await factory.quota("acme", 1000, (LimitKind.WARNING, 50))
    await execute(
        "INSERT INTO service_key (kid, service, public_key, created_at_ms) VALUES ('signing', 'a', '', ?)",
        now_ms(),
    )
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
