"""Build triggers, and the mutations of their life."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import strawberry

from resolvers.access.roles import RepositoryRole
from resolvers.builds import build
from resolvers.builds.triggers import fire, outcome, settings, trigger
from resolvers.builds.triggers.credentials import credentials_of
from resolvers.builds.triggers.fire import Wanted
from resolvers.builds.triggers.services import TriggerService
from resolvers.builds.triggers.trigger import DisabledReason, TriggerRecord
from resolvers.repositories.repository import RepositoryRecord
from schema.accounts.account import Account
from schema.accounts.robot import Robot
from schema.builds.build import Build, linked_account, to_build
from schema.builds.references import GitRefInput
from schema.connections import After, Connection, First, connect, page
from schema.context import Info
from schema.errors import DeletionPayload, mutation, payload
from schema.inputs import PathArgument, changes
from schema.node_id import Node, encode_id
from schema.scalars import JSONObject, optional_datetime, to_datetime

if TYPE_CHECKING:
    from schema.repositories.repository import Repository

strawberry.enum(
    TriggerService,
    name="BuildTriggerService",
    description="Where source code is, and who tells of pushes to it.",
)
strawberry.enum(
    DisabledReason, name="BuildTriggerDisabledReason", description="Why a trigger orders no builds."
)

_ADMINISTRATORS = "null to others than administrators of the repository"
_CONFIG = (
    "`build_source`, `dockerfile_path`, `context`, `branchtag_regex`, `default_tag_from_ref`,"
    " `latest_for_default_branch` and `tag_templates`; see the page on builds"
)


@strawberry.type(description="A text that is to be given to a service, or to a Git repository.")
class BuildTriggerCredential:
    name: str = strawberry.field(description="What it is, for people.")
    value: str = strawberry.field(description="The text.")


@strawberry.type(
    description="It has builds ordered when somebody pushes to a Git repository. Who reads a build sees by"
    " which one it was ordered."
)
class BuildTrigger(Node):
    record: strawberry.Private[TriggerRecord]
    place: strawberry.Private[RepositoryRecord]
    is_of_site: strawberry.Private[bool] = False

    @strawberry.field(description="What names it, also in the REST API.")
    def uuid(self) -> str:
        return self.record.uuid

    @strawberry.field(description="The repository that it has builds ordered for.")
    def repository(self) -> Annotated["Repository", strawberry.lazy("schema.repositories.repository")]:
        from schema.repositories.repository import to_repository

        return to_repository(self.place, is_judged=not self.is_of_site)

    @strawberry.field(description="Where the source code is.")
    def service(self) -> TriggerService:
        return self.record.service

    @strawberry.field(description="Whether it was activated: it has a source and credentials.")
    def is_active(self) -> bool:
        return self.record.is_active

    @strawberry.field(description="Whether it orders builds, once it is active.")
    def is_enabled(self) -> bool:
        return self.record.is_enabled

    @strawberry.field(description="Why it is not enabled; null while it is.")
    def disabled_reason(self) -> DisabledReason | None:
        return self.record.disabled_reason

    @strawberry.field(description="The Git repository, as the activation named it; null before.")
    def build_source(self) -> str | None:
        return self.record.build_source

    @strawberry.field(description="The page of the Git repository at its service; null where none is known.")
    def repository_url(self) -> str | None:
        return settings.web_address(self.record.service, self.record.build_source)

    @strawberry.field(description="Whether the viewer may have it order a build.")
    async def viewer_can_start(self, info: Info) -> bool:
        role = await info.context.loaders.repository_roles.load(self.place.ref)
        return role is RepositoryRole.ADMIN

    @strawberry.field(description=f"What the activation gave: {_CONFIG}; {_ADMINISTRATORS}.")
    async def config(self, info: Info) -> JSONObject | None:
        return JSONObject(self.record.config) if await self._is_administered(info) else None

    @strawberry.field(
        description="What is to be given to the service: at most three texts, such as the address of the"
        f" webhook and the key that is to read the repository; null before the activation, {_ADMINISTRATORS},"
        " and to read-only superusers."
    )
    async def credentials(self, info: Info) -> list[BuildTriggerCredential] | None:
        context = info.context.context
        if not self.record.is_active or not context.viewer.sees_credentials:
            return None
        if not await self._is_administered(info):
            return None
        found = credentials_of(context, self.record)
        return [BuildTriggerCredential(name=name, value=value) for name, value in found]

    @strawberry.field(
        description="The robot that fetches base images; null for who connected it, once the robot is gone,"
        f" and {_ADMINISTRATORS}."
    )
    async def pull_robot(self, info: Info) -> Robot | None:
        if not await self._is_administered(info):
            return None
        found = await linked_account(info, self.record.robot_id)
        return found if isinstance(found, Robot) else None

    @strawberry.field(
        description="As whom it has images built and pushed; null once that account is gone, and"
        f" {_ADMINISTRATORS}."
    )
    async def connected_by(self, info: Info) -> Account | None:
        if not await self._is_administered(info):
            return None
        return await linked_account(info, self.record.account_id)

    @strawberry.field(
        description=f"How many of its builds in a row failed; at {outcome.FAILURES} it is disabled;"
        f" {_ADMINISTRATORS}."
    )
    async def number_of_failures(self, info: Info) -> int | None:
        return self.record.failure_count if await self._is_administered(info) else None

    @strawberry.field(description="When it was made.")
    def created_at(self) -> datetime:
        return to_datetime(self.record.created_at_ms)

    @strawberry.field(description="When it was activated; null before.")
    def activated_at(self) -> datetime | None:
        return optional_datetime(self.record.activated_at_ms)

    @strawberry.field(description="The builds that it ordered, newest first.")
    async def builds(self, info: Info, first: First = 50, after: After = None) -> Connection[Build]:
        found = await build.builds(
            info.context.context, self.place, page(first, after), trigger_id=self.record.id
        )
        return connect(found, lambda record: to_build(record, self.place, is_of_site=self.is_of_site))

    async def _is_administered(self, info: Info) -> bool:
        role = await info.context.loaders.repository_roles_to_see.load(self.place.ref)
        return role is RepositoryRole.ADMIN


def to_trigger(record: TriggerRecord, place: RepositoryRecord, *, is_of_site: bool = False) -> BuildTrigger:
    """A trigger of a repository that the viewer may read, as a GraphQL value."""
    return BuildTrigger(
        id=encode_id("BuildTrigger", record.id), record=record, place=place, is_of_site=is_of_site
    )


@strawberry.input(description="What a trigger builds, and how.")
class BuildTriggerActivateInput:
    config: JSONObject = strawberry.field(description=f"The settings: {_CONFIG}.")
    pull_robot: strawberry.Maybe[str | None] = strawberry.field(
        description="A robot, as `owner+name`, that fetches base images. Requires to administer its owner."
    )


@strawberry.input(
    description="What to build: one of them; if none is given, the default branch, except for `CUSTOM_GIT`."
)
class BuildTriggerStartInput:
    commit: strawberry.Maybe[str | None] = strawberry.field(
        description="A commit, by 7 to 64 hexadecimal digits. `CUSTOM_GIT` needs it."
    )
    branch: strawberry.Maybe[str | None] = strawberry.field(description="A branch, by its name.")
    ref: strawberry.Maybe[GitRefInput | None] = strawberry.field(description="A branch or tag.")


_FIELD = (BuildTrigger, "The trigger; null if refused.")
BuildTriggerCreatePayload = payload(
    "BuildTriggerCreatePayload", "What came of making a trigger.", trigger=_FIELD
)
BuildTriggerActivatePayload = payload(
    "BuildTriggerActivatePayload", "What came of activating a trigger.", trigger=_FIELD
)
BuildTriggerUpdatePayload = payload(
    "BuildTriggerUpdatePayload", "What came of enabling or disabling a trigger.", trigger=_FIELD
)
BuildTriggerStartPayload = payload(
    "BuildTriggerStartPayload",
    "What came of having a trigger order a build.",
    build=(Build, "The build; null if refused."),
)


@strawberry.type(description="What came of deleting a trigger.")
class BuildTriggerDeletePayload(DeletionPayload):
    uuid: str | None = strawberry.field(default=None, description="What was deleted; null if refused.")


_Uuid = Annotated[str, strawberry.argument(description="The trigger's `uuid`.")]


@strawberry.type
class BuildTriggerMutation:
    @mutation(
        BuildTriggerCreatePayload,
        description="Connect a repository with a service that has source code. Nothing is built until"
        " `buildTriggerActivate` says what. Requires `repo:admin`.",
    )
    async def build_trigger_create(
        self,
        info: Info,
        repository: PathArgument,
        service: Annotated[
            TriggerService, strawberry.argument(description="Where the source code is.")
        ] = TriggerService.CUSTOM_GIT,
    ) -> Any:
        found = await trigger.create(info.context.context, repository, service)
        return BuildTriggerCreatePayload(trigger=to_trigger(*found))

    @mutation(
        BuildTriggerActivatePayload,
        description="Say what a trigger builds, once, and get the credentials for the service. Only the"
        " account that made the trigger may, as which it builds. Requires `repo:admin`.",
    )
    async def build_trigger_activate(
        self,
        info: Info,
        repository: PathArgument,
        uuid: _Uuid,
        input: Annotated[BuildTriggerActivateInput, strawberry.argument(description="What it builds.")],
    ) -> Any:
        given = changes(input)
        found = await trigger.activate(
            info.context.context, repository, uuid, given["config"], given.get("pull_robot")
        )
        return BuildTriggerActivatePayload(trigger=to_trigger(*found))

    @mutation(
        BuildTriggerUpdatePayload,
        description="Let an active trigger order builds, or none. Its failures are counted anew. Requires"
        " `repo:admin`.",
    )
    async def build_trigger_update(
        self,
        info: Info,
        repository: PathArgument,
        uuid: _Uuid,
        is_enabled: Annotated[bool, strawberry.argument(description="Whether it orders builds.")],
    ) -> Any:
        found = await trigger.set_enabled(info.context.context, repository, uuid, is_enabled)
        return BuildTriggerUpdatePayload(trigger=to_trigger(*found))

    @mutation(
        BuildTriggerDeletePayload,
        description="Delete a trigger with all its builds; those under way end. Requires `repo:admin`.",
    )
    async def build_trigger_delete(self, info: Info, repository: PathArgument, uuid: _Uuid) -> Any:
        record = await trigger.delete(info.context.context, repository, uuid)
        return BuildTriggerDeletePayload(uuid=record.uuid, deleted_id=encode_id("BuildTrigger", record.id))

    @mutation(
        BuildTriggerStartPayload,
        description="Have a trigger order a build now, as the viewer. Requires `repo:admin`.",
    )
    async def build_trigger_start(
        self,
        info: Info,
        repository: PathArgument,
        uuid: _Uuid,
        input: Annotated[BuildTriggerStartInput, strawberry.argument(description="What to build.")],
    ) -> Any:
        given = changes(input)
        if given.get("ref") is not None:
            given["ref"] = (given["ref"].kind, given["ref"].name)
        record, place = await fire.start(info.context.context, repository, uuid, Wanted(**given))
        return BuildTriggerStartPayload(build=to_build(record, place))
