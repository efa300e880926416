"""Builds of images, and the mutations that order and cancel them."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import strawberry

from resolvers.builds import build, context_file
from resolvers.builds.build import BuildRecord, BuildRequest
from resolvers.builds.phases import Phase
from resolvers.repositories.repository import RepositoryRecord
from schema.accounts.account import Account
from schema.accounts.robot import Robot, account_node
from schema.builds.log import BuildLog, LogLines, LogStart, read_log
from schema.builds.provenance import BuildProvenance
from schema.context import Info
from schema.errors import mutation, payload
from schema.inputs import PathArgument, changes
from schema.node_id import Node, encode_id
from schema.scalars import Digest, JSONObject, optional_datetime, to_datetime
from storage.secrets import revealed

if TYPE_CHECKING:
    from schema.builds.trigger import BuildTrigger
    from schema.repositories.repository import Repository

strawberry.enum(Phase, name="BuildPhase", description="Where a build is between the order and its end.")


@strawberry.type(description="A build of an image from a Dockerfile. Requires `repo:read` on its repository.")
class Build(Node):
    record: strawberry.Private[BuildRecord]
    place: strawberry.Private[RepositoryRecord]
    is_of_site: strawberry.Private[bool] = False

    @strawberry.field(description="What names it, also in the REST API.")
    def uuid(self) -> str:
        return self.record.uuid

    @strawberry.field(description="The repository that it is for.")
    def repository(self) -> Annotated["Repository", strawberry.lazy("schema.repositories.repository")]:
        from schema.repositories.repository import to_repository

        return to_repository(self.place, is_judged=not self.is_of_site)

    @strawberry.field(description="Where it is.")
    def phase(self) -> Phase:
        return self.record.phase

    @strawberry.field(description="When it was ordered.")
    def created_at(self) -> datetime:
        return to_datetime(self.record.created_at_ms)

    @strawberry.field(description="When it began; null while it waits.")
    def started_at(self) -> datetime | None:
        return optional_datetime(self.record.started_at_ms)

    @strawberry.field(description="When it ended; null before that.")
    def ended_at(self) -> datetime | None:
        return optional_datetime(self.record.ended_at_ms)

    @strawberry.field(description="A short name, of its context.")
    def display_name(self) -> str:
        return self.record.display_name

    @strawberry.field(description="Where its Dockerfile is in the context, beginning with `/`.")
    def dockerfile_path(self) -> str:
        return self.record.dockerfile_path

    @strawberry.field(description="The directory of the context that it copies from, beginning with `/`.")
    def context_path(self) -> str:
        return self.record.context_path

    @strawberry.field(description="The tags that its image gets, at most 100.")
    def tags(self) -> list[str]:
        return list(self.record.tags)

    @strawberry.field(
        description="Who ordered it; null for one that a push ordered, and once that account is gone."
    )
    async def ordered_by(self, info: Info) -> Account | None:
        return await linked_account(info, self.record.account_id) if self.record.is_manual else None

    @strawberry.field(description="The trigger that ordered it, by itself or by hand; null without one.")
    async def trigger(
        self, info: Info
    ) -> Annotated["BuildTrigger", strawberry.lazy("schema.builds.trigger")] | None:
        from schema.builds.trigger import to_trigger

        trigger_id = self.record.trigger_id
        found = await info.context.loaders.build_triggers.load(trigger_id) if trigger_id is not None else None
        return to_trigger(found, self.place, is_of_site=self.is_of_site) if found else None

    @strawberry.field(
        description="What is known of the commit that a trigger had built: `commit`, `ref`, `default_branch`,"
        " `git_url` and `commit_info`, as far as it was told; null without a trigger."
    )
    def trigger_metadata(self) -> JSONObject | None:
        metadata = self.record.trigger_metadata
        return None if metadata is None else JSONObject(metadata)

    @strawberry.field(
        description="The robot that fetches its base images; null for who ordered it, and once the robot is"
        " gone."
    )
    async def pull_robot(self, info: Info) -> Robot | None:
        found = await linked_account(info, self.record.robot_id)
        return found if isinstance(found, Robot) else None

    @strawberry.field(description="Why it cannot begin although it waits; null if nothing hinders it.")
    def waits_because(self) -> str | None:
        return self.record.waits_because

    @strawberry.field(description="Why it failed, a sentence; null if it did not.")
    def error(self) -> str | None:
        return self.record.error

    @strawberry.field(
        description="The address of its context; null for an uploaded one, and to those who may not read the"
        " log."
    )
    async def archive_url(self, info: Info) -> str | None:
        # An address that somebody else signed is a secret too.
        return revealed(self.record.archive_url) if await self._may_read_log(info) else None

    async def _may_read_log(self, info: Info) -> bool:
        return self.is_of_site or await build.may_read_log(info.context.context, self.place)

    @strawberry.field(
        description="The id of its uploaded context; null if it has none, or the viewer may not read the log."
    )
    async def file_id(self, info: Info) -> str | None:
        identity = self.record.context_file_id
        if identity is None or not await self._may_read_log(info):
            return None
        found = await info.context.loaders.context_files.load(identity)
        return found.uuid if found else None

    @strawberry.field(description="How many instructions its Dockerfile has; null until that is known.")
    def command_count(self) -> int | None:
        return self.record.counts.get("commands")

    @strawberry.field(
        description="The number of the instruction that runs, or ran last, from 1; null before."
    )
    def current_command(self) -> int | None:
        return self.record.counts.get("command")

    @strawberry.field(description="The digest of its image; null until that is pushed.")
    def digest(self) -> Digest | None:
        return Digest(self.record.digest) if self.record.digest else None

    @strawberry.field(
        description="What the registry says, signed, of how it made its image; null until that is pushed, and"
        " once it is gone from the repository."
    )
    async def provenance(self, info: Info) -> BuildProvenance | None:
        found = await info.context.loaders.provenance.load(self.record)
        return BuildProvenance(record=found) if found else None

    @strawberry.field(
        description="The digest of the referrer that says, signed, what is in its image: a bill of materials"
        " in SPDX. Null until the image is scanned and that is pushed, and if another build had made it."
    )
    def sbom_digest(self) -> Digest | None:
        return Digest(self.record.sbom_digest) if self.record.sbom_digest else None

    @strawberry.field(
        description="What it printed, from the line `start` on. Requires `repo:write`, with the feature"
        " `READER_BUILD_LOGS` `repo:read`."
    )
    async def log(self, info: Info, start: LogStart = 0, first: LogLines = 100) -> BuildLog | None:
        if not self.is_of_site:
            await build.require_log(info.context.context, self.place)
        return await read_log(info, self.record, start, first)


async def linked_account(info: Info, account_id: int | None) -> Account | None:
    """An account by its row id; None without one, and once it is gone."""
    record = await info.context.loaders.accounts.load(account_id) if account_id is not None else None
    return account_node(record) if record else None


def to_build(record: BuildRecord, place: RepositoryRecord, *, is_of_site: bool = False) -> Build:
    """A build of a repository that the viewer may read, as a GraphQL value.

    With `is_of_site` the viewer sees the builds of the whole registry, but not what else repositories hold.
    """
    return Build(id=encode_id("Build", record.id), record=record, place=place, is_of_site=is_of_site)


@strawberry.input(description="A build argument, for an `ARG` of the Dockerfile.")
class BuildArgumentInput:
    name: str = strawberry.field(description="The name of the `ARG`.")
    value: str = strawberry.field(description="Its value. Others never see it, unless the build prints it.")


@strawberry.input(description="What to build: a context, the Dockerfile in it, and the tags of the image.")
class BuildRequestInput:
    archive_url: strawberry.Maybe[str | None] = strawberry.field(
        description="The address, with http or https, of an archive with the context: tar, plain or"
        " compressed, zip, or a Dockerfile alone."
    )
    file_id: strawberry.Maybe[str | None] = strawberry.field(
        description="An uploaded context instead (`contextFileCreate`), which one build may take."
    )
    dockerfile_path: strawberry.Maybe[str | None] = strawberry.field(
        description="Where the Dockerfile is in the context; `Dockerfile` in `subdirectory` if not given."
    )
    subdirectory: strawberry.Maybe[str | None] = strawberry.field(
        description="The directory of the context with the Dockerfile; the top if not given."
    )
    context_path: strawberry.Maybe[str | None] = strawberry.field(
        description="The directory that the Dockerfile copies from; its own if not given."
    )
    pull_robot: strawberry.Maybe[str | None] = strawberry.field(
        description="A robot, as `owner+name`, that fetches base images. Requires to administer its owner."
    )
    tags: strawberry.Maybe[list[str] | None] = strawberry.field(
        description="The tags of the image, at most 100; `latest` if not given."
    )
    arguments: strawberry.Maybe[list[BuildArgumentInput] | None] = strawberry.field(
        description="Build arguments."
    )


_FIELD = (Build, "The build; null if refused.")
BuildRequestPayload = payload("BuildRequestPayload", "What came of ordering a build.", build=_FIELD)
BuildCancelPayload = payload("BuildCancelPayload", "What came of cancelling a build.", build=_FIELD)


@strawberry.type(description="A place to which the context of a build can be uploaded.")
class ContextFile:
    file_id: str = strawberry.field(description="What names it when a build is ordered.")
    url: str = strawberry.field(
        description="Where to PUT the file, once and within a day. Whoever knows this address can."
    )


ContextFileCreatePayload = payload(
    "ContextFileCreatePayload",
    "What came of asking for a place for a context.",
    file=(ContextFile, "The place; null if refused."),
)


@strawberry.type
class BuildQuery:
    @strawberry.field(
        description="A build for whatever repository, with its log; null if there is none such. Refused to"
        " others than superusers."
    )
    async def build(
        self, info: Info, uuid: Annotated[str, strawberry.argument(description="Its `uuid`.")]
    ) -> Build | None:
        found = await build.of_site(info.context.context, uuid)
        return to_build(*found, is_of_site=True) if found else None


@strawberry.type
class BuildMutation:
    @mutation(
        BuildRequestPayload,
        description="Order a build of an image, which is pushed to the repository. Requires `repo:write`.",
    )
    async def build_request(
        self,
        info: Info,
        repository: PathArgument,
        input: Annotated[BuildRequestInput, strawberry.argument(description="What to build.")],
    ) -> Any:
        given = {name: value for name, value in changes(input).items() if value is not None}
        if "arguments" in given:
            given["arguments"] = {each.name: each.value for each in given["arguments"]}
        record, place = await build.request(info.context.context, repository, BuildRequest(**given))
        return BuildRequestPayload(build=to_build(record, place))

    @mutation(
        BuildCancelPayload,
        description="Cancel a build that is not yet pushing its image; what runs of it ends within seconds."
        " Requires `repo:admin`.",
    )
    async def build_cancel(
        self,
        info: Info,
        repository: PathArgument,
        uuid: Annotated[str, strawberry.argument(description="The build's `uuid`.")],
    ) -> Any:
        record, place = await build.cancel(info.context.context, repository, uuid)
        return BuildCancelPayload(build=to_build(record, place))

    @mutation(
        ContextFileCreatePayload,
        description="Get a place to which the context of a build of the viewer's can be uploaded. Requires"
        " `user:read`.",
    )
    async def context_file_create(self, info: Info) -> Any:
        record = await context_file.create(info.context.context)
        url = f"{info.context.context.site.public_url}/userfiles/{record.uuid}"
        return ContextFileCreatePayload(file=ContextFile(file_id=record.uuid, url=url))
