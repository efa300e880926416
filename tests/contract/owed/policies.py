"""Labels, immutability policies and pull policies."""

from __future__ import annotations

from tests.contract.owed.given import LABEL, OVERLOOKED, POLICY, POLICY_OF_ACME, PULLS, PULLS_OF_ACME
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
    row(
        "pullPolicySet",
        (
            'owner: { repository: "acme/app" }, input: { mode: ENFORCE, minSeverity: HIGH,'
            " isUnfixedAllowed: true }"
        ),
        "administer",
        "+findings_revision +pull_policy",
        at_app(
            "set_pull_policy",
            mode="enforce",
            min_severity="High",
            allows_unfixed=True,
            requires_scan=False,
        ),
        by="keeper",
    ),
    row(
        "pullPolicySet:of an organization, again",
        'owner: { namespace: "acme" }, input: { mode: AUDIT, minSeverity: CRITICAL, isScanRequired: true }',
        "organization",
        "~findings_revision ~pull_policy",
        at_acme(
            "set_pull_policy",
            mode="audit",
            min_severity="Critical",
            allows_unfixed=False,
            requires_scan=True,
            namespace="acme",
        ),
        by="org",
        given=(PULLS_OF_ACME,),
    ),
    row(
        "pullPolicyDelete",
        'owner: { repository: "acme/app" }',
        "administer",
        "~findings_revision -pull_exception -pull_policy",
        at_app(
            "delete_pull_policy",
            mode="warn",
            min_severity="Low",
            allows_unfixed=False,
            requires_scan=False,
        ),
        by="admin",
        given=(PULLS, OVERLOOKED),
    ),
    row(
        "pullExceptionSet",
        (
            'owner: { repository: "acme/app" }, input: { advisory: " GHSA-1 ", reason: "Not reachable.",'
            ' endsAt: "2099-01-01T00:00:00Z" }'
        ),
        "administer",
        "~findings_revision +pull_exception",
        at_app(
            "set_pull_exception", advisory="GHSA-1", reason="Not reachable.", ends_at_ms=4_070_908_800_000
        ),
        by="keeper",
        given=(PULLS,),
    ),
    row(
        "pullExceptionDelete",
        'owner: { repository: "acme/app" }, advisory: "CVE-1"',
        "administer",
        "~findings_revision -pull_exception",
        at_app("delete_pull_exception", advisory="CVE-1", reason="No.", ends_at_ms=4_070_908_800_000),
        by="keeper",
        given=(PULLS, OVERLOOKED),
    ),
)
