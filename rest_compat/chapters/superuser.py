"""What superusers see and change of all users and organizations."""

from __future__ import annotations

from functools import partial

from rest_compat.chapter import chapter
from rest_compat.chapters.namespacequota import FLAGS
from rest_compat.route import Check, Route

_quota = partial(Route, flags=FLAGS)


def _quotas(name: str, path: str) -> tuple[Route, ...]:
    """The routes to the quota of any namespace. Both paths take users and organizations alike."""
    one = f"{path}/{{quota_id}}"
    return (
        _quota(
            f"list{name}QuotaSuperUser",
            "GET",
            path,
            "super:user",
            fresh_login=True,
            document="ListQuotaSuperUser",
        ),
        _quota(
            f"create{name}QuotaSuperUser",
            "POST",
            path,
            "super:user",
            status=201,
            body="Created",
            check=Check.LOGIN,
            fresh_login=True,
            document="CreateQuotaSuperUser",
        ),
        _quota(
            f"change{name}QuotaSuperUser",
            "PUT",
            one,
            "super:user",
            check=Check.LOGIN,
            fresh_login=True,
            strict=True,
            document="ChangeQuotaSuperUser",
        ),
        _quota(
            f"delete{name}QuotaSuperUser",
            "DELETE",
            one,
            "super:user",
            status=204,
            document="DeleteQuotaSuperUser",
        ),
    )


CHAPTER = chapter(
    "superuser",
    "See and change what belongs to any user or organization, as a superuser.",
    # The reference has each name on the path of the other.
    *_quotas("User", "/superuser/organization/{namespace}/quota"),
    *_quotas("Organization", "/superuser/users/{namespace}/quota"),
)
