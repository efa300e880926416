"""A registry in a process of its own that misbehaves as it is told, and remembers what it was asked.

    python -m tests.upstreams.fake [CERTIFICATE KEY]

It prints its port. It serves /v2 for reading: repositories and tags by pages, manifests, blobs with ranges,
referrers; and the lists of repositories of Harbor and Quay.
`/token` hands out tokens. It is also an HTTP proxy, for absolute addresses and CONNECT. Below `/control`
tests fill and script it (`tests.upstreams.upstream.FakeUpstream`):

    PUT  /control/blobs/NAME                       the body is a blob
    PUT  /control/manifests/NAME/REFERENCE         the body is a manifest, of the type of the request
    POST /control/rules        a rule as JSON; rules are tried in order, each `times` times
    POST /control/auth         {kind: basic | bearer, username, password, realm, service, expires_in}
    POST /control/revoke       no token is good any longer
    POST /control/go           answers that wait at `pause_at` go on
    GET  /control/requests     what was asked, without /control
    GET  /control/waiting      how many answers wait at `pause_at`
    POST /control/reset        forgets all

A rule counts for requests whose `METHOD path?query` its regular expression `match` finds. What it may say:

    status, headers, body      the whole answer, instead of the content
    headers                    without a status: fields beside those of the content
    delay                      seconds before the answer
    cut                        close the connection after so many bytes of the body
    pause_at                   wait after so many bytes of the body for `/control/go`
    drip                       seconds between pieces of 1 KiB
    corrupt                    change the last byte of the content
    extra                      add so many bytes to the content, and to its length
    is_whole                   ignore the range
    is_chunked                 do not tell the length
    drop                       leave out these fields of the answer
"""

import base64
import hashlib
import json
import re
import socket
import ssl
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

OCI_INDEX = "application/vnd.oci.image.index.v1+json"
PIECE = 1 << 16


