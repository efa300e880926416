"""REST writes on quotas and on the size of the registry, also where superusers have full access."""

from __future__ import annotations

from tests.contract.owed.mutations import rest
from tests.contract.owed.rows import Row


def _quota(name: str, path: str) -> tuple[Row, ...]:
    """The writes on the quota itself, whose operations have a name with a place for the verb."""
    return (
        rest(name.format("create"), "POST", path, "quotaCreate:without limits", {"limit": "10 GiB"}),
        rest(name.format("change"), "PUT", f"{path}/<quota>", "quotaUpdate", {"limit_bytes": 2 << 30}),
        rest(name.format("delete"), "DELETE", f"{path}/<quota>", "quotaDelete"),
    )


ROWS: tuple[Row, ...] = (
    *_quota("{}UserQuotaSuperUser", "/superuser/organization/acme/quota"),
    *_quota("{}OrganizationQuotaSuperUser", "/superuser/users/acme/quota"),
    rest("postRegistrySize", "POST", "/superuser/registrysize/", "storageRecount"),
)

FULL_ACCESS: tuple[Row, ...] = (
    *_quota("{}OrganizationQuota", "/organization/acme/quota"),
    rest(
        "createOrganizationQuotaLimit",
        "POST",
        "/organization/acme/quota/<quota>/limit",
        "quotaLimitCreate",
        {"type": "Warning", "threshold_percent": 70},
    ),
    rest(
        "changeOrganizationQuotaLimit",
        "PUT",
        "/organization/acme/quota/<quota>/limit/<limit>",
        "quotaLimitUpdate",
        {"type": "reject", "threshold_percent": 95},
    ),
    rest(
        "deleteOrganizationQuotaLimit",
        "DELETE",
        "/organization/acme/quota/<quota>/limit/<limit>",
        "quotaLimitDelete",
    ),
)
