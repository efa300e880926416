"""Labels and immutability policies."""

from __future__ import annotations

from tests.contract.owed.given import LABEL, POLICY, POLICY_OF_ACME
from tests.contract.owed.rows import Row, at_acme, at_app, row

ROWS: tuple[Row, ...] = (
    row(
        "manifestLabelCreate",
        'repository: "acme/app", manifest: "<v1>", input: { key: "k", value: "v", mediaType: "text/plain" }',
        "write",
        "+label",
        at_app(
            "manifest_label_add",
            id="<label>",
            key="k",
            value="v",
            media_type="text/plain",
            manifest_digest="<v1>",
        ),
        by="writer",
        label="label.uuid",
    ),
    row(
        "manifestLabelDelete",
        'repository: "acme/app", manifest: "<v1>", label: "<label>"',
        "write",
        "-label",
        at_app("manifest_label_delete", id="<label>", key="k", value="old", manifest_digest="<v1>"),
        by="writer",
        given=(LABEL,),
    ),
    row(
        "immutabilityPolicyCreate",
        'owner: { repository: "acme/app" }, input: { tagPattern: "^v.*" }',
        "administer",
        "+immutability_policy +job ~tag",
        at_app(
            "create_immutability_policy", policy_uuid="<policy>", tag_pattern="^v.*", tag_pattern_matches=True
        ),
        at_app(
            "tags_made_immutable_by_policy",
            policy_uuid="<policy>",
            tag_pattern="^v.*",
            tag_pattern_matches=True,
            count=2,
            tags=["v1", "v2"],
        ),
        by="keeper",
        policy="policy.uuid",
    ),
    row(
        "immutabilityPolicyCreate:of an organization",
        'owner: { namespace: "acme" }, input: { tagPattern: "^v1.*", hasTagPatternMatch: false }',
        "organization",
        "+immutability_policy +job ~tag",
        at_acme(
            "create_immutability_policy",
            policy_uuid="<policy>",
            tag_pattern="^v1.*",
            tag_pattern_matches=False,
            namespace="acme",
        ),
        at_app(
            "tag_made_immutable_by_policy",
            policy_uuid="<policy>",
            tag_pattern="^v1.*",
            tag_pattern_matches=False,
            tag="v2",
        ),
        by="org",
        policy="policy.uuid",
    ),
    row(
        "immutabilityPolicyUpdate",
        'owner: { repository: "acme/app" }, policy: "<policy>", input: { tagPattern: "^v2.*" }',
        "administer",
        "~immutability_policy +job ~tag",
        at_app(
            "update_immutability_policy",
            policy_uuid="<policy>",
            tag_pattern="^v2.*",
            tag_pattern_matches=True,
        ),
        at_app(
            "tag_made_immutable_by_policy",
            policy_uuid="<policy>",
            tag_pattern="^v2.*",
            tag_pattern_matches=True,
            tag="v2",
        ),
        by="admin",
        given=(POLICY,),
    ),
    row(
        "immutabilityPolicyDelete",
        'owner: { repository: "acme/app" }, policy: "<policy>"',
        "administer",
        "-immutability_policy",
        at_app(
            "delete_immutability_policy",
            policy_uuid="<policy>",
            tag_pattern="^rel-.*",
            tag_pattern_matches=True,
        ),
        by="keeper",
        given=(POLICY,),
    ),
    row(
        "immutabilityPolicyDelete:of an organization",
        'owner: { namespace: "acme" }, policy: "<policy>"',
        "organization",
        "-immutability_policy",
        at_acme(
            "delete_immutability_policy",
            policy_uuid="<policy>",
            tag_pattern="^lts-.*",
            tag_pattern_matches=True,
            namespace="acme",
        ),
        by="org",
        given=(POLICY_OF_ACME,),
    ),
    row(
        "immutabilityPolicyUpdate:of an organization",
        (
            'owner: { namespace: "acme" }, policy: "<policy>", input: { tagPattern: "^v2.*",'
            " hasTagPatternMatch: true }"
        ),
        "organization",
        "~immutability_policy +job ~tag",
        at_acme(
            "update_immutability_policy",
            policy_uuid="<policy>",
            tag_pattern="^v2.*",
            tag_pattern_matches=True,
            namespace="acme",
        ),
        at_app(
            "tag_made_immutable_by_policy",
            policy_uuid="<policy>",
            tag_pattern="^v2.*",
            tag_pattern_matches=True,
            tag="v2",
        ),
        by="org",
        given=(POLICY_OF_ACME,),
    ),
)