class Fake(ThreadingHTTPServer):
    """The server, with its content, its script and its memory."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Connection)
        self.lock = threading.Condition()
        self.scheme = "http"
        self.reset()

    def reset(self) -> None:
        """Forget all; answers that wait go on."""
        with self.lock:
            self.blobs: dict[tuple[str, str], bytes] = {}
            self.manifests: dict[tuple[str, str], tuple[bytes, str]] = {}
            self.tags: dict[str, list[str]] = {}
            self.rules: list[dict[str, Any]] = []
            self.auth: dict[str, Any] | None = None
            self.tokens: set[str] = set()
            self.requests: list[dict[str, Any]] = []
            self.waiting = 0
            self.goes = 0
            self.issued = 0
            self.lock.notify_all()

    def use_tls(self, certificate: Path, key: Path) -> None:
        """Speak TLS from now on."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self.scheme = "https"
        self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)

    def handle_error(self, *_: Any) -> None:
        """Clients leave on purpose."""

    def rule_for(self, line: str) -> dict[str, Any]:
        """The first rule that counts for a request and is not used up."""
        with self.lock:
            for rule in self.rules:
                if rule["times"] and re.search(rule["match"], line):
                    rule["times"] -= 1
                    return rule
        return {}

    def referrers(self, name: str, digest: str) -> dict[str, Any]:
        """The index of the manifests that refer to one."""
        found = []
        for (owner, reference), (body, media_type) in self.manifests.items():
            document = json.loads(body)
            if owner == name and ":" in reference and document.get("subject", {}).get("digest") == digest:
                found.append(
                    {
                        "mediaType": media_type,
                        "digest": reference,
                        "size": len(body),
                        "artifactType": document.get("artifactType"),
                    }
                )
        return {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": found}


class Connection(BaseHTTPRequestHandler):
    """One connection, in a thread of its own."""

    server: Fake
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # Head and body are sent apart; the body would wait for 40 ms.

    def do_GET(self) -> None:
        """Answer by the path."""
        if self.path.startswith("http://"):
            self._forward()
            return
        url = urlsplit(self.path)
        if url.path.startswith("/control/"):
            self._control_get(url.path)
            return
        self._remember()
        rule = self.server.rule_for(f"{self.command} {self.path}")
        time.sleep(rule.get("delay", 0))
        if "status" in rule:
            self._send(rule["status"], rule.get("headers", {}), rule.get("body", "").encode(), rule)
        elif url.path == "/token":
            self._token(parse_qs(url.query), rule)
        elif not self._is_authorized():
            self._challenge()
        else:
            self._content(url.path, parse_qs(url.query), rule)

    do_HEAD = do_GET  # noqa: N815 (the name is the library's)

    def do_PUT(self) -> None:
        """Take content."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        _, _, kind, rest = unquote(urlsplit(self.path).path).split("/", 3)
        digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
        with self.server.lock:
            if kind == "blobs":
                self.server.blobs[rest, digest] = body
            else:
                name, _, reference = rest.rpartition("/")
                kept = body, self.headers["Content-Type"]
                self.server.manifests[name, digest] = kept
                tags = self.server.tags.setdefault(name, [])
                if ":" not in reference:
                    self.server.manifests[name, reference] = kept
                    tags += [reference] if reference not in tags else []
        self._json({"digest": digest})

    def do_POST(self) -> None:
        """Take a script."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        said = json.loads(body) if body else {}
        server, what = self.server, self.path.removeprefix("/control/")
        with server.lock:
            if what == "rules":
                server.rules.append({"times": 1 << 30, **said})
            elif what == "auth":
                server.auth = said
            elif what == "revoke":
                server.tokens.clear()
            elif what == "go":
                server.goes += 1
                server.lock.notify_all()
        if what == "reset":
            server.reset()
        self._json({})

    def do_CONNECT(self) -> None:
        """Be a tunnel, as a proxy for TLS."""
        self._remember()
        rule = self.server.rule_for(f"CONNECT {self.path}")
        if "status" in rule:
            self._send(rule["status"], rule.get("headers", {}), b"", rule)
            return
        host, _, port = self.path.rpartition(":")
        there = socket.create_connection((rule.get("to", host), int(port)))
        self.send_response(200)
        self.end_headers()
        self.close_connection = True
        back = threading.Thread(target=_pump, args=(there, self.connection), daemon=True)
        back.start()
        _pump(self.connection, there)
        back.join()

    def _forward(self) -> None:
        """Be a proxy for plain HTTP: ask, and pass on the answer."""
        self._remember()
        url = urlsplit(self.path)
        with socket.create_connection((url.hostname or "", url.port or 80)) as there:
            target = url._replace(scheme="", netloc="").geturl() or "/"
            fields = "".join(
                f"{name}: {text}\r\n"
                for name, text in self.headers.items()
                if name.lower() not in {"connection", "proxy-authorization"}
            )
            there.sendall(f"{self.command} {target} HTTP/1.1\r\n{fields}Connection: close\r\n\r\n".encode())
            self.close_connection = True
            while piece := there.recv(PIECE):
                self.wfile.write(piece)

    def _remember(self) -> None:
        fields = {name.lower(): text for name, text in self.headers.items()}
        with self.server.lock:
            self.server.requests.append({"method": self.command, "path": self.path, "headers": fields})

    def _control_get(self, path: str) -> None:
        with self.server.lock:
            if path == "/control/requests":
                self._json(self.server.requests)
            else:
                self._json({"waiting": self.server.waiting})

    def _is_authorized(self) -> bool:
        auth = self.server.auth
        if auth is None:
            return True
        shown = self.headers.get("Authorization", "")
        if auth["kind"] == "basic":
            return shown == _basic(auth)
        return shown.removeprefix("Bearer ") in self.server.tokens

    def _challenge(self) -> None:
        auth = self.server.auth or {}
        if auth["kind"] == "basic":
            challenge = 'Basic realm="fake"'
        else:
            realm = auth.get("realm") or f"{self.server.scheme}://{self.headers['Host']}/token"
            name = re.match(r"/v2/(.+)/(?:manifests|blobs|tags|referrers)/", self.path)
            scope = f',scope="repository:{name[1]}:pull"' if name else ""
            challenge = f'Bearer realm="{realm}",service="{auth.get("service", "fake")}"{scope}'
        body = {"errors": [{"code": "UNAUTHORIZED", "message": "authentication required"}]}
        self._send(401, {"WWW-Authenticate": challenge}, json.dumps(body).encode(), {})

    def _token(self, query: dict[str, list[str]], rule: dict[str, Any]) -> None:
        auth = self.server.auth or {}
        shown = self.headers.get("Authorization")
        if shown is None and auth.get("is_public"):
            pass
        elif auth.get("username") and shown != _basic(auth):
            self._send(401, {}, b'{"errors":[{"code":"UNAUTHORIZED","message":"wrong password"}]}', rule)
            return
        with self.server.lock:
            self.server.issued += 1
            token = f"token-{self.server.issued}-{'+'.join(query.get('scope', ['none']))}"
            self.server.tokens.add(token)
        answer = {"token": token}
        if "expires_in" in auth:
            answer["expires_in"] = auth["expires_in"]
        self._json(answer)

    def _content(self, path: str, query: dict[str, list[str]], rule: dict[str, Any]) -> None:
        path = unquote(path)
        if path == "/v2/":
            self._json({})
            return
        if self._listed(path, query, rule):
            return
        matched = re.fullmatch(r"/v2/(.+)/(manifests|blobs|tags|referrers)/([^/]+)", path)
        if matched is None:
            self._missing("UNSUPPORTED")
            return
        name, kind, reference = matched.groups()
        if kind == "tags":
            self._tags(name, query, rule)
        elif kind == "referrers":
            body = json.dumps(self.server.referrers(name, reference)).encode()
            self._send(200, {"Content-Type": OCI_INDEX}, body, rule)
        elif kind == "manifests":
            if (found := self.server.manifests.get((name, reference))) is None:
                self._missing("MANIFEST_UNKNOWN")
                return
            digest = f"sha256:{hashlib.sha256(found[0]).hexdigest()}"
            self._send(200, {"Content-Type": found[1], "Docker-Content-Digest": digest}, found[0], rule)
        elif (blob := self.server.blobs.get((name, reference))) is None:
            self._missing("BLOB_UNKNOWN")
        else:
            self._blob(reference, blob, rule)

    def _listed(self, path: str, query: dict[str, list[str]], rule: dict[str, Any]) -> bool:
        """Answer a list of repositories, by one of three APIs; whether it was asked for."""
        names = sorted(self.server.tags)
        project = re.fullmatch(r"/api/v2.0/projects/([^/]+)/repositories", path)
        namespace = project[1] if project else query.get("namespace", [""])[0]
        below = [name for name in names if name.startswith(f"{namespace}/")]
        limit = int(rule.get("per_page", 1000))
        if path == "/v2/_catalog":
            after = [name for name in names if name > query.get("last", [""])[0]]
            page, link = after[:limit], ""
            if len(after) > limit:
                link = f'</v2/_catalog?n={limit}&last={page[-1]}>; rel="next"'
            found: Any = {"repositories": page}
        elif project or path == "/api/v1/repository":
            number = int(query.get("page" if project else "next_page", ["1"])[0])
            page = below[(number - 1) * limit : number * limit]
            has_next = number * limit < len(below)
            link = f'<{path}?page={number + 1}&page_size={limit}>; rel="next"' if project and has_next else ""
            short = [{"namespace": namespace, "name": name.removeprefix(f"{namespace}/")} for name in page]
            found = [{"name": name, "id": 1} for name in page]
            if not project:
                found = {"repositories": short} | ({"next_page": str(number + 1)} if has_next else {})
        else:
            return False
        fields = {"Content-Type": "application/json"} | ({"Link": link} if link else {})
        self._send(200, fields, json.dumps(found).encode(), rule)
        return True

    def _tags(self, name: str, query: dict[str, list[str]], rule: dict[str, Any]) -> None:
        if name not in self.server.tags:
            self._missing("NAME_UNKNOWN")
            return
        tags = sorted(self.server.tags[name])
        limit = int(rule.get("per_page", query.get("n", ["100000"])[0]))
        after = [tag for tag in tags if tag > query.get("last", [""])[0]]
        page, fields = after[:limit], {}
        if len(after) > limit:
            fields = {"Link": f'</v2/{name}/tags/list?n={limit}&last={page[-1]}>; rel="next"'}
        body = json.dumps({"name": name, "tags": page}).encode()
        self._send(200, {"Content-Type": "application/json", **fields}, body, rule)

    def _blob(self, digest: str, blob: bytes, rule: dict[str, Any]) -> None:
        fields = {"Content-Type": "application/octet-stream", "Docker-Content-Digest": digest}
        ranged = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if ranged is None or rule.get("is_whole"):
            self._send(200, fields, blob, rule)
            return
        start = int(ranged[1])
        fields["Content-Range"] = f"bytes {start}-{len(blob) - 1}/{len(blob)}"
        self._send(206, fields, blob[start:], rule)

    def _missing(self, code: str) -> None:
        body = {"errors": [{"code": code, "message": "not here"}]}
        self._send(404, {"Content-Type": "application/json"}, json.dumps(body).encode(), {})

    def _json(self, value: Any) -> None:
        self._send(200, {"Content-Type": "application/json"}, json.dumps(value).encode(), {})

    def _send(self, status: int, fields: dict[str, str], body: bytes, rule: dict[str, Any]) -> None:
        """One answer, with the faults that a rule wants."""
        if rule.get("corrupt"):
            body = body[:-1] + bytes([body[-1] ^ 1])
        body += b"x" * rule.get("extra", 0)
        fields = fields | rule.get("headers", {})
        if rule.get("is_chunked"):
            fields["Transfer-Encoding"] = "chunked"
        else:
            fields.setdefault("Content-Length", str(len(body)))
        self.send_response(status)
        for name, text in fields.items():
            if name not in rule.get("drop", []):
                self.send_header(name, text)
        self.end_headers()
        if self.command != "HEAD":
            self._body(body, rule)

    def _body(self, body: bytes, rule: dict[str, Any]) -> None:
        stops = {rule[key] for key in ("cut", "pause_at") if key in rule}
        length = 1024 if rule.get("drip") else PIECE
        position = 0
        while position < len(body) or position in stops:
            if position == rule.get("pause_at"):
                self._pause()
            if position == rule.get("cut"):
                self.close_connection = True
                self.wfile.flush()
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            if position >= len(body):
                break
            end = min([position + length, *(stop for stop in stops if stop > position)])
            piece = body[position:end]
            self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece) if rule.get("is_chunked") else piece)
            position += len(piece)
            time.sleep(rule.get("drip", 0))
        if rule.get("is_chunked"):
            self.wfile.write(b"0\r\n\r\n")

    def _pause(self) -> None:
        server = self.server
        self.wfile.flush()
        with server.lock:
            goes = server.goes
            server.waiting += 1
            server.lock.wait_for(lambda: server.goes != goes or not server.waiting)
            server.waiting = max(server.waiting - 1, 0)

    def log_message(self, *_: Any) -> None:
        """Keep silent."""


def _basic(auth: dict[str, Any]) -> str:
    pair = f"{auth['username']}:{auth['password']}"
    return "Basic " + base64.b64encode(pair.encode()).decode()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    try:
        while piece := source.recv(PIECE):
            sink.sendall(piece)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        return


if __name__ == "__main__":
    fake = Fake()
    if sys.argv[1:]:
        fake.use_tls(Path(sys.argv[1]), Path(sys.argv[2]))
    sys.stdout.write(f"{fake.server_port}\n")
    sys.stdout.flush()
    fake.serve_forever()
