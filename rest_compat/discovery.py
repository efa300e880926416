"""The Swagger 2.0 description of the old API, generated from rows, compiled parameters and descriptions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rest_compat.bind import place_of
from rest_compat.chapter import Chapter
from rest_compat.compile import Plan
from rest_compat.params import Param
from rest_compat.problems import ERROR_TYPES
from rest_compat.route import Route

PREFIX = "/api/v1"


@dataclass(frozen=True)
class ScopeText:
    """A scope with its texts for people."""

    name: str
    title: str
    description: str
    is_dangerous: bool = False


@dataclass(frozen=True)
class ApiInfo:
    """What the API knows about itself, for routes that it answers without the schema (`native`).

    `base_url` is the public address, `mode` is documented or observed, `features` are the enabled flags.
    """

    chapters: tuple[Chapter, ...]
    plans: Mapping[str, Plan]
    scopes: tuple[ScopeText, ...]
    base_url: str
    features: frozenset[str]
    mode: str


_WARNING = "You should have absolute trust in the requesting application before granting this permission."

_REFUSALS = {
    "400": "Bad Request",
    "401": "Session required",
    "403": "Unauthorized access",
    "404": "Not found",
}


def discovery(info: ApiInfo, *, internal: bool = False) -> dict[str, Any]:
    """The Swagger document. Routes whose feature is off are left out.

    `internal` adds internal operations, and to each operation whether it is internal, needs a recent sign-in,
    or is about the caller.
    """
    scheme, _, host = info.base_url.partition("://")
    paths: dict[str, Any] = {}
    for chapter in info.chapters:
        for route in chapter.routes:
            if info.features.issuperset(route.flags) and (internal or not route.internal):
                full = route.path if route.external else PREFIX + route.path
                plan = info.plans.get(route.document_name)
                entry = paths.setdefault(full, _path(full, chapter, route, plan))
                entry[route.method.lower()] = _operation(
                    chapter, route, plan, mode=info.mode, internal=internal
                )
    return {
        "swagger": "2.0",
        "host": host,
        "basePath": "/",
        "schemes": [scheme],
        "info": {
            "version": "v1",
            "title": "Quayside REST API",
            "description": "The REST view of the registry. Every operation here is also one of its "
            "GraphQL API, which offers more.",
            "termsOfService": "",
            "contact": {"email": ""},
        },
        "securityDefinitions": {
            "oauth2_implicit": {
                "type": "oauth2",
                "flow": "implicit",
                "authorizationUrl": f"{info.base_url}/oauth/authorize",
                "scopes": {
                    scope.name: f"{scope.description} {_WARNING}" if scope.is_dangerous else scope.description
                    for scope in info.scopes
                },
            }
        },
        "paths": paths,
        "definitions": DEFINITIONS,
        "tags": [{"name": chapter.name, "description": chapter.description} for chapter in info.chapters],
    }


def _path(full: str, chapter: Chapter, route: Route, plan: Plan | None) -> dict[str, Any]:
    return {
        "x-name": f"{chapter.name}.{route.operation}",
        "x-path": full,
        "x-tag": chapter.name,
        "parameters": [_parameter("path", _named(plan, name), required=True) for name in route.path_names],
    }


def _named(plan: Plan | None, name: str) -> Param | str:
    return next((param for param in plan.params if param.name == name), name) if plan else name


def _parameter(place: str, param: Param | str, *, required: bool) -> dict[str, Any]:
    if isinstance(param, str):
        return {"name": param, "in": place, "required": required, "description": "", "type": "string"}
    kind = "string" if place == "path" or param.kinds[0] == "any" else param.kinds[0]
    return {
        "name": param.name,
        "in": place,
        "required": required,
        "description": param.description,
        "type": kind,
    }


def _operation(
    chapter: Chapter, route: Route, plan: Plan | None, *, mode: str, internal: bool
) -> dict[str, Any]:
    params = plan.params if plan else ()
    status = route.status_for(mode)
    success = {201: "Successful creation", 204: "Deleted"}.get(status, "Successful invocation")
    operation: dict[str, Any] = {
        "operationId": route.operation,
        "description": plan.description if plan else "",
        "tags": [chapter.name],
        "parameters": [
            _parameter("query", param, required=param.required)
            for param in params
            if place_of(route, param) == "query"
        ],
        "responses": {
            **{
                code: {"description": text, "schema": {"$ref": "#/definitions/ApiError"}}
                for code, text in _REFUSALS.items()
            },
            str(status): {"description": success},
        },
    }
    if body := [param for param in params if place_of(route, param) == "body"]:
        operation["parameters"].append(
            {
                "name": "body",
                "in": "body",
                "required": not route.optional_body,
                "description": "The request body.",
                "schema": _body_schema(body),
            }
        )
    if route.scope is not None:
        operation["security"] = [{"oauth2_implicit": [route.scope]}]
    if internal:
        operation |= {
            "x-internal": route.internal,
            "x-requires-fresh-login": route.fresh_login,
            "x-user-related": chapter.name == "user",
        }
    return operation


def _body_schema(params: Sequence[Param]) -> dict[str, Any]:
    if params[0].place == "WHOLE_BODY":
        return _property(params[0])
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {param.name: _property(param) for param in params},
    }
    if required := [param.name for param in params if param.required]:
        schema["required"] = required
    return schema


def _property(param: Param) -> dict[str, Any]:
    described = {"description": param.description} if param.description else {}
    # Swagger 2.0 allows one type per property; no type means any.
    kinds = param.kinds
    typed: dict[str, Any] = {"type": kinds[0]} if len(kinds) == 1 and kinds[0] != "any" else {}
    if typed.get("type") == "array":
        typed["items"] = {}
    return typed | described


def _object(required: Sequence[str] = (), /, **properties: tuple[str, str]) -> dict[str, Any]:
    shape: dict[str, Any] = {
        "type": "object",
        "properties": {
            name: ({"type": kind, "items": {"type": "object"}} if kind == "array" else {"type": kind})
            | {"description": text}
            for name, (kind, text) in properties.items()
        },
    }
    return shape | ({"required": list(required)} if required else {})


DEFINITIONS: Mapping[str, Any] = {
    "ApiError": _object(
        ("status", "type", "title"),
        status=("integer", "The HTTP status."),
        type=("string", "Address of a description of this kind of error."),
        detail=("string", "What went wrong this time."),
        title=("string", "The kind of error, a stable name."),
        error_message=("string", "The same as detail, for older clients."),
        error_type=("string", "The same as title, for older clients."),
    ),
    "UserView": _object(
        ("anonymous", "avatar"),
        verified=("boolean", "Whether the e-mail address was confirmed."),
        anonymous=("boolean", "Whether nobody is signed in."),
        email=("string", "The e-mail address."),
        avatar=("object", "Letter, colour and hash from which a picture can be drawn."),
        organizations=("array", "The organizations of which the user is a member."),
        logins=("array", "The external identities with which the user can sign in."),
        can_create_repo=("boolean", "Whether the user may create repositories."),
        preferred_namespace=("boolean", "Whether the user's own namespace is shown first."),
    ),
    "ViewMirrorConfig": _object(
        (),
        is_enabled=("boolean", "Whether the repository is synchronised."),
        external_reference=("string", "The repository that is copied."),
        external_registry_username=("string", "The name used at the other registry."),
        external_registry_password=("string", "The password used at the other registry."),
        sync_start_date=("string", "When the next synchronisation may start."),
        sync_interval=("integer", "Seconds between two synchronisations."),
        robot_username=("string", "The robot that pushes what was copied."),
        root_rule=("object", "Patterns of the tags that are copied."),
        external_registry_config=("object", "How the other registry is reached."),
    ),
    "ApiErrorDescription": _object(
        ("type", "description", "title"),
        type=("string", "Address of this description."),
        title=("string", f"The kind of error, one of {', '.join(ERROR_TYPES)}."),
        description=("string", "What the error means and what may help."),
    ),
}
"""The four definitions of the reference."""
