"""Mirrors of repositories and of organizations."""

from __future__ import annotations

from typing import Any

from tests.contract.owed.given import MIRROR, MIRROR_ORDERED, ORGANIZATION_MIRROR, ORGANIZATION_MIRROR_ORDERED
from tests.contract.owed.rows import AGENT, Entry, Row, at_acme, at_app, row

_NEW = (
    'repository: "acme/app", input: { source: "9.9.9.9/team/app", robot: "acme+bot", syncIntervalS: 3600,'
    ' syncStartsAt: "<soon>", rule: { ruleKind: TAG_GLOB_CSV, ruleValue: ["v*"] } }'
)


def _changed(what: str, to: Any, by: str = "keeper") -> Entry:
    return at_app(
        "repo_mirror_config_changed",
        **{"user-agent": AGENT, "changed": what, "to": to, "username": by},
    )


_FOLLOWS = (
    'organization: "acme", input: { catalog: QUAY, registryUrl: "https://9.9.9.9", namespace: "team",'
    ' robot: "acme+bot", syncIntervalS: 3600, syncStartsAt: "<soon>" }'
)


def _followed(what: str, to: Any) -> Entry:
    return at_acme(
        "org_mirror_config_changed",
        **{"namespace": "acme", "user-agent": AGENT, "changed": what, "to": to, "username": "owner"},
    )


ROWS: tuple[Row, ...] = (
    row(
        "mirrorCreate",
        _NEW,
        "administer",
        "~repository +repository_mirror ~repository_permission",
        at_app("change_repo_permission", username="acme+bot", role="write"),
        at_app("change_repo_state", state_changed="MIRROR"),
        _changed("external_reference", "9.9.9.9/team/app"),
        by="keeper",
    ),
    row(
        "mirrorUpdate",
        'repository: "acme/app", input: { isEnabled: false, username: "u", password: "secret",'
        " connection: { verifyTls: false } }",
        "administer",
        "~repository_mirror",
        _changed("is_enabled", False),
        _changed("external_registry_username", "u"),
        _changed("external_registry_password", "********"),
        _changed("verify_tls", False),
        by="keeper",
        given=(MIRROR,),
    ),
    row(
        "mirrorUpdate:to what it is",
        'repository: "acme/app", input: { isEnabled: true, syncIntervalS: 3600,'
        ' rule: { ruleKind: TAG_GLOB_CSV, ruleValue: ["v*"] } }',
        "administer",
        "",
        by="keeper",
        given=(MIRROR,),
    ),
    row(
        "mirrorDelete",
        'repository: "acme/app"',
        "administer",
        "~repository -repository_mirror",
        at_app("change_repo_state", state_changed="NORMAL"),
        _changed("external_reference", None),
        by="keeper",
        given=(MIRROR,),
    ),
    row("mirrorPlan", 'repository: "acme/app"', "administer", "", by="keeper", outcome="NOT_FOUND"),
    row(
        "mirrorSync",
        'repository: "acme/app"',
        "administer",
        "+job ~repository_mirror",
        _changed("sync_status", "SYNC_NOW"),
        by="keeper",
        given=(MIRROR,),
    ),
    row(
        "mirrorSyncCancel",
        'repository: "acme/app"',
        "administer",
        "~repository_mirror",
        _changed("sync_status", "SYNC_CANCEL"),
        by="keeper",
        given=(MIRROR, MIRROR_ORDERED),
    ),
    row(
        "organizationMirrorCreate",
        _FOLLOWS,
        "organization",
        "+organization_mirror",
        _followed("external_registry_url", "https://9.9.9.9"),
    ),
    row(
        "organizationMirrorUpdate",
        'organization: "acme", input: { isEnabled: false, visibility: PUBLIC, repositoryPatterns: ["a*"],'
        ' username: "u", password: "secret" }',
        "organization",
        "~organization_mirror",
        _followed("is_enabled", False),
        _followed("repository_filters", ["a*"]),
        _followed("visibility", "public"),
        _followed("external_registry_username", "u"),
        _followed("external_registry_password", "********"),
        given=(ORGANIZATION_MIRROR,),
    ),
    row(
        "organizationMirrorUpdate:to what it is",
        'organization: "acme", input: { isEnabled: true, repositoryPatterns: [], namespace: "team" }',
        "organization",
        "",
        given=(ORGANIZATION_MIRROR,),
    ),
    row(
        "organizationMirrorDelete",
        'organization: "acme"',
        "organization",
        "+job -organization_mirror",
        _followed("external_registry_url", None),
        given=(ORGANIZATION_MIRROR,),
    ),
    row(
        "organizationMirrorSync",
        'organization: "acme"',
        "organization",
        "+job ~organization_mirror",
        _followed("sync_status", "SYNC_NOW"),
        given=(ORGANIZATION_MIRROR,),
    ),
    row(
        "organizationMirrorSyncCancel",
        'organization: "acme"',
        "organization",
        "~organization_mirror",
        _followed("sync_status", "SYNC_CANCEL"),
        given=(ORGANIZATION_MIRROR, ORGANIZATION_MIRROR_ORDERED),
    ),
    row(
        "organizationMirrorVerify",
        'organization: "acme", input: { catalog: CATALOG, registryUrl: "localhost:1", namespace: "team" }',
        "organization",
        "",
    ),
)
