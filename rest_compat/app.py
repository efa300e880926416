"""The REST API on the product's schema, as `create_app` mounts it at `/api/v1`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from starlette.requests import Request

from rest_compat.admission import RestViewer
from rest_compat.bind import Cursors
from rest_compat.chapters import CHAPTERS, fragments
from rest_compat.discovery import ScopeText
from rest_compat.engine import Engine, Mode, Represent, as_it_is
from schema import GraphContext, schema, scopes
from schema.connections import is_cursor, offset_cursor
from schema.errors import code_of
from schema.execute import run_constant
from schema.readonly import is_suspended


def create_api(
    context_for: Callable[[Request], Awaitable[GraphContext]],
    *,
    features: frozenset[str],
    base_url: str,
    basic_context_for: Callable[[Request], Awaitable[GraphContext]] | None = None,
    base_url_of: Callable[[Request], str] | None = None,
    has_csrf_token: Callable[[Request], bool] = lambda _: False,
    status_codes: Mode = "documented",
    cors_origins: Sequence[str] = (),
    represent: Represent = as_it_is,
    validates: bool = False,
) -> Engine[GraphContext]:
    """The engine with all chapters.

    `context_for` makes the context of one request with the limits of trusted documents (`max_first`); an
    invalid credential makes the viewer anonymous. `basic_context_for` accepts user name and password as well.
    `has_csrf_token` says whether a request has a valid CSRF token. `base_url` is the public address without a
    final slash, `base_url_of` that of one request. `represent` may change what answers to GET and HEAD
    are on the wire. `validates` has all documents validated, as tests do.
    """
    return Engine(
        CHAPTERS,
        schema._schema,
        run=run_constant,
        context_for=context_for,
        basic_context_for=basic_context_for,
        viewer_of=_viewer_of,
        code_of=code_of,
        has_csrf_token=has_csrf_token,
        cursors=Cursors(offset_cursor, is_cursor),
        features=features,
        base_url=base_url,
        base_url_of=base_url_of,
        status_codes=status_codes,
        scopes=_scope_texts(features),
        cors_origins=cors_origins,
        fragments=fragments(),
        represent=represent,
        is_suspended=is_suspended,
        documents_are_valid=not validates,
    )


def _viewer_of(context: GraphContext) -> RestViewer:
    return context.context.viewer


def _scope_texts(features: frozenset[str]) -> list[ScopeText]:
    """The scopes that a token can have, as discovery lists them."""
    return [
        ScopeText(row.scope.value, row.title, row.description, row.is_dangerous)
        for row in scopes.values()
        if row.is_grantable and (row.scope != "super:user" or "SUPER_USERS" in features)
    ]
