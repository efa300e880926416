"""Service keys as superusers see and change them."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import strawberry
from strawberry.scalars import JSON

from resolvers.keys import service_key
from resolvers.keys.service_key import (
    ServiceKeyApprovalType,
    ServiceKeyChanges,
    ServiceKeyRecord,
    ServiceKeyState,
)
from schema.connections import After, Connection, First, connect, page
from schema.context import Info
from schema.errors import Payload, mutation
from schema.inputs import changes
from schema.scalars import BigInt, JSONObject, optional_datetime, to_datetime, to_milliseconds

if TYPE_CHECKING:
    from schema.accounts.account import User

strawberry.enum(
    ServiceKeyApprovalType, name="ServiceKeyApprovalType", description="Who or what approved a service key."
)
strawberry.enum(ServiceKeyState, name="ServiceKeyState", description="What a service key is good for.")

Kid = Annotated[str, strawberry.argument(description="The key's `kid`.")]


@strawberry.type(description="By whom, when and why a service key was approved.")
class ServiceKeyApproval:
    record: strawberry.Private[ServiceKeyRecord]

    @strawberry.field(description="Who or what approved it.")
    def approval_type(self) -> ServiceKeyApprovalType:
        assert self.record.approval_type is not None
        return self.record.approval_type

    @strawberry.field(description="The superuser who did; null where none did, and where they are gone.")
    async def approver(
        self, info: Info
    ) -> Annotated["User", strawberry.lazy("schema.accounts.account")] | None:
        from schema.accounts.account import to_user

        if self.record.approver_id is None:
            return None
        record = await info.context.loaders.accounts.load(self.record.approver_id)
        return to_user(record) if record else None

    @strawberry.field(description="When.")
    def approved_at(self) -> datetime:
        assert self.record.approved_at_ms is not None
        return to_datetime(self.record.approved_at_ms)

    @strawberry.field(description="What the superuser noted; may be empty.")
    def notes(self) -> str:
        return self.record.approval_notes


@strawberry.type(
    description="The public half of a key by which a service proves what it says, or with which the registry"
    " signs its tokens. For superusers."
)
class ServiceKey:
    record: strawberry.Private[ServiceKeyRecord]

    @strawberry.field(description="Its identity: the SHA-256 thumbprint of the key (RFC 7638).")
    def kid(self) -> str:
        return self.record.kid

    @strawberry.field(description="What it is called; may be empty.")
    def name(self) -> str:
        return self.record.name

    @strawberry.field(
        description="The service whose key it is; `quayside-registry` for registry tokens, `builds` for"
        " statements on built images."
    )
    def service(self) -> str:
        return self.record.service

    @strawberry.field(description="What it is good for now.")
    def state(self) -> ServiceKeyState:
        return self.record.state

    @strawberry.field(description="The public half as a JWK: `kty`, `n`, `e` and `kid`.")
    def jwk(self) -> JSON:
        return JSON(self.record.jwk)

    @strawberry.field(description="The public half as PEM.")
    def public_key(self) -> str:
        return self.record.public_key

    @strawberry.field(description="What is known of it beside, such as who made it.")
    def metadata(self) -> JSON:
        return JSON(self.record.metadata)

    @strawberry.field(description="When it was made or sent.")
    def created_at(self) -> datetime:
        return to_datetime(self.record.created_at_ms)

    @strawberry.field(description="When it expires; null for never.")
    def expires_at(self) -> datetime | None:
        return optional_datetime(self.record.expires_at_ms)

    @strawberry.field(description="When it was last used, to the minute; null if never.")
    def last_accessed_at(self) -> datetime | None:
        return optional_datetime(self.record.last_accessed_at_ms)

    @strawberry.field(
        description="After how many seconds a new key takes its place; null for never. Services see to it"
        " themselves."
    )
    def rotation_duration_s(self) -> BigInt | None:
        return None if self.record.rotation_duration_s is None else BigInt(self.record.rotation_duration_s)

    @strawberry.field(description="The `kid` of the key that took its place; null if none has.")
    def successor_kid(self) -> str | None:
        return self.record.successor_kid

    @strawberry.field(description="How it was approved; null while it waits.")
    def approval(self) -> ServiceKeyApproval | None:
        return None if self.record.approval_type is None else ServiceKeyApproval(record=self.record)


def to_key(record: ServiceKeyRecord) -> ServiceKey:
    """A key as a GraphQL value."""
    return ServiceKey(record=record)


@strawberry.input(description="A new key of a service.")
class ServiceKeyCreateInput:
    service: str = strawberry.field(description="1 to 255 small letters, digits and underscores.")
    name: str = strawberry.field(
        default="", description="What it is called: letters, digits, spaces and `-_:/`."
    )
    expires_at: datetime | None = strawberry.field(
        default=None, description="When it expires; null for never."
    )
    metadata: JSONObject | None = strawberry.field(
        default=None, description="What to know of it beside; at most 10,000 bytes of JSON."
    )
    notes: str = strawberry.field(default="", description="Why it is approved.")


@strawberry.input(description="What to change of a service key; absent fields stay as they are.")
class ServiceKeyUpdateInput:
    name: strawberry.Maybe[str] = strawberry.field(description="What it is called.")
    metadata: strawberry.Maybe[JSONObject] = strawberry.field(
        description="What to add to its metadata, or to replace there."
    )
    expires_at: strawberry.Maybe[datetime | None] = strawberry.field(
        description="When it expires; null for never."
    )
    rotation_duration_s: strawberry.Maybe[BigInt | None] = strawberry.field(
        description="After how many seconds a new key takes its place: 3 hours to 10 years; null for never."
    )


@strawberry.type(description="What came of making a service key.")
class ServiceKeyCreatePayload(Payload):
    service_key: ServiceKey | None = strawberry.field(default=None, description="The key; null if refused.")
    private_key: str | None = strawberry.field(
        default=None, description="The private half as PEM, shown this once; null if refused."
    )


@strawberry.type(description="What came of changing a service key.")
class ServiceKeyUpdatePayload(Payload):
    service_key: ServiceKey | None = strawberry.field(default=None, description="The key; null if refused.")


@strawberry.type(description="What came of approving a service key.")
class ServiceKeyApprovePayload(Payload):
    service_key: ServiceKey | None = strawberry.field(default=None, description="The key; null if refused.")


@strawberry.type(description="What came of deleting a service key.")
class ServiceKeyDeletePayload(Payload):
    kid: str | None = strawberry.field(default=None, description="What was deleted; null if refused.")


@strawberry.type(description="What came of replacing a key that signs for the registry.")
class ServiceKeyRotatePayload(Payload):
    service_key: ServiceKey | None = strawberry.field(
        default=None, description="The key that signs now; null if refused."
    )


@strawberry.type
class ServiceKeyQuery:
    @strawberry.field(
        description="Service keys, oldest first; those that expired stay for a week, those of `builds` stay."
        " For superusers, also read-only ones."
    )
    async def service_keys(
        self,
        info: Info,
        first: First = 50,
        after: After = None,
        service: Annotated[str | None, strawberry.argument(description="Only keys of this service.")] = None,
        states: Annotated[
            list[ServiceKeyState] | None, strawberry.argument(description="Only keys in these states.")
        ] = None,
    ) -> Connection[ServiceKey]:
        found = await service_key.service_keys(
            info.context.context, page(first, after), service=service, states=states
        )
        return connect(found, to_key)

    @strawberry.field(
        description="A service key; null if there is none. For superusers, also read-only ones."
    )
    async def service_key(self, info: Info, kid: Kid) -> ServiceKey | None:
        record = await service_key.service_key(info.context.context, kid)
        return to_key(record) if record else None


@strawberry.type
class ServiceKeyMutation:
    @mutation(
        ServiceKeyCreatePayload,
        description="Make a key of a service, approved at once. For superusers; needs a fresh login of a"
        " session.",
    )
    async def service_key_create(
        self,
        info: Info,
        input: Annotated[ServiceKeyCreateInput, strawberry.argument(description="The new key.")],
    ) -> Any:
        made = await service_key.create(
            info.context.context,
            service=input.service,
            name=input.name,
            expires_at_ms=to_milliseconds(input.expires_at) if input.expires_at else None,
            metadata=input.metadata,
            notes=input.notes,
        )
        return ServiceKeyCreatePayload(service_key=to_key(made.record), private_key=made.private_pem)

    @mutation(
        ServiceKeyUpdatePayload,
        description="Change a service key. If one that signs for the registry is to end early, another takes"
        " its place first. For superusers; needs a fresh login of a session.",
    )
    async def service_key_update(
        self,
        info: Info,
        kid: Kid,
        input: Annotated[ServiceKeyUpdateInput, strawberry.argument(description="What to change.")],
    ) -> Any:
        values = changes(input)
        if "expires_at" in values:
            ends = values.pop("expires_at")
            values["expires_at_ms"] = to_milliseconds(ends) if ends else None
        record = await service_key.update(info.context.context, kid, ServiceKeyChanges(**values))
        return ServiceKeyUpdatePayload(service_key=to_key(record))

    @mutation(
        ServiceKeyApprovePayload,
        description="Approve a service key that waits; one that is approved stays so. For superusers; needs a"
        " fresh login of a session.",
    )
    async def service_key_approve(
        self,
        info: Info,
        kid: Kid,
        notes: Annotated[str, strawberry.argument(description="Why it is approved.")] = "",
    ) -> Any:
        record = await service_key.approve(info.context.context, kid, notes=notes)
        return ServiceKeyApprovePayload(service_key=to_key(record))

    @mutation(
        ServiceKeyDeletePayload,
        description="Delete a service key, and with it the trust in what it signed. If it signs for the"
        " registry, another takes its place first. For superusers; needs a fresh login of a"
        " session.",
    )
    async def service_key_delete(self, info: Info, kid: Kid) -> Any:
        record = await service_key.delete(info.context.context, kid)
        return ServiceKeyDeletePayload(kid=record.kid)

    @mutation(
        ServiceKeyRotatePayload,
        description="Let a new key sign for the registry; what was signed before stays valid. For superusers;"
        " needs a fresh login of a session.",
    )
    async def service_key_rotate(
        self,
        info: Info,
        service: Annotated[
            str,
            strawberry.argument(
                description="Whose: `quayside-registry` for registry tokens, `builds` for statements on built"
                " images."
            ),
        ] = "quayside-registry",
    ) -> Any:
        record = await service_key.rotate(info.context.context, service)
        return ServiceKeyRotatePayload(service_key=to_key(record))
