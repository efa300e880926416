"""Tags and plans."""

from __future__ import annotations

from tests.contract.owed.given import (
    EXPIRING,
    MOVED,
    PLAN_TO_DELETE,
    PLAN_TO_EXPIRE,
    PLAN_TO_MOVE,
    PLAN_TO_ROLL_BACK,
    POLICY,
)
from tests.contract.owed.rows import Entry, Row, at_app, row

ROWS: tuple[Row, ...] = (
    row(
        "tagUpdate:moved",
        'repository: "acme/app", tag: "v1", input: { manifestDigest: "<v2>" }',
        "write",
        "+tag ~tag",
        at_app(
            "move_tag", username="writer", tag="v1", manifest_digest="<v2>", original_manifest_digest="<v1>"
        ),
        by="writer",
    ),
    row(
        "tagUpdate:made",
        'repository: "acme/app", tag: "new", input: { manifestDigest: "<v2>" }',
        "write",
        "+tag",
        at_app(
            "create_tag", username="owner", tag="new", manifest_digest="<v2>", original_manifest_digest=None
        ),
        by="write",
    ),
    row(
        "tagUpdate:made by a policy",
        'repository: "acme/app", tag: "rel-1", input: { manifestDigest: "<v2>" }',
        "write",
        "+tag",
        at_app(
            "create_tag",
            username="writer",
            tag="rel-1",
            manifest_digest="<v2>",
            original_manifest_digest=None,
        ),
        at_app(
            "tag_made_immutable_by_policy",
            policy_uuid="<policy>",
            tag_pattern="^rel-.*",
            tag_pattern_matches=True,
            tag="rel-1",
            manifest_digest="<v2>",
        ),
        by="writer",
        given=(POLICY,),
    ),
    row(
        "tagUpdate:expiring",
        'repository: "acme/app", tag: "v1", input: { expiresAt: "<soon>" }',
        "write",
        "~tag",
        at_app(
            "change_tag_expiration",
            username="member",
            tag="v1",
            expiration_date="<soon_s>",
            old_expiration_date=None,
        ),
        by="member",
    ),
    row(
        "tagUpdate:expiring no more",
        'repository: "acme/app", tag: "v1", input: { expiresAt: null }',
        "write",
        "~tag",
        at_app(
            "change_tag_expiration",
            username="writer",
            tag="v1",
            expiration_date=None,
            old_expiration_date="<soon_s>",
        ),
        by="writer",
        given=(EXPIRING,),
    ),
    row(
        "tagUpdate:locked",
        'repository: "acme/app", tag: "v1", input: { isImmutable: true }',
        "write",
        "~tag",
        at_app(
            "change_tag_immutability", username="writer", tag="v1", immutable=True, previous_immutable=False
        ),
        by="writer",
    ),
    row(
        "tagUpdate:unlocked",
        'repository: "acme/app", tag: "locked", input: { isImmutable: false }',
        "administer",
        "~tag",
        at_app(
            "change_tag_immutability",
            username="keeper",
            tag="locked",
            immutable=False,
            previous_immutable=True,
        ),
        by="keeper",
    ),
    row(
        "tagDelete",
        'repository: "acme/app", tag: "v1"',
        "write",
        "~tag",
        at_app("delete_tag", username="writer", tag="v1"),
        by="writer",
    ),
    row(
        "tagRestore",
        'repository: "acme/app", tag: "v1", manifestDigest: "<v1>"',
        "write",
        "+tag ~tag",
        Entry(
            "revert_tag",
            {"username": "writer", "repo": "app", "tag": "v1", "manifest_digest": "<v1>"},
            "acme",
            "acme/app",
        ),
        by="writer",
        given=(MOVED,),
    ),
    row(
        "tagCopy",
        (
            'from: { repository: "acme/app", tag: "v1" }, to: [{ repository: "acme/second", tag: "copied"'
            ' }, { repository: "acme/app", tag: "v2" }], canCreate: true'
        ),
        "write to both",
        "+job +manifest +manifest_blob +manifest_body +repository_blob +tag ~tag",
        Entry(
            "create_tag",
            {
                "username": "owner",
                "repo": "second",
                "tag": "copied",
                "manifest_digest": "<v1>",
                "namespace": "acme",
                "original_manifest_digest": None,
            },
            "acme",
            "acme/second",
        ),
        at_app(
            "move_tag", username="owner", tag="v2", manifest_digest="<v1>", original_manifest_digest="<v2>"
        ),
    ),
    row(
        "tagCopy:into a new repository",
        (
            'from: { repository: "acme/app", manifestDigest: "<v1>" }, to: [{ repository: "acme/made", tag:'
            ' "v1" }], canCreate: true'
        ),
        "write and create",
        "+job +manifest +manifest_blob +manifest_body +repository +repository_blob"
        " +repository_permission +tag",
        Entry("create_repo", {"repo": "made", "namespace": "acme"}, "acme", "acme/made"),
        Entry(
            "create_tag",
            {
                "username": "owner",
                "repo": "made",
                "tag": "v1",
                "manifest_digest": "<v1>",
                "namespace": "acme",
                "original_manifest_digest": None,
            },
            "acme",
            "acme/made",
        ),
    ),
    row(
        "tagsDeletePlan",
        'repository: "acme/app", filter: { namePattern: "v1" }',
        "write",
        "+plan",
        by="writer",
    ),
    row(
        "tagsDelete",
        'repository: "acme/app", plan: "<plan>"',
        "plan of owner",
        "~plan ~tag",
        at_app("delete_tag", username="owner", tag="v1"),
        by="write",
        given=(PLAN_TO_DELETE,),
    ),
    row(
        "tagsExpirePlan",
        'repository: "acme/app", filter: { namePattern: "v?" }, expiresAt: "<soon>"',
        "write",
        "+plan",
        by="writer",
    ),
    row(
        "tagsExpire",
        'repository: "acme/app", plan: "<plan>"',
        "plan of writer",
        "~plan ~tag",
        at_app(
            "change_tag_expiration",
            username="writer",
            tag="v1",
            expiration_date="<soon_s>",
            old_expiration_date=None,
        ),
        at_app(
            "change_tag_expiration",
            username="writer",
            tag="v2",
            expiration_date="<soon_s>",
            old_expiration_date=None,
        ),
        by="writer",
        given=(PLAN_TO_EXPIRE,),
    ),
    row(
        "tagsMovePlan",
        'repository: "acme/app", filter: { namePattern: "v1" }, manifestDigest: "<v2>"',
        "write",
        "+plan",
        by="writer",
    ),
    row(
        "tagsMove",
        'repository: "acme/app", plan: "<plan>"',
        "plan of writer",
        "~plan +tag ~tag",
        at_app(
            "move_tag", username="writer", tag="v1", manifest_digest="<v2>", original_manifest_digest="<v1>"
        ),
        by="writer",
        given=(PLAN_TO_MOVE,),
    ),
    row(
        "repositoryRollbackPlan",
        'repository: "acme/app", to: "<then>"',
        "write",
        "+plan",
        by="writer",
        given=(MOVED,),
    ),
    row(
        "repositoryRollback",
        'repository: "acme/app", plan: "<plan>"',
        "plan of writer",
        "~plan +tag ~tag",
        Entry(
            "revert_tag",
            {"username": "writer", "repo": "app", "tag": "v1", "manifest_digest": "<v1>"},
            "acme",
            "acme/app",
        ),
        by="writer",
        given=(
            MOVED,
            PLAN_TO_ROLL_BACK,
        ),
    ),
)
