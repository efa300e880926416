"""HTML pages with forms, without scripts, under a strict content security policy.

Texts are escaped. Posted forms are short, without files.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response

from quayside.http.bodies import read_at_most
from quayside.web import all_assets
from quayside.web.rendering import render
from resolvers.errors import BadRequest, QuaysideError, TooMany

FORM = "application/x-www-form-urlencoded"
MAX_BYTES = 64 * 1024
MAX_FIELDS = 100


@dataclass(frozen=True, slots=True)
class Link:
    """A link at the end of a page."""

    href: str
    text: str


def page(
    request: Request,
    title: str,
    template: str,
    values: Mapping[str, object],
    *,
    status: int = 200,
    form_action: str = "'self'",
    headers: Mapping[str, str] | None = None,
) -> Response:
    """A page of a template. `form_action` lists the allowed targets of forms and their redirects."""
    policy = (
        "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; frame-ancestors 'none';"
        f" form-action {form_action}"
    )
    root = request.scope.get("root_path", "")
    stylesheet = f"{root}/graphql/assets/{all_assets()['forms.css'].public_name}"
    return Response(
        render(template, {"title": title, "stylesheet": stylesheet, **values}),
        status_code=status,
        media_type="text/html",
        headers={
            "Cache-Control": "no-store",
            "Content-Security-Policy": policy,
            # The addresses of these pages contain codes, which other sites must not see.
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
            **(headers or {}),
        },
    )


def message(
    request: Request,
    title: str,
    text: str,
    *,
    is_error: bool = False,
    link: Link | None = None,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """A page with a status or an error, and perhaps a link."""
    values = {"text": text, "is_error": is_error, "next": link}
    return page(request, title, "message.html", values, status=status, headers=headers)


def refusal(request: Request, title: str, error: QuaysideError, *, link: Link | None = None) -> Response:
    """A page with an error: 429 with Retry-After for one that waiting mends."""
    headers = error.retry_headers if isinstance(error, TooMany) else {}
    status = 429 if headers else 400
    return message(request, title, error.message, is_error=True, link=link, status=status, headers=headers)


async def read_form(request: Request) -> dict[str, str]:
    """The fields of a posted form, the first of each name. Raises `BadRequest` for any other body."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != FORM:
        raise BadRequest(f"Content-Type: must be {FORM}.")
    body = await read_at_most(request, MAX_BYTES)
    if body is None:
        raise BadRequest(f"The form must have at most {MAX_BYTES} bytes.")
    try:
        items = parse_qsl(body.decode("utf-8"), keep_blank_values=True, max_num_fields=MAX_FIELDS)
    except ValueError as error:
        raise BadRequest(f"The form must be UTF-8 with at most {MAX_FIELDS} fields.") from error
    for name, value in items:
        if "\0" in value:
            raise BadRequest(f"{name}: must not contain a NUL character.")
    return dict(reversed(items))
