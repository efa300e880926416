"""Proxy caches: organizations that are pull-through caches of other registries."""

from datetime import datetime
from typing import Annotated, Any

import strawberry

from resolvers.caches import configuration, validation
from resolvers.caches.configuration import (
    DEFAULT_EXPIRATION_S,
    ProxyCacheRecord,
    ProxyCacheSettings,
    require_visible,
)
from resolvers.caches.validation import UpstreamAccess
from schema.accounts.team import OrganizationName
from schema.context import Info
from schema.errors import Payload, mutation
from schema.scalars import to_datetime

strawberry.enum(UpstreamAccess, name="UpstreamAccess", description="How an upstream lets itself be asked.")

_REGISTRY = (
    "The upstream: a host, with its port and a namespace if there are any, such as `docker.io/library` or"
    " `registry.example.com:5000`."
)
_EXPIRATION = "For how many seconds a tag stays that was not confirmed by the upstream."
_INSECURE = "Whether the upstream is asked by plain HTTP."


@strawberry.type(description="The registry that an organization is a pull-through cache of.")
class ProxyCache:
    record: strawberry.Private[ProxyCacheRecord]

    @strawberry.field(description=_REGISTRY)
    def upstream_registry(self) -> str:
        return self.record.upstream_registry

    @strawberry.field(description="Whether the upstream is asked with a user name and password.")
    def has_login(self) -> bool:
        return self.record.has_login

    @strawberry.field(description=_EXPIRATION)
    def expiration_s(self) -> int:
        return self.record.expiration_s

    @strawberry.field(description=_INSECURE)
    def is_insecure(self) -> bool:
        return self.record.is_insecure

    @strawberry.field(description="When the organization became a cache.")
    def created_at(self) -> datetime:
        return to_datetime(self.record.created_at_ms)


OF_NAMESPACE = (
    "The registry that it is a pull-through cache of; null if it is none. For the organization's members;"
    " refused to others."
)
"""The description of the field on all that is an organization."""


async def proxy_cache_of(info: Info, namespace_id: int) -> ProxyCache | None:
    """The proxy cache of a namespace as a GraphQL value."""
    await require_visible(info.context.context, namespace_id)
    record = await info.context.loaders.proxy_caches.load(namespace_id)
    return to_proxy_cache(record) if record else None


def to_proxy_cache(record: ProxyCacheRecord) -> ProxyCache:
    """A proxy cache as a GraphQL value."""
    return ProxyCache(record=record)


@strawberry.input(description="An upstream, and how it is asked.")
class ProxyCacheInput:
    upstream_registry: str = strawberry.field(description=_REGISTRY)
    upstream_username: str | None = strawberry.field(
        default=None, description="The user name there; null to ask as anybody."
    )
    upstream_password: str | None = strawberry.field(
        default=None, description="The password there; kept encrypted and never shown."
    )
    expiration_s: int = strawberry.field(default=DEFAULT_EXPIRATION_S, description=_EXPIRATION)
    is_insecure: bool = strawberry.field(default=False, description=_INSECURE)


def _settings(value: ProxyCacheInput) -> ProxyCacheSettings:
    return ProxyCacheSettings(
        upstream_registry=value.upstream_registry,
        username=value.upstream_username,
        password=value.upstream_password,
        expiration_s=value.expiration_s,
        is_insecure=value.is_insecure,
    )


@strawberry.type(description="What came of making an organization a cache.")
class ProxyCacheCreatePayload(Payload):
    proxy_cache: ProxyCache | None = strawberry.field(default=None, description="Null if refused.")


@strawberry.type(description="What came of making a cache an ordinary organization.")
class ProxyCacheDeletePayload(Payload):
    organization: str | None = strawberry.field(
        default=None, description="The organization that is a cache no longer; null if refused."
    )
    upstream_registry: str | None = strawberry.field(
        default=None, description="The upstream that it followed; null if refused."
    )


@strawberry.type(description="What came of asking an upstream.")
class ProxyCacheValidatePayload(Payload):
    access: UpstreamAccess | None = strawberry.field(default=None, description="Null if refused.")


@strawberry.type
class ProxyCacheMutation:
    @mutation(
        ProxyCacheCreatePayload,
        description="Make an organization a pull-through cache of another registry. What it holds stays; tags"
        " of names that the upstream has follow it from then on. Requires `org:admin`.",
    )
    async def proxy_cache_create(
        self,
        info: Info,
        organization: OrganizationName,
        input: Annotated[ProxyCacheInput, strawberry.argument(description="The upstream.")],
    ) -> Any:
        record = await configuration.create(info.context.context, organization, _settings(input))
        return ProxyCacheCreatePayload(proxy_cache=to_proxy_cache(record))

    @mutation(
        ProxyCacheDeletePayload,
        description="Make a cache an ordinary organization; what it holds stays until it expires. Requires"
        " `org:admin`.",
    )
    async def proxy_cache_delete(self, info: Info, organization: OrganizationName) -> Any:
        record = await configuration.delete(info.context.context, organization)
        return ProxyCacheDeletePayload(organization=organization, upstream_registry=record.upstream_registry)

    @mutation(
        ProxyCacheValidatePayload,
        description="Ask an upstream as a cache of it would, without making one. Requires `org:admin` of an"
        " organization that is no cache yet.",
    )
    async def proxy_cache_validate(
        self,
        info: Info,
        organization: OrganizationName,
        input: Annotated[ProxyCacheInput, strawberry.argument(description="The upstream.")],
    ) -> Any:
        access = await validation.validate(info.context.context, organization, _settings(input))
        return ProxyCacheValidatePayload(access=access)
