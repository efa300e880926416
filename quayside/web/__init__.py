"""GraphiQL, with all its files in the package.

    assets/      the published builds of GraphiQL and React (assets.json: versions and checksums), compressed;
                 our own boot script and style
    templates/   the pages that the server makes, of GraphiQL and with forms
    examples/    the queries in the tabs of GraphiQL, one file each, in the order of their names

The page loads nothing from other hosts; its content security policy forbids it. The content of an
asset is read off the event loop, at the first request for it, and then kept.
"""

import gzip
import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import aiofiles
import orjson
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from quayside.http.accept import MediaType
from quayside.web.rendering import render

ASSETS = Path(__file__).parent / "assets"
EXAMPLES = Path(__file__).parent / "examples"

MEDIA_TYPES = {".js": "text/javascript", ".css": "text/css"}

OWN_FILES = ("boot.js", "page.css", "forms.css")

# The hash is that of the empty text: GraphiQL's dialogs add a style element, which boot.js keeps empty.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; "
    "style-src 'self' 'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='; connect-src 'self'; "
    "img-src 'self' data:; font-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


@dataclass(frozen=True)
class Asset:
    """A file of the page; `public_name` contains a hash of the content, so that it can be cached for ever.

    A `path` that ends in `.gz` is stored compressed.
    """

    public_name: str
    media_type: str
    path: Path


@dataclass(frozen=True)
class Example:
    """An example query; the title is the comment in the file's first line."""

    title: str
    query: str


def page(request: Request) -> Response:
    """The GraphiQL page, which sends queries to its own address."""
    headers = {
        "Content-Security-Policy": CONTENT_SECURITY_POLICY,
        "Cache-Control": "no-cache",
        "Referrer-Policy": "no-referrer",
        "Vary": "Accept",
        "X-Content-Type-Options": "nosniff",
    }
    body = render_page(request.scope.get("root_path", ""))
    return Response(body, media_type="text/html", headers=headers)


@cache
def render_page(root_path: str) -> bytes:
    """The HTML of the page for an application mounted at `root_path`."""
    addresses = {
        name: f"{root_path}/graphql/assets/{asset.public_name}" for name, asset in all_assets().items()
    }
    # In a script element only "<" could end the data early.
    data = orjson.dumps([{"title": example.title, "query": example.query} for example in examples()])
    shown = data.decode().replace("<", "\\u003c")
    return render("graphiql.html", {"addresses": addresses, "examples": shown}).encode()


@cache
def examples() -> tuple[Example, ...]:
    """All example queries, in the order of their file names."""
    texts = (path.read_text(encoding="utf-8") for path in sorted(EXAMPLES.glob("*.graphql")))
    return tuple(Example(text.partition("\n")[0].lstrip("# "), text) for text in texts)


@cache
def all_assets() -> dict[str, Asset]:
    """Every asset by its file name. Reads the list of them, and our own files for their checksums."""
    found = {}
    for row in orjson.loads((ASSETS / "assets.json").read_bytes()):
        name = row["file"]
        found[name] = asset(name, sha256=row["sha256"], path=ASSETS / f"{name}.gz")
    for name in OWN_FILES:
        path = ASSETS / name
        found[name] = asset(name, sha256=hashlib.sha256(path.read_bytes()).hexdigest(), path=path)
    return found


def asset(name: str, *, sha256: str, path: Path) -> Asset:
    """The asset of this name, whose content is the file at `path`."""
    named = Path(name)
    return Asset(f"{named.stem}.{sha256[:16]}{named.suffix}", MEDIA_TYPES[named.suffix], path)


# What pages name is read while the application is imported: no request waits for it on the event loop.
examples()
BY_PUBLIC_NAME = {asset.public_name: asset for asset in all_assets().values()}
"""Every asset by the name it is served under."""


_gzipped: dict[str, bytes] = {}
"""The content of the assets read so far, compressed, by their public names."""


async def gzipped(asset: Asset) -> bytes:
    """The compressed content of an asset. Reads its file once."""
    if asset.public_name not in _gzipped:
        async with aiofiles.open(asset.path, "rb") as file:
            content = await file.read()
        is_stored_so = asset.path.suffix == ".gz"
        _gzipped[asset.public_name] = content if is_stored_so else gzip.compress(content, mtime=0)
    return _gzipped[asset.public_name]


async def serve_asset(request: Request) -> Response:
    """One asset, compressed when the client accepts gzip. 404 for any other name."""
    found = BY_PUBLIC_NAME.get(request.path_params["name"])
    if found is None:
        raise HTTPException(404)
    content = await gzipped(found)
    headers = {
        "Cache-Control": "public, max-age=31536000, immutable",
        "Vary": "Accept-Encoding",
        "X-Content-Type-Options": "nosniff",
    }
    if not accepts_gzip(request.headers.get("accept-encoding", "")):
        return Response(gzip.decompress(content), media_type=found.media_type, headers=headers)
    headers["Content-Encoding"] = "gzip"
    return Response(content, media_type=found.media_type, headers=headers)


def accepts_gzip(header: str) -> bool:
    """Whether an `Accept-Encoding` header names gzip with a weight above 0."""
    codings = (MediaType.parse(part) for part in header.split(","))
    return any(coding.name == "gzip" and coding.quality > 0 for coding in codings)


assets = [Route("/graphql/assets/{name}", serve_asset)]
