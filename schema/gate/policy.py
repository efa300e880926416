"""Pull policies of namespaces and repositories, and their exceptions."""

from datetime import datetime
from typing import Annotated, Any

import strawberry

from resolvers.gate import policy
from resolvers.gate.policy import ExceptionRecord, PolicyRecord, PullMode, PullTerms
from schema.connections import After, Connection, First, connect, page
from schema.context import Info
from schema.errors import Payload, mutation
from schema.inputs import OwnerInput, to_owner
from schema.scalars import to_datetime, to_milliseconds
from schema.scan.severity import Severity

strawberry.enum(
    PullMode,
    name="PullMode",
    description="What a pull policy does about a pull that is against it.",
)


@strawberry.type(description="An advisory that a pull policy overlooks for some time.")
class PullException:
    record: strawberry.Private[ExceptionRecord]

    @strawberry.field(description="One of its names, such as `CVE-2021-44228`.")
    def advisory(self) -> str:
        return self.record.advisory

    @strawberry.field(description="Why, as who set it wrote.")
    def reason(self) -> str:
        return self.record.reason

    @strawberry.field(description="Until when; the advisory counts again from then on.")
    def ends_at(self) -> datetime:
        return to_datetime(self.record.ends_at_ms)

    @strawberry.field(description="When it was set first.")
    def created_at(self) -> datetime:
        return to_datetime(self.record.created_at_ms)


def to_exception(record: ExceptionRecord) -> PullException:
    """An exception as a GraphQL value."""
    return PullException(record=record)


@strawberry.type(
    description="What is done about pulls of images with vulnerabilities of a severity or a worse one."
)
class PullPolicy:
    record: strawberry.Private[PolicyRecord]

    @strawberry.field(description="What it does about them.")
    def mode(self) -> PullMode:
        return self.record.mode

    @strawberry.field(description="The least severity that it is about.")
    def min_severity(self) -> Severity:
        return self.record.minimum

    @strawberry.field(description="Whether it overlooks what no version is known to fix.")
    def is_unfixed_allowed(self) -> bool:
        return self.record.allows_unfixed

    @strawberry.field(description="Whether it is against images that are not scanned as well.")
    def is_scan_required(self) -> bool:
        return self.record.requires_scan

    @strawberry.field(description="When it was made.")
    def created_at(self) -> datetime:
        return to_datetime(self.record.created_at_ms)

    @strawberry.field(description="When it was set last.")
    def updated_at(self) -> datetime:
        return to_datetime(self.record.changed_at_ms)

    @strawberry.field(
        description="The advisories that it overlooks, oldest first; those whose time is over, too."
    )
    async def exceptions(
        self, info: Info, first: First = 50, after: After = None
    ) -> Connection[PullException]:
        found = await policy.exceptions_of(info.context.context, self.record, page(first, after))
        return connect(found, to_exception)


def to_pull_policy(record: PolicyRecord) -> PullPolicy:
    """A policy as a GraphQL value."""
    return PullPolicy(record=record)


@strawberry.input(description="What a pull policy says.")
class PullPolicyInput:
    mode: PullMode = strawberry.field(description="What it does about pulls that are against it.")
    min_severity: Severity = strawberry.field(description="The least severity that it is about.")
    is_unfixed_allowed: bool = strawberry.field(
        default=False, description="Whether it overlooks what no version is known to fix."
    )
    is_scan_required: bool = strawberry.field(
        default=False,
        description="Whether it is against images that are not scanned, cannot be, or whose scan failed.",
    )


@strawberry.input(description="An advisory that a pull policy is to overlook for some time.")
class PullExceptionInput:
    advisory: str = strawberry.field(
        description="Its name or another one of it, of up to 128 characters; it need not be known yet."
    )
    reason: str = strawberry.field(description="Why, in up to 1,000 characters.")
    ends_at: datetime = strawberry.field(description="Until when, in the future.")


@strawberry.type(description="What came of setting a pull policy.")
class PullPolicySetPayload(Payload):
    policy: PullPolicy | None = strawberry.field(default=None, description="Null if refused.")


@strawberry.type(description="What came of deleting a pull policy.")
class PullPolicyDeletePayload(Payload):
    min_severity: Severity | None = strawberry.field(
        default=None, description="The least severity that it was about; null if refused."
    )


@strawberry.type(description="What came of setting an exception.")
class PullExceptionSetPayload(Payload):
    exception: PullException | None = strawberry.field(default=None, description="Null if refused.")


@strawberry.type(description="What came of deleting an exception.")
class PullExceptionDeletePayload(Payload):
    advisory: str | None = strawberry.field(default=None, description="As given; null if refused.")


_Owner = Annotated[OwnerInput, strawberry.argument(description="Whose policy.")]
_WHO = "Requires `repo:admin` on the repository or `org:admin` in the namespace."


@strawberry.type
class PullPolicyMutation:
    @mutation(
        PullPolicySetPayload,
        description="Give a namespace or a repository a pull policy, or change the one that it has, whose"
        f" exceptions stay. That of a namespace holds in all its repositories, beside theirs. {_WHO}",
    )
    async def pull_policy_set(
        self,
        info: Info,
        owner: _Owner,
        input: Annotated[PullPolicyInput, strawberry.argument(description="What it says.")],
    ) -> Any:
        terms = PullTerms(input.mode, input.min_severity, input.is_unfixed_allowed, input.is_scan_required)
        record = await policy.set_policy(info.context.context, to_owner(owner), terms)
        return PullPolicySetPayload(policy=to_pull_policy(record))

    @mutation(
        PullPolicyDeletePayload,
        description=f"Delete a pull policy with its exceptions. {_WHO}",
    )
    async def pull_policy_delete(self, info: Info, owner: _Owner) -> Any:
        record = await policy.delete_policy(info.context.context, to_owner(owner))
        return PullPolicyDeletePayload(min_severity=record.minimum)

    @mutation(
        PullExceptionSetPayload,
        description="Let a pull policy overlook an advisory for some time, or change why and until when it"
        f" does. {_WHO}",
    )
    async def pull_exception_set(
        self,
        info: Info,
        owner: _Owner,
        input: Annotated[PullExceptionInput, strawberry.argument(description="The exception.")],
    ) -> Any:
        record = await policy.set_exception(
            info.context.context,
            to_owner(owner),
            advisory=input.advisory,
            reason=input.reason,
            ends_at_ms=to_milliseconds(input.ends_at),
        )
        return PullExceptionSetPayload(exception=to_exception(record))

    @mutation(
        PullExceptionDeletePayload,
        description=f"Delete an exception, so that the advisory counts again. {_WHO}",
    )
    async def pull_exception_delete(
        self,
        info: Info,
        owner: _Owner,
        advisory: Annotated[str, strawberry.argument(description="Its name, as the exception has it.")],
    ) -> Any:
        await policy.delete_exception(info.context.context, to_owner(owner), advisory)
        return PullExceptionDeletePayload(advisory=advisory)
