"""The cache of documents."""

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
