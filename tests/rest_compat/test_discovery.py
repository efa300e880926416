"""The Swagger document matches routes and documents."""

from __future__ import annotations

import httpx

from rest_compat.problems import ERROR_TYPES
from tests.rest_compat import toy


async def test_the_general_part(alice: httpx.AsyncClient) -> None:
    found = (await alice.get("/api/v1/discovery")).json()

    assert {key: found[key] for key in ("swagger", "host", "basePath", "schemes")} == {
        "swagger": "2.0",
        "host": "registry.example",
        "basePath": "/",
        "schemes": ["https"],
    }
    assert found["securityDefinitions"]["oauth2_implicit"] == {
        "type": "oauth2",
        "flow": "implicit",
        "authorizationUrl": "https://registry.example/oauth/authorize",
        "scopes": {
            "repo:read": "See repositories.",
            "super:user": "Rule all. You should have absolute trust in the requesting application before "
            "granting this permission.",
        },
    }
    assert found["info"]["version"] == "v1"
    assert list(found["definitions"]) == ["ApiError", "UserView", "ViewMirrorConfig", "ApiErrorDescription"]
    assert found["tags"][-2:] == [
        {"name": "tag", "description": "Tags of a toy."},
        {"name": "repository", "description": "Repositories of a toy."},
    ]


async def test_an_operation_with_query_values(alice: httpx.AsyncClient) -> None:
    found = (await alice.get("/api/v1/discovery")).json()["paths"]["/api/v1/repository/{repository}/tag/"]

    refused = {"schema": {"$ref": "#/definitions/ApiError"}}
    assert found == {
        "x-name": "tag.listTags",
        "x-path": "/api/v1/repository/{repository}/tag/",
        "x-tag": "tag",
        "parameters": [
            {
                "name": "repository",
                "in": "path",
                "required": True,
                "description": "The repository.",
                "type": "string",
            }
        ],
        "get": {
            "operationId": "listTags",
            "description": "All tags of a repository, dead ones too.",
            "tags": ["tag"],
            "parameters": [
                {"name": name, "in": "query", "required": False, "description": text, "type": kind}
                for name, text, kind in (
                    ("limit", "Page size, at most 2.", "integer"),
                    ("page", "Page number.", "integer"),
                    ("filter", "Filter by name.", "string"),
                    ("active", "Only living tags.", "boolean"),
                )
            ],
            "responses": {
                "400": {"description": "Bad Request"} | refused,
                "401": {"description": "Session required"} | refused,
                "403": {"description": "Unauthorized access"} | refused,
                "404": {"description": "Not found"} | refused,
                "200": {"description": "Successful invocation"},
            },
            "security": [{"oauth2_implicit": ["repo:read"]}],
        },
    }


async def test_an_operation_with_a_body(alice: httpx.AsyncClient) -> None:
    found = (await alice.get("/api/v1/discovery")).json()["paths"][
        "/api/v1/repository/{repository}/tag/{tag}"
    ]

    assert [method for method in found if method in ("get", "put", "post", "delete")] == [
        "put",
        "delete",
        "post",
    ]
    assert found["put"]["parameters"] == [
        {
            "name": "body",
            "in": "body",
            "required": True,
            "description": "The request body.",
            "schema": {
                "type": "object",
                "properties": {
                    "manifest_digest": {"type": "string"},
                    "expiration": {"type": "number"},
                    "role": {"type": "string"},
                    "count": {"type": "integer"},
                    "pin": {"type": "object"},
                },
            },
        }
    ]
    assert found["put"]["responses"]["201"] == {"description": "Successful creation"}
    assert found["delete"]["responses"]["204"] == {"description": "Deleted"}
    assert found["post"]["parameters"][0]["required"] is False


async def test_hidden_and_internal_operations(alice: httpx.AsyncClient) -> None:
    plain = (await alice.get("/api/v1/discovery")).json()["paths"]
    full = (await alice.get("/api/v1/discovery?internal=true")).json()["paths"]

    assert full.keys() - plain.keys() == {"/api/v1/internal"}
    assert "/api/v1/hidden" not in full
    assert "x-internal" not in plain["/api/v1/user/"]["get"]
    assert {key: value for key, value in full["/api/v1/internal"]["get"].items() if key[:2] == "x-"} == {
        "x-internal": True,
        "x-requires-fresh-login": False,
        "x-user-related": False,
    }


async def test_the_modes_publish_their_own_codes() -> None:
    async with toy.client(toy.engine(status_codes="observed")) as client:
        paths = (await client.get("/api/v1/discovery")).json()["paths"]

    assert "200" in paths["/api/v1/repository/{repository}/tag/{tag}"]["put"]["responses"]


async def test_every_kind_of_error_is_explained(nobody: httpx.AsyncClient) -> None:
    for kind, text in ERROR_TYPES.items():
        answer = await nobody.get(f"/api/v1/error/{kind}")

        assert answer.json() == {
            "type": f"{toy.BASE_URL}/api/v1/error/{kind}",
            "title": kind,
            "description": text,
        }


async def test_an_unknown_kind_of_error(nobody: httpx.AsyncClient) -> None:
    answer = await nobody.get("/api/v1/error/nosucherror")

    assert (answer.status_code, answer.json()["title"]) == (404, "not_found")
