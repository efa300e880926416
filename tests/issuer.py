"""An OpenID Connect issuer in a process of its own, for tests of identity tokens.

    python -m tests.issuer

It prints its port. Beside its documents it answers:

    POST /sign     {claims, key, algorithm, header} → a token; `key` is the id of one of its keys
    POST /keys     {key, algorithm} → makes a key and publishes it
    POST /state    {broken, issuer, document} → sets the faults from now on
    GET  /asked    how often each document was requested
"""

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import httpx
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jose import jwk, jwt

from tests.process import helping

CONFIGURATION = "/.well-known/openid-configuration"


def private_pem(algorithm: str, *, bits: int = 2048) -> str:
    """A new private key for an algorithm."""
    key: Any = (
        ec.generate_private_key(ec.SECP256R1())
        if algorithm.startswith("ES")
        else rsa.generate_private_key(public_exponent=65537, key_size=bits)
    )
    return key.private_bytes(  # type: ignore[no-any-return]
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


class Server(HTTPServer):
    """The issuer with its keys by id: private key and algorithm."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.keys: dict[str, tuple[str, str]] = {"first": (private_pem("RS256"), "RS256")}
        self.asked: Counter[str] = Counter()
        self.state: dict[str, Any] = {}

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def document(self, path: str) -> Any:
        """The document at a path, or None."""
        self.asked[path] += 1
        if path in self.state.get("documents", {}):
            return self.state["documents"][path]
        if path == CONFIGURATION:
            return {
                "issuer": self.state.get("issuer", self.issuer),
                "jwks_uri": f"{self.issuer}/keys",
            }
        if path == "/keys":
            return {"keys": [self._public(kid, *key) for kid, key in self.keys.items()]}
        return None

    def _public(self, kid: str, pem: str, algorithm: str) -> dict[str, Any]:
        key = jwk.construct(pem, algorithm).public_key().to_dict()
        return {**key, "kid": kid, "use": "sig"}

    def command(self, path: str, said: dict[str, Any]) -> Any:
        """Execute a command of a test."""
        if path == "/sign":
            pem, algorithm = self.keys[said.get("key", "first")]
            header = {"kid": said.get("key", "first"), **said.get("header", {})}
            return jwt.encode(said["claims"], pem, said.get("algorithm", algorithm), headers=header)
        if path == "/keys":
            self.keys[said["key"]] = (
                private_pem(said["algorithm"], bits=said.get("bits", 2048)),
                said["algorithm"],
            )
        if path == "/state":
            self.state = said
        return None


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        if self.path == "/asked":
            self._answer(200, dict(self.server.asked))
            return
        document = self.server.document(self.path)
        broken = self.server.state.get("broken", False)
        self._answer(500 if broken else 404 if document is None else 200, document)

    def do_POST(self) -> None:
        said = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self._answer(200, self.server.command(self.path, said))

    def _answer(self, status: int, value: Any) -> None:
        body = value.encode() if isinstance(value, str) else json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Issuer:
    """A client of a running issuer."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._http = httpx.Client(base_url=url)

    def sign(self, claims: dict[str, Any], **said: Any) -> str:
        """A token with exactly these claims."""
        return self._http.post("/sign", json={"claims": claims, **said}).text

    def add_key(self, name: str, algorithm: str = "RS256", *, bits: int = 2048) -> None:
        """Make and publish one more key."""
        self._http.post("/keys", json={"key": name, "algorithm": algorithm, "bits": bits})

    def behave(self, **state: Any) -> None:
        """Set faults: `broken` for status 500, `issuer` for another name, `documents` by path."""
        self._http.post("/state", json=state)

    def asked(self) -> dict[str, int]:
        """How often each document was requested."""
        found: dict[str, int] = self._http.get("/asked").json()
        return found

    def keys(self) -> Any:
        """The published keys."""
        return self._http.get("/keys").json()

    def close(self) -> None:
        self._http.close()


@contextmanager
def issuing() -> Iterator[Issuer]:
    """A running issuer."""
    with helping("tests.issuer") as port, closing(Issuer(f"http://127.0.0.1:{port}")) as issuer:
        yield issuer


if __name__ == "__main__":
    server = Server()
    print(server.server_port, flush=True)  # noqa: T201
    server.serve_forever()
