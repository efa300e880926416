"""Quotas of namespaces and their limits, which superusers change."""

from __future__ import annotations

from tests.contract.owed.given import QUOTA, QUOTA_LIMIT
from tests.contract.owed.rows import Row, at_acme, row

GIB = 1 << 30

ROWS: tuple[Row, ...] = (
    row(
        "quotaCreate",
        (
            'owner: "acme", input: { limit: "10 GiB", limits: [{ kind: REJECT, percent: 100 },'
            " { kind: WARNING, percent: 80 }] }"
        ),
        "superuser",
        "+quota +quota_limit",
        at_acme("org_create_quota", namespace="acme", limit_bytes=10 * GIB, limit="10.0 GiB"),
        at_acme("org_create_quota_limit", namespace="acme", type="Reject", threshold_percent=100),
        at_acme("org_create_quota_limit", namespace="acme", type="Warning", threshold_percent=80),
        by="super",
    ),
    row(
        "quotaCreate:without limits",
        'owner: "acme", input: { limit: 10737418240 }',
        "superuser",
        "+quota",
        at_acme("org_create_quota", namespace="acme", limit_bytes=10 * GIB, limit="10.0 GiB"),
        by="super",
    ),
    row(
        "quotaUpdate",
        'owner: "acme", number: <quota>, input: { limit: "2 GiB" }',
        "superuser",
        "~quota",
        at_acme(
            "org_change_quota",
            namespace="acme",
            limit_bytes=2 * GIB,
            limit="2.0 GiB",
            previous_limit_bytes=GIB,
            previous_limit="1.0 GiB",
        ),
        by="super",
        given=(QUOTA,),
    ),
    row(
        "quotaUpdate:other limits",
        'owner: "acme", input: { limits: [{ kind: REJECT, percent: 90 }] }',
        "superuser",
        "+quota_limit -quota_limit",
        at_acme(
            "org_delete_quota_limit",
            namespace="acme",
            limit_id="<limit>",
            type="Warning",
            threshold_percent=80,
        ),
        at_acme("org_create_quota_limit", namespace="acme", type="Reject", threshold_percent=90),
        by="super",
        given=(QUOTA, QUOTA_LIMIT),
    ),
    row(
        "quotaUpdate:nothing",
        'owner: "acme", input: { limit: "1 GiB", limits: [] }',
        "superuser",
        "",
        by="super",
        given=(QUOTA,),
    ),
    row(
        "quotaDelete",
        'owner: "acme", number: <quota>',
        "superuser",
        "-quota -quota_limit",
        at_acme("org_delete_quota", namespace="acme", quota_id="<quota>", limit_bytes=GIB, limit="1.0 GiB"),
        by="super",
        given=(QUOTA, QUOTA_LIMIT),
    ),
    row(
        "quotaLimitCreate",
        'owner: "acme", number: <quota>, input: { kind: WARNING, percent: 70 }',
        "superuser",
        "+quota_limit",
        at_acme("org_create_quota_limit", namespace="acme", type="Warning", threshold_percent=70),
        by="super",
        given=(QUOTA,),
    ),
    row(
        "quotaLimitUpdate",
        'owner: "acme", number: <quota>, limit: <limit>, input: { kind: REJECT, percent: 95 }',
        "superuser",
        "~quota_limit",
        at_acme(
            "org_change_quota_limit",
            namespace="acme",
            type="Reject",
            threshold_percent=95,
            previous_type="Warning",
            previous_threshold_percent=80,
        ),
        by="super",
        given=(QUOTA, QUOTA_LIMIT),
    ),
    row(
        "quotaLimitDelete",
        'owner: "acme", number: <quota>, limit: <limit>',
        "superuser",
        "-quota_limit",
        at_acme(
            "org_delete_quota_limit",
            namespace="acme",
            limit_id="<limit>",
            type="Warning",
            threshold_percent=80,
        ),
        by="super",
        given=(QUOTA, QUOTA_LIMIT),
    ),
)
