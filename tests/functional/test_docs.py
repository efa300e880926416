"""Every example of the documentation, by its language: run, or validated, or listed here with the reason."""

import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import graphql
import httpx
import pytest

from quayside.cli import COMMANDS, DATA
from quayside.settings.features import FEATURES
from quayside.settings.settings import FEATURE_PREFIX, NON_SETTING_VARIABLES, PREFIX, load_settings
from quayside.settings.table import SETTINGS
from schema import schema
from tests.process import ROOT, environment, make_user, serving, token_of

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
FENCE = re.compile(
    r"^(?P<indent> *)```(?P<language>\w*)\n(?P<text>.*?)^(?P=indent)```$", re.DOTALL | re.MULTILINE
)

ADDRESS = "127.0.0.1:8080"
"""Where the documentation has its server; that of a test listens elsewhere."""

NOT_RUN = {
    "curl -N": "streams until it is stopped; tests/quayside/graphql/test_sse.py subscribes",
    "aws ": "needs a bucket of Amazon; tests/functional/test_object_store.py has one that is like it",
    "curl -X POST https://quay.example/api/v1/organization/hub/proxycache": "asks Docker Hub;"
    " tests/functional/test_cache_clients.py makes a cache",
    "quayside admin read-only on": "would suspend what other examples write;"
    " tests/contract/test_read_only.py has the mode",
    "#!/bin/sh\n# hooks/post-receive": "is a hook of git; tests/functional/test_webhooks.py pushes with it",
    'curl -s -u "acme+build': "needs the identity of a build; tests/quayside/oauth/test_federation.py has it",
}
"""Shell examples that no test runs as they stand, by how they begin."""

ELSEWHERE = {
    "README.md": "tests/functional/test_readme.py",
    "backup.md": "tests/functional/test_backup.py",
    "operate.md": "tests/functional/test_operate.py",
}
"""Pages whose shell examples belong together; another test runs them in their order."""

LANGUAGES = {"console", "graphql", "ini", "json", "nginx", "python", "sh", "sql", "text", "toml"}
TEXTS = {"console", "text"}
"""Output, formats and diagrams: there is nothing to run."""

CHECKED_ELSEWHERE = {"ini", "nginx", "sql"}
"""Only docs/operate.md has them, which its test tries."""

VARIABLES: dict[str, Any] = {
    "lastWeek": "2026-01-01T00:00:00Z",
    "january": {"startsAt": "2026-01-01T00:00:00Z", "endsAt": "2026-01-20T00:00:00Z"},
    "since": "2026-01-01T00:00:00Z",
    "repository": "acme/app",
    "path": "acme/app",
    "id": "CVE-2022-37434",
}
"""Values of the variables that examples have, beside the digest of an image."""


@dataclass(frozen=True)
class Example:
    """A fenced block of a page."""

    page: str
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def examples() -> Iterator[Example]:
    """All fenced blocks, with their indentation removed."""
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for match in FENCE.finditer(text):
            indent = match["indent"]
            lines = [line.removeprefix(indent) for line in match["text"].splitlines(keepends=True)]
            line = text.count("\n", 0, match.start()) + 1
            yield Example(page.name, line, match["language"], "".join(lines))


EXAMPLES = list(examples())


def of(*languages: str) -> list[Example]:
    return [example for example in EXAMPLES if example.language in languages]


def test_every_example_has_a_language_and_a_fence() -> None:
    assert [str(example) for example in EXAMPLES if example.language not in LANGUAGES] == []
    assert {example.page for example in of(*CHECKED_ELSEWHERE)} <= {"operate.md"}
    indented = [
        f"{page.name}: {block}"
        for page in PAGES
        for block in re.findall(r"\n\n(    [^ \n].*)", FENCE.sub("", page.read_text(encoding="utf-8")))
        if page.name != "README.md"
    ]
    assert indented == []


@pytest.mark.parametrize("example", of("json"), ids=str)
def test_json_is_json(example: Example) -> None:
    json.loads(example.text)


@pytest.mark.parametrize("example", of("toml"), ids=str)
def test_a_file_of_settings_can_be_loaded(example: Example, tmp_path: Path) -> None:
    tomllib.loads(example.text)
    (tmp_path / "quayside.toml").write_text(example.text)

    load_settings({}, {"QUAYSIDE_CONFIG": str(tmp_path / "quayside.toml")})


@pytest.mark.parametrize("example", of("python"), ids=str)
def test_python_compiles(example: Example) -> None:
    compile(example.text, str(example), "exec")


@pytest.mark.parametrize("example", of("graphql"), ids=str)
def test_graphql_is_valid(example: Example) -> None:
    document = graphql.parse(example.text)
    fragments = [node for node in document.definitions if isinstance(node, graphql.FragmentDefinitionNode)]
    if "...errors" in example.text and not fragments:
        # A document of the REST interface, whose fragments stand beside it.
        document = graphql.parse(f"{example.text} fragment errors on UserError {{ code message }}")

    assert graphql.validate(schema._schema, document) == []


