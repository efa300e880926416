"""The schema of a small registry with roles."""

from __future__ import annotations

import enum
from collections.abc import Awaitable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, NewType

import strawberry
from graphql import DocumentNode, ExecutionResult, GraphQLError, execute
from starlette.requests import Request

NOON = datetime(2024, 11, 5, 12, 0, 1, 500_000, tzinfo=UTC)

RepositoryPath = NewType("RepositoryPath", str)
Digest = NewType("Digest", str)
Cursor = NewType("Cursor", str)
BigInt = NewType("BigInt", int)
DateTime = NewType("DateTime", datetime)
JSON = NewType("JSON", object)


def read_path(text: str) -> str:
    if text != text.lower() or "/" not in text:
        raise ValueError(f"{text!r} is not a repository path")
    return text


def show_time(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


SCALARS: dict[Any, Any] = {
    RepositoryPath: strawberry.scalar(name="RepositoryPath", serialize=str, parse_value=read_path),
    Digest: strawberry.scalar(name="Digest", serialize=str, parse_value=str),
    Cursor: strawberry.scalar(name="Cursor", serialize=str, parse_value=str),
    BigInt: strawberry.scalar(name="BigInt", serialize=int, parse_value=int),
    DateTime: strawberry.scalar(name="DateTime", serialize=show_time, parse_value=datetime.fromisoformat),
    JSON: strawberry.scalar(name="JSON", serialize=lambda value: value, parse_value=lambda value: value),
}


class Denied(Exception):
    def __init__(self, code: str) -> None:
        super().__init__("Access denied.")
        self.code = code


@strawberry.enum
class Role(enum.Enum):
    READ = "read"
    WRITE = "write"
    ADMIN = "admin"


@strawberry.enum
class State(enum.Enum):
    NORMAL = "NORMAL"
    READ_ONLY = "READ_ONLY"


@strawberry.enum
class ErrorCode(enum.Enum):
    INVALID = "INVALID"
    NOT_FOUND = "NOT_FOUND"
    IMMUTABLE = "IMMUTABLE"
    NOT_WRITABLE = "NOT_WRITABLE"
    CONFLICT = "CONFLICT"
    UPSTREAM = "UPSTREAM"


@strawberry.type
class UserError:
    code: ErrorCode
    message: str
    field: str | None = None


@strawberry.type
class User:
    name: str


@strawberry.type
class Team:
    title: str
    size: int


Grantee = Annotated[User | Team, strawberry.union("Grantee")]


@strawberry.type
class Manifest:
    digest: Digest
    size_bytes: BigInt | None
    children: list[Child]


@strawberry.type
class Child:
    digest: Digest
    is_present: bool


@strawberry.type
class Tag:
    name: str
    started_at: DateTime
    ended_at: DateTime | None
    manifest: Manifest | None
    notes: JSON


@strawberry.type
class PageInfo:
    has_next_page: bool
    next_cursor: Cursor | None


@strawberry.type
class Tags:
    nodes: list[Tag]
    page_info: PageInfo


@strawberry.type
class Settings:
    email: str
    quota: BigInt | None


@strawberry.input
class NameFilter:
    equals: str | None = None
    contains: str | None = None


def tag(name: str, *, ended: bool = False, manifest: bool = True) -> Tag:
    return Tag(
        name=name,
        started_at=DateTime(NOON),
        ended_at=DateTime(NOON + timedelta(days=1)) if ended else None,
        manifest=Manifest(
            digest=Digest(f"sha256:{name}"),
            size_bytes=BigInt(3000),
            children=[Child(digest=Digest("sha256:c"), is_present=True)],
        )
        if manifest
        else None,
        notes=JSON({"kept": [name]}),
    )


TAGS = [tag("v1", ended=True), tag("v2"), tag("v3", manifest=False)]


@strawberry.type
class Repository:
    path: RepositoryPath
    description: str | None = None
    state: State = State.NORMAL
    owner: strawberry.Private[str] = "alice"

    @strawberry.field
    def viewer_role(self, info: strawberry.Info) -> Role | None:
        return info.context.roles.get(info.context.viewer.name)

    @strawberry.field
    def tags(
        self,
        first: int = 50,
        after: Cursor | None = None,
        name: NameFilter | None = None,
        is_active: bool = False,
    ) -> Tags:
        start = int(after.partition(":")[2]) if after else 0
        found = [
            one
            for one in TAGS
            if not (is_active and one.ended_at)
            and (name is None or name.equals in (None, one.name))
            and (name is None or (name.contains or "") in one.name)
        ]
        more = start + first < len(found)
        return Tags(
            nodes=found[start : start + first],
            page_info=PageInfo(
                has_next_page=more, next_cursor=Cursor(f"skip:{start + first}") if more else None
            ),
        )

    @strawberry.field
    def settings(self, info: strawberry.Info) -> Settings | None:
        if info.context.viewer.name != self.owner:
            raise Denied("FORBIDDEN")
        return Settings(email="alice@example.com", quota=None)

    @strawberry.field
    def grantees(self) -> list[Grantee]:
        return [User(name="bob"), Team(title="dev", size=3)]


@strawberry.input
class TagUpdateInput:
    digest: strawberry.Maybe[str | None]
    expires_at: strawberry.Maybe[DateTime | None]
    role: Role | None = None
    count: int | None = None
    pinned_to: PinInput | None = None


@strawberry.input
class PinInput:
    release_name: str
    is_open: bool = False


@strawberry.type
class TagUpdatePayload:
    tag: Tag | None
    seen: JSON | None
    errors: list[UserError]


@strawberry.type
class Query:
    @strawberry.field
    def viewer(self, info: strawberry.Info) -> User:
        if info.context.viewer.is_anonymous:
            raise Denied("UNAUTHENTICATED")
        return User(name=info.context.viewer.name)

    @strawberry.field
    def repository(self, info: strawberry.Info, path: RepositoryPath) -> Repository | None:
        viewer = info.context.viewer
        if viewer.is_anonymous:
            raise Denied("UNAUTHENTICATED")
        if viewer.name not in info.context.roles:
            raise Denied("FORBIDDEN")
        return info.context.repositories.get(path)

    @strawberry.field
    def broken(self) -> str:
        raise RuntimeError("the disk is on fire")


@strawberry.type
class Mutation:
    @strawberry.mutation
    def tag_update(
        self,
        repository: RepositoryPath,
        name: str,
        input: TagUpdateInput,
    ) -> TagUpdatePayload:
        seen = {
            key: value.value if isinstance(value, strawberry.Some) else value
            for key, value in vars(input).items()
            if value is not None
        }
        if "expires_at" in seen and seen["expires_at"] is not None:
            seen["expires_at"] = show_time(seen["expires_at"])
        if input.role is not None:
            seen["role"] = input.role.value
        if input.pinned_to is not None:
            seen["pinned_to"] = vars(input.pinned_to)
        failures = {
            "locked": UserError(code=ErrorCode.IMMUTABLE, message="The tag is locked.", field="name"),
            "absent": UserError(code=ErrorCode.NOT_FOUND, message="No such tag.", field="name"),
            "taken": UserError(code=ErrorCode.CONFLICT, message="Somebody was faster."),
            "odd": UserError(code=ErrorCode.INVALID, message="Odd digest.", field="input.digest"),
            "far": UserError(code=ErrorCode.UPSTREAM, message="Nobody answers.", field="input.role"),
        }
        if name in failures:
            return TagUpdatePayload(tag=None, seen=None, errors=[failures[name]])
        return TagUpdatePayload(tag=tag(name), seen=JSON(seen), errors=[])


schema = strawberry.Schema(
    query=Query, mutation=Mutation, config=strawberry.schema.config.StrawberryConfig(scalar_map=SCALARS)
)
core = schema._schema  # The graphql-core schema; Strawberry has no public name for it.


@dataclass(frozen=True)
class Viewer:
    name: str = ""
    scopes: frozenset[str] = frozenset()
    by_cookie: bool = False

    @property
    def is_anonymous(self) -> bool:
        return not self.name

    @property
    def is_session(self) -> bool:
        return self.by_cookie


@dataclass(frozen=True)
class Context:
    viewer: Viewer
    repositories: dict[str, Repository] = field(
        default_factory=lambda: {
            "acme/app": Repository(path=RepositoryPath("acme/app"), description="An app"),
            "acme/team/app": Repository(path=RepositoryPath("acme/team/app")),
            "acme/frozen": Repository(path=RepositoryPath("acme/frozen"), state=State.READ_ONLY),
        }
    )
    roles: dict[str, Role] = field(default_factory=lambda: {"alice": Role.ADMIN, "bob": Role.READ})


async def context_for(request: Request) -> Context:
    """The token is the user's name, and the scopes after a blank; a cookie may name the user instead."""
    if (user := request.cookies.get("user")) is not None:
        return Context(Viewer(user, frozenset({"direct_user_login"}), by_cookie=True))
    name, _, scopes = request.headers.get("authorization", "").removeprefix("Bearer ").partition(" ")
    return Context(Viewer(name, frozenset(scopes.split() or ["direct_user_login"])))


async def run(
    document: DocumentNode, variables: dict[str, Any], context: Context, operation_name: str | None
) -> ExecutionResult:
    result = execute(
        core, document, context_value=context, variable_values=variables, operation_name=operation_name
    )
    return await result if isinstance(result, Awaitable) else result


def code_of(error: GraphQLError) -> str:
    if isinstance(error.original_error, Denied):
        return error.original_error.code
    return "BAD_REQUEST" if error.path is None else "INTERNAL"
