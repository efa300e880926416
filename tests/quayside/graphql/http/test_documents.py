"""The cache of documents."""

import httpx
import pytest

from quayside.graphql.documents import DocumentCache
from quayside.graphql.requests import RequestRefused
from schema.limits import Limits
from tests.quayside.graphql.http.endpoint import SCHEMA


def test_a_document_is_parsed_and_validated_once() -> None:
    cache = DocumentCache(SCHEMA, limits=Limits())
    assert cache.get("{ echo }") is cache.get("{ echo }")


def test_the_cache_drops_the_least_recently_used_documents() -> None:
    # given a cache for two documents of 10 characters
    cache = DocumentCache(SCHEMA, limits=Limits(), characters=20)
    first, second, third = "{ a: echo}", "{ b: echo}", "{ c: echo}"
    kept = cache.get(first)
    cache.get(second)
    assert cache.get(first) is kept
    # when a third comes
    cache.get(third)
    # then the second is gone
    assert list(cache.documents) == [first, third]


def test_a_document_larger_than_the_cache_is_answered_and_not_kept() -> None:
    cache = DocumentCache(SCHEMA, limits=Limits(), characters=5)
    assert cache.get("{ echo }").kind == "document"
    assert list(cache.documents) == []
    assert cache.free_characters == 5


def test_invalid_documents_are_not_kept() -> None:
    cache = DocumentCache(SCHEMA, limits=Limits())
    for text, status in (("{", 400), ("{ nme }", 422)):
        with pytest.raises(RequestRefused) as caught:
            cache.get(text)
        assert caught.value.status == status
    assert list(cache.documents) == []


async def test_a_field_may_be_repeated(client: httpx.AsyncClient) -> None:
    answer = await client.post("/graphql", json={"query": "{ " + "items(first: 3) { name } " * 250 + "}"})

    assert answer.status_code == 200
    assert answer.json()["data"] == {"items": [{"name": "0"}, {"name": "1"}, {"name": "2"}]}


async def test_fields_that_conflict_are_refused(client: httpx.AsyncClient) -> None:
    answer = await client.post("/graphql", json={"query": '{ echo echo(text: "a") }'})

    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert error["message"] == (
        "Fields 'echo' conflict because they have differing arguments. Use different aliases on the fields"
        " to fetch both if this was intentional."
    )
    assert error["locations"] == [{"line": 1, "column": 3}, {"line": 1, "column": 8}]
    assert error["extensions"] == {"code": "BAD_REQUEST"}