@dataclass(frozen=True)
class Registry:
    """A server for the examples, in the directory where they run."""

    directory: Path
    client: httpx.Client
    token: str
    digest: str = ""
    """That of the image `acme/app:latest`."""

    def ask(self, query: str) -> dict[str, Any]:
        document = graphql.parse(query)
        (operation,) = [
            one for one in document.definitions if isinstance(one, graphql.OperationDefinitionNode)
        ]
        names = [variable.variable.name.value for variable in operation.variable_definitions or ()]
        values = VARIABLES | {"digest": self.digest}
        body = {"query": query, "variables": {name: values[name] for name in names}}
        answer: dict[str, Any] = self.client.post("/graphql", json=body, headers=self.headers).json()
        return answer

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    def shell(self, script: str) -> str:
        """Run a script as it stands, but for the address; its output. Fails unless it succeeds."""
        completed = subprocess.run(
            ["sh", "-e", "-c", script.replace(ADDRESS, self.client.base_url.netloc.decode())],
            cwd=self.directory,
            env=environment(TOKEN=self.token, REGISTRY_AUTH_FILE=str(self.directory / "auth.json"))
            | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert completed.returncode == 0, completed.stderr
        return completed.stdout


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """A registry with what the examples name: users, an organization, a robot, and images."""
    directory = tmp_path_factory.mktemp("documentation")
    password = "correct-horse-battery"
    (directory / "password.txt").write_text(password)
    make_user(directory, "ada", password, is_superuser=True)
    make_user(directory, "bob", password)
    scopes = "repo:admin repo:create org:admin user:admin super:user"
    token = token_of(directory, "ada", scopes)
    with serving(directory, "--no-jobs") as (client, _):
        made = Registry(directory, client, token)
        app = {"namespace": "acme", "repository": "app", "visibility": "private", "description": ""}
        for path, body in (
            ("organization/", {"name": "acme"}),
            ("repository", app),
            ("repository", app | {"repository": "alpine"}),
        ):
            client.post(f"/api/v1/{path}", json=body, headers=made.headers).raise_for_status()
        client.put("/api/v1/organization/acme/robots/ci", json={}, headers=made.headers).raise_for_status()
        (directory / "hello.txt").write_text("hello, world\n")
        made.shell(
            "tar -cf hello.tar hello.txt\n"
            "skopeo copy --insecure-policy tarball:hello.tar oci:image:v1\n"
            f'skopeo copy --insecure-policy --dest-tls-verify=false --dest-creds "ada:{password}"'
            f" oci:image:v1 docker://{ADDRESS}/acme/app:latest"
        )
        tags = client.get("/api/v1/repository/acme/app/tag/", headers=made.headers).json()["tags"]
        yield replace(made, digest=tags[0]["manifest_digest"])


@pytest.mark.needs("skopeo", "curl")
@pytest.mark.parametrize("example", of("graphql"), ids=str)
def test_queries_are_answered(example: Example, registry: Registry) -> None:
    if "query" not in example.text.split("(")[0].split("{")[0] and not example.text.startswith("{"):
        # Mutations and subscriptions name plans and events that there are not; they are validated above.
        return

    answer = registry.ask(example.text)

    assert "errors" not in answer
    assert None not in answer["data"].values()


@pytest.mark.needs("skopeo", "curl")
@pytest.mark.parametrize("example", [one for one in of("sh") if one.page not in ELSEWHERE], ids=str)
def test_commands_run(example: Example, registry: Registry) -> None:
    if any(example.text.startswith(beginning) for beginning in NOT_RUN):
        return

    output = registry.shell(example.text)

    for answer in output.splitlines():
        if answer.startswith("{"):
            assert "errors" not in json.loads(answer)


def test_each_exception_is_needed() -> None:
    shell = [example.text for example in of("sh")]

    assert [start for start in NOT_RUN if not any(text.startswith(start) for text in shell)] == []
    assert [page for page in ELSEWHERE if not any(example.page == page for example in of("sh"))] == []
    assert [name for name in ELSEWHERE.values() if not (ROOT / name).is_file()] == []


KNOWN_VARIABLES = (
    {PREFIX + row.name for row in SETTINGS}
    | {PREFIX + FEATURE_PREFIX + row.name for row in FEATURES}
    | NON_SETTING_VARIABLES
    # What Kubernetes makes for a service of this name, which is ignored.
    | {"QUAYSIDE_SERVICE_HOST"}
)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_settings_that_are_named_exist(page: Path) -> None:
    named = set(re.findall(rf"\b{PREFIX}[A-Z][A-Z_]*[A-Z]", page.read_text(encoding="utf-8")))

    # A name may stand for all settings that begin with it.
    unknown = {
        name
        for name in named - KNOWN_VARIABLES
        if not any(one.startswith(f"{name}_") for one in KNOWN_VARIABLES)
    }
    assert unknown == set()


def commands_in(text: str) -> Iterator[list[str]]:
    """The calls of `quayside` in code, as words."""
    code = [
        *re.findall(r"`([^`\n]+)`", text),
        *(line for match in FENCE.finditer(text) for line in match["text"].splitlines()),
    ]
    for piece in code:
        for call in re.findall(r"(?:^|/bin/)quayside ((?:[a-z-]+|--[a-z-]+)(?: [^|>;&`)]*)?)", piece):
            yield call.split()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_that_are_named_exist_with_their_options(page: Path) -> None:
    rows = {
        row.name: {name for argument in (*row.arguments, DATA) for name in argument.names} for row in COMMANDS
    }
    wrong = []
    for words in commands_in(page.read_text(encoding="utf-8")):
        name = next((name for name in (" ".join(words[:2]), words[0]) if name in rows), None)
        options = {word.partition("=")[0] for word in words if word.startswith("--")}
        if name is None and words[0] in {"admin", "--version", "…"}:
            continue
        if name is None or not options <= rows[name]:
            wrong.append(" ".join(words))

    assert wrong == []
