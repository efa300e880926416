"""Robots, their tokens and federation, and their mutations."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import strawberry

import resolvers.accounts.robot
from resolvers.access.needs import SEE_ROBOTS
from resolvers.access.roles import TeamRole
from resolvers.access.viewer import AccountKind
from resolvers.accounts import federation
from resolvers.accounts.account import AccountRecord
from resolvers.accounts.federation import Identity
from resolvers.accounts.robot import RobotOrder, RobotRecord
from schema.accounts.account import Account, to_user
from schema.context import Info
from schema.errors import DeletionPayload, mutation, payload
from schema.guards import REFUSABLE
from schema.node_id import encode_id
from schema.scalars import JSONObject, optional_datetime, to_datetime

if TYPE_CHECKING:
    from schema.accounts.robot_access import RobotAccess

strawberry.enum(
    RobotOrder,
    name="RobotOrder",
    description="In which order robots are listed.",
)


@strawberry.type(description="An identity of an external OpenID Connect issuer that may act as a robot.")
class ExternalIdentity:
    issuer: str = strawberry.field(description="The issuer's URL, as its tokens spell it.")
    subject: str = strawberry.field(description="Whom the issuer's tokens name.")


@strawberry.type(
    description="An account for machines, owned by a user or an organization. Its owner administers it: the"
    " user with `user:admin`, the organization's administrators with `org:admin`."
)
class Robot(Account):
    details: strawberry.Private[RobotRecord | None] = None

    async def _record_for(self, info: Info, role: TeamRole) -> RobotRecord | None:
        """The robot's record, if the viewer may see what this role over the robot shows; otherwise None."""
        record = self.details or await info.context.loaders.robots.load(self.record.id)
        if record is None:
            return None
        actual = await info.context.loaders.robot_owner_roles.load(record.owner_id)
        return record if actual is not None and actual >= role else None

    @strawberry.field(description="The part of the name after the `+`.")
    def short_name(self) -> str:
        return self.record.name.partition("+")[2]

    @strawberry.field(description="Where web interfaces of this API show it, below their address.")
    async def web_path(self, info: Info) -> str:
        name = self.record.name.partition("+")[0]
        owner = await info.context.loaders.accounts_by_name.load(name)
        kind = "organization" if owner and owner.kind is AccountKind.ORGANIZATION else "user"
        return f"/{kind}/{name}?tab=robots&showRobot={self.record.name}"

    @strawberry.field(description="When it was made; refused to outsiders of its owner.", metadata=REFUSABLE)
    async def created_at(self, info: Info) -> datetime:
        if await self._record_for(info, TeamRole.MEMBER) is None:
            raise info.context.context.viewer.refusal(SEE_ROBOTS)
        return to_datetime(self.record.created_at_ms)

    @strawberry.field(
        description="When it last signed in, to the minute; null if never, and for outsiders of its owner."
    )
    async def last_accessed_at(self, info: Info) -> datetime | None:
        record = await self._record_for(info, TeamRole.MEMBER)
        is_kept = info.context.context.site.has("USER_LAST_ACCESSED")
        return optional_datetime(record.account.last_accessed_at_ms) if record and is_kept else None

    @strawberry.field(description="What it is for; null for outsiders of its owner.")
    async def description(self, info: Info) -> str | None:
        record = await self._record_for(info, TeamRole.MEMBER)
        return record.description if record else None

    @strawberry.field(
        description="Its password for docker, with its name as the user name; null unless the viewer"
        " administers it."
    )
    async def token(self, info: Info) -> str | None:
        if not info.context.context.viewer.sees_credentials:
            return None
        record = await self._record_for(info, TeamRole.ADMIN)
        return record.token if record else None

    @strawberry.field(
        description="The JSON object that its owner keeps with it; null unless the viewer administers it."
    )
    async def unstructured_metadata(self, info: Info) -> JSONObject | None:
        record = await self._record_for(info, TeamRole.ADMIN)
        return JSONObject(record.unstructured_metadata) if record else None

    @strawberry.field(
        description="Who may act as it without its token, at most 100 identities; null unless the viewer"
        " administers it."
    )
    async def federation(self, info: Info) -> list[ExternalIdentity] | None:
        if await self._record_for(info, TeamRole.ADMIN) is None:
            return None
        found = await info.context.loaders.robot_identities.load(self.record.id)
        return [ExternalIdentity(issuer=one.issuer, subject=one.subject) for one in found]

    @strawberry.field(description="What it may do; null unless the viewer administers it.")
    async def access(
        self, info: Info
    ) -> Annotated["RobotAccess", strawberry.lazy("schema.accounts.robot_access")] | None:
        from schema.accounts.robot_access import RobotAccess

        record = await self._record_for(info, TeamRole.ADMIN)
        return RobotAccess(record=record) if record else None


def to_robot(record: RobotRecord) -> Robot:
    """A robot as a GraphQL value."""
    return Robot(id=encode_id("Robot", record.id), record=record.account, details=record)


