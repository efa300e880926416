"""Asking an upstream before an organization becomes its cache."""

from enum import StrEnum

from resolvers.caches.configuration import (
    ProxyCacheSettings,
    checked,
    login_of,
    require_free_organization,
)
from resolvers.context import Context
from resolvers.errors import Invalid, Upstream
from resolvers.upstreams.authorization import Credentials
from resolvers.upstreams.errors import UpstreamRefused
from resolvers.upstreams.limits import PROMPT
from resolvers.upstreams.registry import Access, open_registry


class UpstreamAccess(StrEnum):
    """How an upstream lets itself be asked."""

    VALID = "valid"
    ANONYMOUS = "anonymous"


_ACCESS = {Access.OPEN: UpstreamAccess.VALID, Access.CHALLENGED: UpstreamAccess.ANONYMOUS}


async def validate(context: Context, organization: str, settings: ProxyCacheSettings) -> UpstreamAccess:
    """Ask an upstream whether it is a registry and accepts the login. Requires `org:admin`.

    The organization must be no cache yet. Raises `Invalid` for a login that is not accepted, `Upstream` for
    any other answer than that of a registry, and as creating a cache does.
    """
    await require_free_organization(context, organization)
    location = await checked(context, settings)
    login = login_of(settings)
    try:
        async with open_registry(
            context.site.outbound,
            location,
            credentials=login and Credentials(*login),
            limits=PROMPT,
        ) as registry:
            return _ACCESS[await registry.ping()]
    except UpstreamRefused as error:
        raise Invalid(
            "Failed login to remote registry. Please verify entered details and try again.",
            field="upstreamPassword",
        ) from error
    except Upstream as error:
        raise Upstream(error.message, field="upstreamRegistry") from error
