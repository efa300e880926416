"""GraphiQL in headless Chromium without network except the server, driven by plain WebDriver calls."""

import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import strawberry
from graphql import DocumentNode, ExecutionResult, execute
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from quayside import web
from quayside.graphql.http import GraphQLApp
from schema.limits import Limits
from tests import process

pytestmark = pytest.mark.needs("chromium", "chromedriver")

ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 30.0
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
ENTER = "\ue007"
TAB = "\ue004"


@strawberry.type
class Query:
    @strawberry.field(description="What the request gave as its credentials.")
    def caller(self, info: strawberry.Info[str]) -> str:
        return info.context or "nobody"

    @strawberry.field
    def call_count(self) -> int:
        return 42


SCHEMA = strawberry.Schema(Query)._schema


async def run(
    document: DocumentNode, variables: dict[str, Any], context: Any, operation_name: str | None, /
) -> ExecutionResult:
    result = execute(
        SCHEMA, document, variable_values=variables, context_value=context, operation_name=operation_name
    )
    assert isinstance(result, ExecutionResult)
    return result


async def context_for(request: Request) -> str:
    return request.headers.get("authorization", "")


async def csrf_token(request: Request) -> Response:
    return JSONResponse({"csrf_token": "of this page"})


app = Starlette(
    routes=[
        Route(
            "/graphql",
            GraphQLApp(SCHEMA, execute=run, context_for=context_for, limits=Limits(), graphiql_page=web.page),
        ),
        Route("/csrf_token", csrf_token),
        *web.assets,
    ]
)


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """The address of a real server in a process of its own."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        number = listening.fileno()
        arguments = ["--fd", str(number), "--log-level", "warning", "tests.functional.test_graphiql:app"]
        command = [sys.executable, "-m", "uvicorn", *arguments]
        with running(subprocess.Popen(command, cwd=ROOT, pass_fds=[number])):
            # The socket listens already; connections queue until the server accepts them.
            yield f"http://127.0.0.1:{listening.getsockname()[1]}/graphql"


@pytest.fixture(scope="module")
def chromedriver() -> Iterator[str]:
    """The address of a ChromeDriver."""
    command = ["chromedriver", "--port=0"]
    with running(subprocess.Popen(command, stdout=subprocess.PIPE, text=True)) as driver:
        assert driver.stdout is not None
        for line in driver.stdout:
            if found := re.search(r"started successfully on port (\d+)", line):
                yield f"http://127.0.0.1:{found[1]}"
                driver.stdout.close()
                return
    raise AssertionError("ChromeDriver did not start")


@contextmanager
def running(process: subprocess.Popen[Any]) -> Iterator[subprocess.Popen[Any]]:
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


EDITOR = "document.querySelector('.graphiql-query-editor .CodeMirror').CodeMirror"


class Browser:
    """One Chromium window."""

    def __init__(self, client: httpx.Client, session: str) -> None:
        self.client = client
        self.session = session

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """A WebDriver command of this session; returns its value."""
        content = (body or {}) if method == "POST" else None
        response = self.client.request(method, f"/session/{self.session}{path}", json=content)
        assert response.status_code == 200, response.text
        return response.json()["value"]

    def open(self, address: str) -> None:
        self.call("POST", "/url", {"url": address})

    def script(self, text: str, *arguments: Any) -> Any:
        """The value of a JavaScript function body."""
        return self.call("POST", "/execute/sync", {"script": text, "args": arguments})

    def until(self, condition: Callable[[], Any], what: str) -> Any:
        """Wait for a condition of the page to hold."""
        give_up = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < give_up:
            if value := condition():
                return value
            time.sleep(0.05)
        raise AssertionError(f"waited in vain for {what}; the page shows: {self.text('body')}")

    def elements(self, selector: str) -> list[str]:
        found = self.call("POST", "/elements", {"using": "css selector", "value": selector})
        return [element[ELEMENT] for element in found]

    def element(self, selector: str) -> str:
        """The first element that a selector finds, once it is there."""
        [first, *_] = self.until(lambda: self.elements(selector), selector)
        return str(first)

    def click(self, selector: str) -> None:
        self.call("POST", f"/element/{self.element(selector)}/click")

    def keys(self, selector: str, text: str) -> None:
        self.call("POST", f"/element/{self.element(selector)}/value", {"text": text})

    def text(self, selector: str) -> str:
        return str(self.script("return document.querySelector(arguments[0])?.innerText ?? ''", selector))

    def texts(self, selector: str) -> list[str]:
        script = "return [...document.querySelectorAll(arguments[0])].map(element => element.innerText)"
        return list(self.script(script, selector))

    def console(self) -> list[str]:
        """New console messages: errors, warnings and policy violations."""
        return [entry["message"] for entry in self.call("POST", "/se/log", {"type": "browser"})]

    # GraphiQL's parts

    def query(self) -> str:
        self.element(".graphiql-query-editor .CodeMirror")
        return str(self.script(f"return {EDITOR}.getValue()"))

    def write_query(self, text: str) -> None:
        """Replace the query by an anonymous one."""
        self.element(".graphiql-query-editor .CodeMirror")
        self.script(f"{EDITOR}.setValue(arguments[0])", text)
        # GraphiQL parses the text after a debounce, and until then runs an operation of the old text.
        name = f"return {EDITOR}.operationName ?? ''"
        self.until(lambda: not self.script(name), "the name of the operation to go")

    def open_tab(self, title: str) -> None:
        """Show the query of that name."""
        self.until(lambda: title in self.texts(".graphiql-tab-button"), title)
        self.script(
            "[...document.querySelectorAll('.graphiql-tab-button')]"
            ".find(tab => tab.innerText === arguments[0]).click()",
            title,
        )
        self.until(lambda: title in self.query(), "the query of the tab")
        # GraphiQL parses the text after a debounce, and until then runs the operation of the tab before.
        name = f"return {EDITOR}.operationName ?? ''"
        self.until(lambda: self.script(name) == title, "the name of the operation to be that of the tab")

    def run(self, expected: str) -> None:
        """Run the query and wait for a text in its result."""
        self.click(".graphiql-execute-button")
        self.until(lambda: expected in self.text(".result-window"), f"{expected} in the result")


@pytest.fixture
def browser(chromedriver: str, tmp_path: Path) -> Iterator[Browser]:
    flags = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
        "--window-size=1400,900",
        f"--user-data-dir={tmp_path / 'profile'}",
    ]
    wanted = {
        "browserName": "chrome",
        "goog:chromeOptions": {"args": flags},
        "goog:loggingPrefs": {"browser": "ALL"},
    }
    with httpx.Client(base_url=chromedriver, timeout=60, trust_env=False) as client:
        response = client.post("/session", json={"capabilities": {"alwaysMatch": wanted}})
        assert response.status_code == 200, response.text
        opened = Browser(client, response.json()["value"]["sessionId"])
        yield opened
        opened.call("DELETE", "")


def test_the_page_loads_clean_and_opens_with_the_examples(browser: Browser, address: str) -> None:
    # when
    browser.open(address)
    browser.element(".graphiql-query-editor .CodeMirror")
    # then each example has a tab, and the first is shown
    titles = [
        re.findall(r"(?:query|mutation|subscription) (\w+)", example.query)[0] for example in web.examples()
    ]
    assert browser.texts(".graphiql-tab-button") == titles
    assert browser.query() == web.examples()[0].query
    # and it runs
    browser.write_query("{ callCount }")
    browser.run('"callCount": 42')
    assert browser.console() == []


def test_the_documentation_and_the_settings_keep_to_the_policy(browser: Browser, address: str) -> None:
    browser.open(address)
    # when the schema is looked at
    browser.click('[aria-label="Show Documentation Explorer"]')
    browser.until(lambda: "query: Query" in browser.text(".graphiql-doc-explorer"), "the root type")
    # and the dialogs are opened
    browser.click('[aria-label="Open settings dialog"]')
    browser.until(lambda: "Theme" in browser.text("[role=dialog]"), "the settings")
    browser.click("[role=dialog] .graphiql-dialog-close")
    browser.click('[aria-label="Open short keys dialog"]')
    browser.until(lambda: "Short Keys" in browser.text("[role=dialog]"), "the short keys")
    # then
    assert browser.console() == []


def test_fields_are_completed_while_typing(browser: Browser, address: str) -> None:
    browser.open(address)
    browser.write_query("")
    # when, once the schema is known, two letters are typed
    typed = ".graphiql-query-editor textarea"
    browser.until(lambda: not browser.elements(".graphiql-spinner"), "the schema")
    browser.keys(typed, "{ ca")
    browser.until(lambda: browser.texts(".CodeMirror-hint"), "completions")
    # then the fields that match are offered
    assert browser.texts(".CodeMirror-hint") == ["caller", "callCount", "__schema"]
    # and the chosen one is taken
    browser.keys(typed, ENTER)
    assert "caller" in browser.query()
    assert browser.console() == []


def test_the_token_is_sent_and_kept_in_the_tab_only(browser: Browser, address: str) -> None:
    browser.open(address)
    browser.write_query("{ caller }")
    browser.run('"caller": "nobody"')
    # when
    browser.keys("#token", "abc.DEF-123" + TAB)
    browser.run('"caller": "Bearer abc.DEF-123"')
    # then it is nowhere but in the session of this tab
    assert browser.script("return Object.values(sessionStorage)") == ["abc.DEF-123"]
    assert "abc.DEF-123" not in browser.script("return JSON.stringify(localStorage)")
    assert browser.script("return document.cookie") == ""
    # and a reload finds it again
    browser.open(address)
    browser.write_query("{ caller }")
    browser.run('"caller": "Bearer abc.DEF-123"')
    assert browser.console() == []


def test_a_query_in_the_address_is_shown_and_not_run(browser: Browser, address: str) -> None:
    browser.open(f"{address}?query={{+callCount+}}")
    assert browser.query() == "{ callCount }"
    # An editor without text shows a zero-width space.
    assert browser.text(".result-window").strip("\u200b") == ""
    assert browser.console() == []


def test_signing_in_on_the_page_sets_the_viewer(browser: Browser, tmp_path: Path) -> None:
    # given a registry with a user
    password = "correct-horse-battery"
    process.make_user(tmp_path, "ada", password)
    with process.serving(tmp_path) as (client, _):
        # when she comes by the link of GraphiQL and signs in
        browser.open(f"{client.base_url}/graphql")
        browser.click("header a")
        browser.keys("[name=username]", "ada")
        browser.keys("[name=password]", password + ENTER)
        # then she is back, and is the viewer, without any token
        browser.element(".graphiql-query-editor .CodeMirror")
        browser.open(f"{client.base_url}/graphql?query={{viewer{{name+session{{createdAt}}}}}}")
        browser.run('"name": "ada"')
        assert browser.script("return document.cookie") == ""
        # and until she signs out
        browser.open(f"{client.base_url}/signin")
        browser.until(lambda: "signed in as ada" in browser.text("main"), "the name")
        browser.click("button")
        browser.until(lambda: browser.elements("[name=password]"), "the form")
        browser.open(f"{client.base_url}/graphql?query={{viewer{{name}}}}")
        browser.run('"viewer": null')
        assert browser.console() == []


def test_a_subscription_shows_events_until_it_is_stopped(browser: Browser, tmp_path: Path) -> None:
    # given a registry, and a user of it in the browser
    process.make_user(tmp_path, "ada", "correct-horse-battery")
    token = process.token_of(tmp_path, "ada", "user:admin org:admin repo:create repo:read")
    with process.serving(tmp_path) as (client, _):
        headers = {"Authorization": f"Bearer {token}"}

        def create(name: str) -> None:
            body = {"namespace": "acme", "repository": name, "visibility": "private", "description": ""}
            client.post("/api/v1/repository", headers=headers, json=body).raise_for_status()

        organization = {"name": "acme", "email": "office@acme.example"}
        client.post("/api/v1/organization/", headers=headers, json=organization).raise_for_status()
        browser.open(f"{client.base_url}/graphql")
        browser.keys("#token", token + TAB)
        # when she runs the example of a subscription
        browser.open_tab("LiveEvents")
        browser.click(".graphiql-execute-button")
        browser.until(lambda: listeners(client) == 1, "the subscription")
        for name in ("one", "two"):
            create(name)
            browser.until(lambda name=name: f"acme/{name}" in browser.text(".result-window"), name)
        # then each is shown, and nothing more once she stops
        browser.click(".graphiql-execute-button")
        browser.until(lambda: listeners(client) == 0, "the end of the subscription")
        create("three")
        assert "acme/two" in browser.text(".result-window")
        assert browser.console() == []


def listeners(client: httpx.Client) -> int:
    """How many subscriptions the server has."""
    found = re.search(r"^quayside_subscriptions ([\d.]+)$", client.get("/metrics").text, re.MULTILINE)
    assert found is not None
    return int(float(found[1]))