async def load_account(info: Info, account_id: int | None) -> Account | None:
    """A user or a robot by id, through the loaders of the request; None if there is none."""
    record = await info.context.loaders.accounts.load(account_id) if account_id is not None else None
    return account_node(record) if record else None


def account_node(record: AccountRecord) -> Account:
    """A user or a robot as a GraphQL value."""
    if record.kind is AccountKind.ROBOT:
        return Robot(id=encode_id("Robot", record.id), record=record)
    return to_user(record)


@strawberry.input(description="A new robot.")
class RobotCreateInput:
    short_name: str = strawberry.field(
        description="2 to 255 lower-case letters and digits, with single `.`, `_`, `-` between."
    )
    owner: str | None = strawberry.field(
        default=None, description="The user or organization that shall own it; the viewer if not given."
    )
    description: str = strawberry.field(default="", description="What it is for: up to 255 characters.")
    unstructured_metadata: JSONObject | None = strawberry.field(
        default=None, description="Whatever its owner wants to keep with it; empty if not given."
    )


@strawberry.input(description="An identity of an external OpenID Connect issuer.")
class ExternalIdentityInput:
    issuer: str = strawberry.field(
        description="The issuer's URL, exactly as its tokens spell it. Its keys are fetched by https alone,"
        " unless the operator opened the host."
    )
    subject: str = strawberry.field(description="Whom the issuer's tokens name.")


_FIELD = (Robot, "The robot; null if refused.")


RobotCreatePayload = payload("RobotCreatePayload", "What came of creating a robot.", robot=_FIELD)
RobotTokenRegeneratePayload = payload(
    "RobotTokenRegeneratePayload", "What came of giving a robot another token.", robot=_FIELD
)
RobotFederationSetPayload = payload(
    "RobotFederationSetPayload", "What came of saying who may act as a robot.", robot=_FIELD
)
RobotFederationClearPayload = payload(
    "RobotFederationClearPayload", "What came of letting nobody act as a robot.", robot=_FIELD
)


@strawberry.type(description="What came of deleting a robot.")
class RobotDeletePayload(DeletionPayload):
    name: str | None = strawberry.field(
        default=None, description="The full name that was deleted; null if refused."
    )


_Owner = Annotated[
    str | None,
    strawberry.argument(description="The user or organization that owns it; the viewer if not given."),
]
_ShortName = Annotated[str, strawberry.argument(description="The part of its name after the `+`.")]

RULE = "Requires `user:admin` for one's own, `org:admin` for an organization's."


@strawberry.type
class RobotMutation:
    @mutation(RobotCreatePayload, description=f"Create a robot. {RULE}")
    async def robot_create(
        self,
        info: Info,
        input: Annotated[RobotCreateInput, strawberry.argument(description="The new robot.")],
    ) -> Any:
        record = await resolvers.accounts.robot.create(
            info.context.context,
            owner=input.owner,
            short_name=input.short_name,
            description=input.description,
            unstructured_metadata=input.unstructured_metadata,
        )
        return RobotCreatePayload(robot=to_robot(record))

    @mutation(
        RobotTokenRegeneratePayload,
        description="Give a robot another token. The old one ends at once, and so does what was issued for"
        f" it. {RULE}",
    )
    async def robot_token_regenerate(self, info: Info, short_name: _ShortName, owner: _Owner = None) -> Any:
        record = await resolvers.accounts.robot.regenerate_token(
            info.context.context, owner=owner, short_name=short_name
        )
        return RobotTokenRegeneratePayload(robot=to_robot(record))

    @mutation(
        RobotDeletePayload,
        description=f"Delete a robot with its permissions and its places in teams. {RULE}",
    )
    async def robot_delete(self, info: Info, short_name: _ShortName, owner: _Owner = None) -> Any:
        record = await resolvers.accounts.robot.delete(
            info.context.context, owner=owner, short_name=short_name
        )
        return RobotDeletePayload(name=record.name, deleted_id=encode_id("Robot", record.id))

    @mutation(
        RobotFederationSetPayload,
        description="Let exactly these identities act as a robot. What was issued to the robot before ends."
        f" {RULE}",
    )
    async def robot_federation_set(
        self,
        info: Info,
        short_name: _ShortName,
        identities: Annotated[
            list[ExternalIdentityInput],
            strawberry.argument(description="At most 100 different ones, instead of those before."),
        ],
        owner: _Owner = None,
    ) -> Any:
        record = await federation.replace(
            info.context.context,
            owner=owner,
            short_name=short_name,
            identities=[Identity(one.issuer, one.subject) for one in identities],
        )
        return RobotFederationSetPayload(robot=to_robot(record))

    @mutation(
        RobotFederationClearPayload,
        description="Let no external identity act as a robot. What was issued to the robot before ends."
        f" {RULE}",
    )
    async def robot_federation_clear(self, info: Info, short_name: _ShortName, owner: _Owner = None) -> Any:
        record = await federation.clear(info.context.context, owner=owner, short_name=short_name)
        return RobotFederationClearPayload(robot=to_robot(record))
