"""Builds: ordered, listed and cancelled. What they print is in `log.py`, who runs them in `jobs.py`."""

import hashlib
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import PurePosixPath
from typing import Any, Final

import orjson

from resolvers import events
from resolvers.access.needs import ADMINISTER_ROBOTS
from resolvers.access.permissions import repository_role, require_repository
from resolvers.access.roles import RepositoryRole, TeamRole
from resolvers.access.viewer import AccountKind
from resolvers.accounts import robot as robots
from resolvers.accounts.account import by_name
from resolvers.accounts.robot import owner_role
from resolvers.builds import context_file
from resolvers.builds.phases import LAST, Phase
from resolvers.builds.triggers.services import TriggerService
from resolvers.columns import Columns
from resolvers.context import Context
from resolvers.errors import Conflict, Invalid, NotFound, QuaysideError, TooMany
from resolvers.names import TAG
from resolvers.pages import Page, Query, Slice, Term, paginate
from resolvers.repositories import repository
from resolvers.repositories.repository import RepositoryRecord
from resolvers.repositories.writing import lock_writable, require_no_cache, require_writable
from storage import jobs
from storage.clock import now_ms
from storage.conditions import exists
from storage.secrets import Secrets
from storage.statements import decode_json, execute, fetch, fetch_one, placeholders
from storage.transactions import transaction

JOB: Final = "build.run"
SBOM_JOB: Final = "build.sbom"
MAXIMUM_TAGS: Final = 100
MAXIMUM_ARGUMENTS_BYTES: Final = 64 * 1024
MAXIMUM_PATH: Final = 512


@dataclass(frozen=True, slots=True)
class BuildRecord:
    """A build. Its arguments stay encrypted, except to whoever runs it."""

    id: int
    uuid: str
    repository_id: int
    account_id: int | None
    robot_id: int | None
    has_robot: bool
    job_id: int | None
    phase: Phase
    created_at_ms: int
    started_at_ms: int | None
    ended_at_ms: int | None
    display_name: str
    archive_url: str | None
    context_file_id: int | None
    dockerfile_path: str
    context_path: str
    tags: tuple[str, ...]
    arguments_encrypted: str | None = field(repr=False)
    waits_because: str | None
    error: str | None
    counts: dict[str, Any]
    digest: str | None
    provenance_digest: str | None
    sbom_digest: str | None
    trigger_id: int | None
    trigger_uuid: str | None
    trigger_service: TriggerService | None
    trigger_metadata: dict[str, Any] | None
    git_url: str | None
    git_commit: str | None
    git_ref: str | None
    is_manual: bool

    def arguments(self, secrets: Secrets) -> dict[str, str]:
        """The build arguments, which may hold secrets. Raises `SecretUnreadable`."""
        text = self.arguments_encrypted
        return dict(orjson.loads(secrets.decrypt(text))) if text else {}


