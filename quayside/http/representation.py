"""What the JSON answer to a question becomes on the wire: an entity tag, 304, compression.

A compressed answer tells by its length whether a text that somebody else chose occurs in it twice, so that
a secret beside the text can be guessed letter by letter (the attack BREACH). Hence no answer is compressed

- that may hold a secret: one that was decrypted, or that its field reveals;
- to a command: it may show a secret that was just made;
- to a request with what browsers add for pages of any site: a cookie, or a name and a password.
"""

import asyncio
from hashlib import blake2b
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from quayside.http.codings import CODINGS, AcceptEncoding
from quayside.http.conditions import none_match
from storage.secrets import may_be_revealed

COMPRESSED_BYTES: Final = 8 * 1024
"""Shorter answers fit into the first packets of a connection, and take no less time compressed."""

THREAD_BYTES: Final = 128 * 1024
"""Longer answers are hashed and compressed in a thread, so that the server goes on."""

VARY: Final = "Accept-Encoding, Authorization, Cookie"


async def represent(request: Request, response: Response) -> Response:
    """The answer to a question that was answered in full, as JSON with its length.

    A caller asks again for each use, since what it may see can change. What holds a secret is kept nowhere.
    Rights have been judged before, so that an entity tag tells nothing to those who may not read.
    """
    response.headers.add_vary_header(VARY)
    if may_be_revealed():
        response.headers["Cache-Control"] = "no-store"
        return response
    if request.method != "POST":
        is_long = len(response.body) > THREAD_BYTES
        tag = await asyncio.to_thread(_entity_tag, response) if is_long else _entity_tag(response)
        response.headers["ETag"] = f"W/{tag}"
        response.headers["Cache-Control"] = "private, no-cache"
        if none_match(request.scope, tag.encode("ascii")):
            return _not_modified(response)
    await _compress(request, response)
    return response


def _entity_tag(response: Response) -> str:
    """Of the content before compression, and of its type; therefore weak."""
    content = blake2b(response.headers["Content-Type"].encode("latin-1") + b"\n", digest_size=16)
    content.update(response.body)
    return f'"{content.hexdigest()}"'


def _not_modified(response: Response) -> Response:
    kept = {
        name: value
        for name, value in response.headers.items()
        if name not in {"content-length", "content-type"}
    }
    return Response(status_code=304, headers=kept)


async def _compress(request: Request, response: Response) -> None:
    accepted = AcceptEncoding(request.headers.getlist("accept-encoding"))
    content = bytes(response.body)
    is_large = len(content) >= COMPRESSED_BYTES or accepted.refuses_identity
    if not is_large or (coding := accepted.best) is None or _is_ambient(request):
        return
    compress = CODINGS[coding]
    is_long = len(content) > THREAD_BYTES
    compressed = await asyncio.to_thread(compress, content) if is_long else compress(content)
    response.body = compressed
    response.headers["Content-Encoding"] = coding
    response.headers["Content-Length"] = str(len(compressed))


def _is_ambient(request: Request) -> bool:
    """Whether a request has credentials that browsers add by themselves."""
    authorization = request.headers.get("authorization")
    is_bearer = authorization is None or authorization.lower().startswith("bearer ")
    return "cookie" in request.headers or not is_bearer
