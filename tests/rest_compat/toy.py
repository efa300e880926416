"""Two chapters on the schema of a small registry, and the engine over them."""

from __future__ import annotations

from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.routing import Mount

from rest_compat.bind import Cursors
from rest_compat.chapter import Chapter
from rest_compat.chapters import discovery, error
from rest_compat.discovery import ScopeText
from rest_compat.engine import Engine
from rest_compat.problems import detail, message
from rest_compat.route import Check, Route
from tests.rest_compat.toy_schema import Context, code_of, context_for, core, run

BASE_URL = "https://registry.example"

CURSORS = Cursors(offset=lambda count: f"skip:{count}", is_cursor=lambda text: text.startswith("skip:"))

DOCUMENTS = """
"All tags of a repository, dead ones too."
query ListTags(
  "The repository."
  $repository: RepositoryPath!,
  "Page size, at most 2."
  $limit: Int = 2 @clamp(min: 1, max: 2),
  "Page number."
  $page: Cursor @as(form: PAGE),
  "Filter by name."
  $filter: NameFilter @as(form: NAME_FILTER),
  "Only living tags."
  $active: Boolean = false
) {
  repository(path: $repository) @body {
    tags(first: $limit, after: $page, name: $filter, isActive: $active) @spread {
      tags: nodes { ...tag }
      page: __typename @echo(variable: "page")
      pageInfo @spread { has_additional: hasNextPage }
    }
  }
}

fragment tag on Tag {
  name
  start_ts: startedAt @as(form: EPOCH)
  last_modified: startedAt @as(form: RFC2822)
  end_ts: endedAt @as(form: EPOCH) @omitNull
  manifest @spread {
    manifest_digest: digest
    size: sizeBytes @as(form: IEC_BYTES)
    presence: children @keyBy(field: "digest", value: "present") { digest present: isPresent }
  }
}

query TokenTags($repository: RepositoryPath!, $next_page: Cursor @as(form: CURSOR) @lenient) {
  repository(path: $repository) @body {
    tags(first: 2, after: $next_page) @spread {
      names: nodes @unwrap { name }
      pageInfo @spread { next_page: nextCursor @omitNull }
    }
  }
}

query GetRepository($repository: RepositoryPath!, $includeTags: Boolean = true, $extra: String @ignored) {
  repository(path: $repository) @body {
    path
    kind: __typename @const(value: "image")
    notice: __typename @const(value: "tags") @include(if: $includeTags)
    description @default(value: "")
    state @as(form: KEBAB)
    tags(first: 500, isActive: true) @include(if: $includeTags) @unwrap {
      nodes @keyBy(field: "name") { name notes }
    }
    email: settings @ifAllowed @unwrap @default(value: "") { email }
    settings @ifAllowed @spread {
      quotas: quota @asList
    }
    members: grantees {
      ... on User { name kind: __typename @const(value: "user") }
      ... on Team { name: title kind: __typename @const(value: "team") ... @group(key: "facts") { size } }
    }
  }
}

query Viewer { viewer @body(key: "me") { name } }

query Pages(
  $active: Boolean = false,
  $named: String @ignored,
  $none: Boolean = false,
  $kind: String @ignored @only(values: ["image"])
) {
  repository(path: "acme/app") @skip(if: $none) @body {
    tags(first: 2, isActive: $active) @spread {
      pageInfo @spread { more: hasNextPage @omitFalse }
    }
  }
}

query Broken { broken }

mutation ChangeTag(
  $repository: RepositoryPath!,
  $tag: String!,
  $manifest_digest: String @nullable @also(name: "digest"),
  $expiration: DateTime @as(form: EPOCH) @nullable,
  $role: Role,
  $count: Int @range(min: 1, max: 100),
  $pin: PinInput
) {
  result: tagUpdate(
    repository: $repository, name: $tag,
    input: {digest: $manifest_digest, expiresAt: $expiration, role: $role, count: $count, pinnedTo: $pin}
  ) {
    seen @body(key: "seen")
    errors { ...errors }
  }
}

mutation DeleteTag($repository: RepositoryPath!, $tag: String!) {
  result: tagUpdate(repository: $repository, name: $tag, input: {}) { errors { ...errors } }
}
"""

CHAPTER = Chapter(
    "tag",
    "Tags of a toy.",
    (
        Route("listTags", "GET", "/repository/{repository}/tag/", "repo:read", check=Check.ACCESS),
        Route("tokenTags", "GET", "/repository/{repository}/tokens", "repo:read"),
        Route(
            "changeTag",
            "PUT",
            "/repository/{repository}/tag/{tag}",
            "repo:write",
            status=201,
            observed=200,
            check=Check.ACCESS,
            writable=True,
            location="/repository/{repository}/tag/{tag}",
            problems={
                "CONFLICT": detail(409),
                ("manifest_digest", "type"): message(),
                "manifest_digest": message(),
            },
        ),
        Route("deleteTag", "DELETE", "/repository/{repository}/tag/{tag}", "repo:write", status=204),
        Route(
            "touchTag",
            "POST",
            "/repository/{repository}/tag/{tag}",
            "repo:write",
            status=201,
            body="Updated",
            strict=True,
            scope_enforced=True,
            optional_body=True,
            document="ChangeTag",
        ),
    ),
    DOCUMENTS,
)

SITE = Chapter(
    "repository",
    "Repositories of a toy.",
    (
        Route("getRepository", "GET", "/repository/{repository}", "repo:read", null_answer={"gone": True}),
        Route("viewer", "GET", "/user/", "user:read"),
        Route("pages", "GET", "/pages", any_of=("active", "named", "none"), null_answer={"none": True}),
        Route("peek", "POST", "/peek", open=True, document="Broken", body="Peeked"),
        Route("broken", "GET", "/broken"),
        Route("hidden", "GET", "/hidden", flags=("HIDDEN",), document="Viewer"),
        Route("internal", "GET", "/internal", internal=True, document="Viewer"),
    ),
    "",
)

ERRORS = "fragment errors on UserError { code message field }"

SCOPES = (
    ScopeText("repo:read", "See", "See repositories."),
    ScopeText("super:user", "Rule", "Rule all.", True),
)


def engine(**changes: Any) -> Engine[Context]:
    """The engine over the toy."""
    given: dict[str, Any] = {
        "run": run,
        "context_for": context_for,
        "viewer_of": lambda context: context.viewer,
        "code_of": code_of,
        "has_csrf_token": lambda request: request.headers.get("x-csrf-token") == "good",
        "cursors": CURSORS,
        "features": frozenset({"ANONYMOUS_ACCESS"}),
        "base_url": BASE_URL,
        "scopes": SCOPES,
        "fragments": ERRORS,
    }
    return Engine((discovery.CHAPTER, error.CHAPTER, CHAPTER, SITE), core, **(given | changes))


def client(engine: Engine[Context], *, user: str = "alice") -> httpx.AsyncClient:
    """A client of the engine mounted as in the product."""
    app = Starlette(routes=[Mount("/api/v1", app=engine)])
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app),
        base_url=BASE_URL,
        headers={"authorization": f"Bearer {user}"} if user else {},
    )