COLUMNS: Final = Columns(
    BuildRecord,
    "b",
    convert={"tags": lambda value: tuple(decode_json(value))},
    trigger_uuid="t.uuid",
    trigger_service="t.service",
)
SOURCE: Final = "build b LEFT JOIN build_trigger t ON t.id = b.trigger_id"
ALIVE: Final = exists("t")
"""The builds that there are: those of a deleted trigger are gone, even before a job has removed them."""
_ORDER: Final = (
    Term("b.created_at_ms", "created_at_ms", descending=True),
    Term("b.id", "id", descending=True),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildRequest:
    """What to build. The context is `archive_url` or the uploaded file `file_id`.

    Names are those of the schema, which errors repeat. Paths may begin with `/`, the top of the context.
    """

    archive_url: str | None = None
    file_id: str | None = None
    dockerfile_path: str | None = None
    subdirectory: str | None = None
    context_path: str | None = None
    pull_robot: str | None = None
    tags: Sequence[str] | None = None
    arguments: Mapping[str, str] = field(default_factory=dict)


async def request(context: Context, path: str, wanted: BuildRequest) -> tuple[BuildRecord, RepositoryRecord]:
    """Order a build of an image for a repository, which is returned too. Requires the role write.

    Raises `NotFound`, `NotWritable`, `Invalid`, `Forbidden` for a robot of somebody else's, and `TooMany`
    where the namespace has enough builds that wait.
    """
    context.viewer.require_account()
    place = await repository.require(context, path, RepositoryRole.WRITE)
    require_writable(context, place)
    require_no_cache(context, place)
    robot_id = await pull_robot(context, wanted.pull_robot)
    tags = _checked_tags(wanted.tags)
    dockerfile, directory = paths_of(wanted)
    arguments = _checked_arguments(wanted.arguments)
    url = wanted.archive_url
    if url is None and wanted.file_id is None:
        raise Invalid("file_id or archive_url required", field="archiveUrl")
    if url is not None:
        await _check_address(context, url)
    async with transaction("build.request"):
        await lock_for_order(context, place)
        file = None if url is not None else await context_file.take(context, str(wanted.file_id))
        name = file.digest if file else hashlib.sha224(str(url).encode()).hexdigest()
        order = Order(
            account_id=context.account_id,
            robot_id=robot_id,
            has_robot=robot_id is not None,
            display_name=str(name).rpartition(":")[2][:7],
            dockerfile_path=dockerfile,
            context_path=directory,
            tags=tags,
            archive_url=url,
            context_file_id=file.id if file else None,
            arguments_encrypted=(
                context.secrets.encrypt(orjson.dumps(arguments).decode()) if arguments else None
            ),
        )
        return await place_order(context, place, order), place


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is to be built, checked, as the row of a build has it. `is_manual`: the account itself asked.

    `has_robot`: a robot fetches base images, and nobody in its place once it is gone.
    """

    account_id: int | None
    robot_id: int | None
    display_name: str
    dockerfile_path: str
    context_path: str
    tags: Sequence[str]
    archive_url: str | None = None
    context_file_id: int | None = None
    arguments_encrypted: str | None = field(default=None, repr=False)
    is_manual: bool = True
    trigger_id: int | None = None
    trigger_metadata: Mapping[str, Any] | None = None
    git_url: str | None = None
    git_commit: str | None = None
    git_ref: str | None = None
    has_robot: bool = False


async def lock_for_order(context: Context, place: RepositoryRecord) -> None:
    """Lock a repository in the open transaction, and check that builds may be ordered for it.

    Raises `NotFound`, `NotWritable`, and `TooMany` where the namespace has enough builds that wait.
    """
    await lock_writable(context, place)
    await _require_room(context, place)


async def place_order(context: Context, place: RepositoryRecord, order: Order) -> BuildRecord:
    """Order a build in the open transaction, in which `lock_for_order` let it."""
    metadata = order.trigger_metadata
    values = asdict(order) | {
        "uuid": str(uuid.uuid4()),
        "repository_id": place.id,
        "phase": Phase.WAITING.value,
        "created_at_ms": now_ms(),
        "tags": orjson.dumps(list(order.tags)).decode(),
        "counts": "{}",
        "trigger_metadata": None if metadata is None else orjson.dumps(metadata).decode(),
    }
    (row,) = await fetch(
        f"INSERT INTO build ({', '.join(values)}) VALUES ({placeholders([*values])}) RETURNING id",
        *values.values(),
    )
    job_id = await jobs.enqueue(
        JOB, {"build_id": row["id"]}, namespace_id=place.namespace_id, is_awaited=True
    )
    await execute("UPDATE build SET job_id = ? WHERE id = ?", job_id, row["id"])
    found = await by_id(row["id"])
    assert found is not None
    await _tell_queued(context, place, found)
    return found


async def _tell_queued(context: Context, place: RepositoryRecord, build: BuildRecord) -> None:
    account = context.viewer.account if build.is_manual else None
    about = {"build_id": build.uuid, "docker_tags": list(build.tags), "is_manual": build.is_manual}
    about |= _about_trigger(build)
    where = {"namespace_id": place.namespace_id, "repository_id": place.id}
    named = {
        "repo": place.name,
        "namespace": place.namespace_name,
        "manual_user": account.name if account else None,
    }
    await events.record(context, "build_dockerfile", about | named, **where)
    await events.record(context, "build_queued", about, **where)


async def pull_robot(context: Context, name: str | None) -> int | None:
    """The account of a robot that fetches base images, for whoever administers it.

    Raises `NotFound`, and `Forbidden` for a robot of somebody else's.
    """
    if name is None:
        return None
    owner_name, plus, short = name.partition("+")
    owner = await by_name(owner_name, AccountKind.USER, AccountKind.ORGANIZATION) if plus else None
    if owner is None:
        raise NotFound("Not Found", field="pullRobot")
    if await owner_role(context.viewer, owner.id) is not TeamRole.ADMIN:
        raise context.viewer.refusal(ADMINISTER_ROBOTS)
    return (await robots.require_robot(context, owner, short)).account.id


def _checked_tags(tags: Sequence[str] | None) -> list[str]:
    chosen = ["latest"] if tags is None else list(tags)
    if not chosen or len(chosen) > MAXIMUM_TAGS:
        raise Invalid(f"Name between one and {MAXIMUM_TAGS} tags.", field="tags")
    if len(set(chosen)) < len(chosen):
        raise Invalid("Each tag may be named once.", field="tags")
    for tag in chosen:
        if not TAG.fullmatch(tag):
            raise Invalid(f"Invalid tag name: {tag[:128]!r}", field="tags")
    return chosen


def paths_of(wanted: BuildRequest) -> tuple[str, str]:
    """The paths of the Dockerfile and of the context, each beginning with `/`. Raises `Invalid`."""
    if wanted.dockerfile_path is not None:
        dockerfile = _path(wanted.dockerfile_path, "dockerfilePath")
        default = PurePosixPath(dockerfile).parent
    else:
        default = PurePosixPath(_path(wanted.subdirectory or "/", "subdirectory"))
        dockerfile = str(default / "Dockerfile")
    given = wanted.context_path
    return dockerfile, str(default) if given is None else _path(given, "contextPath")


def _path(text: str, name: str) -> str:
    """A path of the context, in the form in which it is kept."""
    path = PurePosixPath("/", text.lstrip("/"))
    if ".." in path.parts or "\0" in text or len(text) > MAXIMUM_PATH - 16:
        raise Invalid("A path of the context has no `..` and at most 496 characters.", field=name)
    return str(path)


def _checked_arguments(arguments: Mapping[str, str]) -> dict[str, str]:
    for name, value in arguments.items():
        if not name.isidentifier() or name in _OWN_VARIABLES or "\0" in value:
            raise Invalid(f"{name[:100]!r} is no name of a build argument.", field="arguments")
    if sum(len(name) + len(value) for name, value in arguments.items()) > MAXIMUM_ARGUMENTS_BYTES:
        raise Invalid(
            f"The build arguments have more than {MAXIMUM_ARGUMENTS_BYTES} characters.", field="arguments"
        )
    return dict(arguments)


_OWN_VARIABLES: Final = frozenset({"PATH", "HOME", "TMPDIR", "XDG_RUNTIME_DIR"})
"""What the builder itself tells its programs; the names of arguments are told in the same way."""


async def _check_address(context: Context, url: str) -> None:
    """Raise `Invalid` for an address that is none of HTTP, or may not be asked."""
    scheme, separator, _ = url.partition("://")
    if not separator or len(url) > 2048:
        raise Invalid("Invalid Archive URL: Must be a valid URI", field="archiveUrl")
    if scheme.lower() not in {"http", "https"}:
        raise Invalid("Invalid Archive URL: Must be http or https", field="archiveUrl")
    try:
        await context.site.outbound.check(url)
    except QuaysideError as error:
        raise Invalid(f"Invalid Archive URL: {error.message}", field="archiveUrl") from error


async def _require_room(context: Context, place: RepositoryRecord) -> None:
    """Raise `TooMany` if the namespace has as many builds that wait as it may have."""
    most = context.site.builds_queued
    if most:
        row = await fetch_one(
            "SELECT COUNT(*) AS n FROM job WHERE kind = ? AND namespace_id = ? AND state = 'waiting'",
            *(JOB, place.namespace_id),
        )
        if row is not None and row["n"] >= most:
            raise TooMany("Maximum queued build rate exceeded.", retry_after_s=60)


async def by_id(build_id: int) -> BuildRecord | None:
    """A build by its row id."""
    row = await fetch_one(f"SELECT {COLUMNS} FROM {SOURCE} WHERE b.id = ? AND {ALIVE}", build_id)
    return COLUMNS.record(row) if row else None


async def find(identity: str) -> BuildRecord | None:
    """A build by its uuid, without authorization: the caller decides on access."""
    row = await fetch_one(f"SELECT {COLUMNS} FROM {SOURCE} WHERE b.uuid = ? AND {ALIVE}", identity)
    return COLUMNS.record(row) if row else None


async def of_repository(place: RepositoryRecord, identity: str) -> BuildRecord | None:
    """A build of a repository that the viewer may read."""
    found = await find(identity)
    return found if found is not None and found.repository_id == place.id else None


async def of_site(context: Context, identity: str) -> tuple[BuildRecord, RepositoryRecord] | None:
    """A build of the registry with its repository, for superusers. Raises `Unauthenticated`, `Forbidden`."""
    context.viewer.require_site_view()
    found = await find(identity)
    place = (await repository.by_ids([found.repository_id])).get(found.repository_id) if found else None
    return (found, place) if found and place else None


async def builds(
    context: Context,
    place: RepositoryRecord,
    page: Page,
    *,
    since_ms: int | None = None,
    trigger_id: int | None = None,
) -> Slice[BuildRecord]:
    """The builds of a repository that the viewer may read, newest first; with `trigger_id` those of one."""
    # A trigger is of one repository; with both conditions a database may walk through all builds of that.
    column, owner_id = ("repository_id", place.id) if trigger_id is None else ("trigger_id", trigger_id)
    conditions, values = [f"b.{column} = ?", ALIVE], [owner_id]
    if since_ms is not None:
        conditions.append("b.created_at_ms >= ?")
        values.append(since_ms)
    query = Query(str(COLUMNS), SOURCE, _ORDER, tuple(conditions), tuple(values))
    return (await paginate(query, page, maximum=context.max_first)).of(COLUMNS.record)


def _log_role(context: Context) -> RepositoryRole:
    """What it takes to read the logs of builds: to write, with READER_BUILD_LOGS to read."""
    return RepositoryRole.READ if context.site.has("READER_BUILD_LOGS") else RepositoryRole.WRITE


async def require_log(context: Context, place: RepositoryRecord) -> None:
    """Raise unless the viewer may read the logs of builds for a repository."""
    await require_repository(context.looking, place.ref, _log_role(context))


async def may_read_log(context: Context, place: RepositoryRecord) -> bool:
    """Whether `require_log` lets the viewer pass."""
    role = await repository_role(context.viewer.looking, place.ref)
    return role is not None and role >= _log_role(context)


async def cancel(context: Context, path: str, identity: str) -> tuple[BuildRecord, RepositoryRecord]:
    """Cancel a build that has not come to pushing its image. Requires the role admin.

    What runs of it ends within seconds. Raises `NotFound`, `NotWritable`, and `Conflict` if it is too late.
    """
    place = await repository.require(context, path, RepositoryRole.ADMIN)
    require_writable(context, place)
    found = await of_repository(place, identity)
    if found is None:
        raise NotFound(field="build")
    last = [phase.value for phase in LAST]
    async with transaction("build.cancel"):
        changed = await execute(
            "UPDATE build SET phase = ?, ended_at_ms = ?, waits_because = NULL WHERE id = ?"
            f" AND phase NOT IN ({placeholders(last)})",
            *(Phase.CANCELLED.value, now_ms(), found.id, *last),
        )
        if not changed:
            raise Conflict("Build is currently running or has finished", field="build")
        if found.job_id is not None:
            await jobs.cancel(found.job_id)
        await record_end(context, place, found, Phase.CANCELLED)
        where = {"namespace_id": place.namespace_id, "repository_id": place.id}
        about = {"build_uuid": found.uuid, "repo": place.name, "namespace": place.namespace_name}
        await events.record(context, "cancel_build", about, **where)
    ended = await by_id(found.id)
    assert ended is not None
    return ended, place


_TOLD: Final = {
    Phase.COMPLETE: "build_success",
    Phase.CANCELLED: "build_cancelled",
    Phase.ERROR: "build_failure",
    Phase.INTERNALERROR: "build_failure",
}


async def record_end(
    context: Context,
    place: RepositoryRecord,
    build: BuildRecord,
    phase: Phase,
    *,
    digest: str | None = None,
    error: str | None = None,
) -> None:
    """Record the event of the end of a build, in the open transaction."""
    metadata = about(build)
    if digest is not None:
        metadata["manifest_digests"] = [digest]
    if error is not None:
        metadata["error_message"] = error
    await events.record(
        context, _TOLD[phase], metadata, namespace_id=place.namespace_id, repository_id=place.id
    )


def about(build: BuildRecord) -> dict[str, Any]:
    """What events say of a build."""
    named = {"build_id": build.uuid, "build_name": build.display_name, "docker_tags": list(build.tags)}
    return named | _about_trigger(build)


def _about_trigger(build: BuildRecord) -> dict[str, Any]:
    if build.trigger_service is None:
        return {}
    return {
        "trigger_id": build.trigger_uuid,
        "trigger_kind": build.trigger_service.value,
        "trigger_metadata": build.trigger_metadata or {},
    }
