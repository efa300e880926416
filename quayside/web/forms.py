"""HTML pages with forms, without scripts, under a strict content security policy.

Texts are escaped. Posted forms are short, without files.
"""

from collections.abc import Mapping
from html import escape
from string import Template
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response

from quayside.web import all_assets
from resolvers.errors import BadRequest

FORM = "application/x-www-form-urlencoded"
MAX_BYTES = 64 * 1024
MAX_FIELDS = 100

PAGE = Template("""\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title – Quayside</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="$stylesheet">
</head>
<body>
<main>
<h1>$title</h1>
$content
</main>
</body>
</html>
""")


def page(
    request: Request,
    title: str,
    content: str,
    *,
    status: int = 200,
    form_action: str = "'self'",
    headers: Mapping[str, str] | None = None,
) -> Response:
    """A page. `content` is HTML; `form_action` lists the allowed targets of forms and their redirects."""
    policy = (
        "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; frame-ancestors 'none';"
        f" form-action {form_action}"
    )
    root = request.scope.get("root_path", "")
    body = PAGE.substitute(
        title=escape(title),
        content=content,
        stylesheet=escape(f"{root}/graphql/assets/{all_assets()['forms.css'].public_name}"),
    )
    return Response(
        body,
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


def notice(text: str, *, is_error: bool = False) -> str:
    """A paragraph with a status or an error."""
    return f'<p role="{"alert" if is_error else "status"}">{escape(text)}</p>'


def field(label: str, name: str, *, kind: str = "text", autocomplete: str = "off", value: str = "") -> str:
    """A required field with its label."""
    return (
        f'<label>{escape(label)} <input type="{kind}" name="{escape(name)}" value="{escape(value)}"'
        f' autocomplete="{autocomplete}" required></label>'
    )


def hidden(**values: str) -> str:
    """Hidden fields."""
    return "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">'
        for name, value in values.items()
    )


def form(action: str, button: str, *fields: str) -> str:
    """A form that posts its fields to `action`."""
    return (
        f'<form method="post" action="{escape(action)}">{"".join(fields)}'
        f'<button type="submit">{escape(button)}</button></form>'
    )


async def read_form(request: Request) -> dict[str, str]:
    """The fields of a posted form, the first of each name. Raises `BadRequest` for any other body."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != FORM:
        raise BadRequest(f"Content-Type: must be {FORM}.")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BYTES:
            raise BadRequest(f"The form must have at most {MAX_BYTES} bytes.")
    try:
        items = parse_qsl(body.decode("utf-8"), keep_blank_values=True, max_num_fields=MAX_FIELDS)
    except ValueError as error:
        raise BadRequest(f"The form must be UTF-8 with at most {MAX_FIELDS} fields.") from error
    for name, value in items:
        if "\0" in value:
            raise BadRequest(f"{name}: must not contain a NUL character.")
    return dict(reversed(items))
