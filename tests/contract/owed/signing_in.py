"""Signing in and out at a browser, and what the token service does when somebody asks for a token."""

from __future__ import annotations

from tests.browser import PASSWORD
from tests.contract.owed.rows import AGENT, Entry, Request, Row

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
NEW_REPOSITORY = "scope=repository:acme/new:pull,push"
GRANT = "grant_type=password&username=<login>&password=<password>&"
NOTHING_GRANTED = dict.fromkeys(
    (
        *("outsider", "reader", "writer", "keeper", "member", "robot", "read", "write", "admin", "user"),
        *("inspector", "super", "plain super"),
    ),
    "200",
)
"""Less than asked for is no error."""

PUSHED_FIRST = (Entry("create_repo", {"repo": "new", "namespace": "acme"}, "acme", "acme/new"),)


def browser(name: str, path: str, changes: str, *entries: Entry, outcome: str = "", **body: str) -> Row:
    """A row of a page's request, by the browser of owner; other pages are refused."""
    request = Request(f"/api/v1/{path}", "POST", body, by="session")
    return Row(name, request, "a page of ours", changes, entries, outcome=outcome)


def failed(by: str, kind: str, door: str, **username: str) -> Entry:
    """The entry of a wrong password."""
    metadata = {"type": door, "kind": kind, "useragent": AGENT, "message": "Invalid credentials"}
    return Entry("login_failure", metadata | username, by)


REGISTRY: tuple[Row, ...] = (
    Row(
        "GET token:for a new repository",
        Request(f"/v2/auth?{NEW_REPOSITORY}", "GET", by="maker"),
        "create",
        "+repository +repository_permission",
        PUSHED_FIRST,
        outcomes={"anonymous": "200", **NOTHING_GRANTED},
    ),
    Row(
        "POST token:for a new repository",
        Request("/v2/auth", "POST", GRANT + NEW_REPOSITORY, FORM, by="maker"),
        "create, by a form",
        "+repository +repository_permission",
        PUSHED_FIRST,
        outcomes=NOTHING_GRANTED,
    ),
    Row(
        "GET token:to log in",
        Request("/v2/auth", "GET", by="owner"),
        "log in",
        "",
        (Entry("login_success", {"type": "v2auth", "kind": "oauth", "useragent": AGENT}, "owner"),),
    ),
    Row(
        "GET token:to log in as a robot",
        Request("/v2/auth", "GET", by="robot"),
        "log in",
        "",
        (Entry("login_success", {"type": "v2auth", "kind": "oauth", "useragent": AGENT}, "acme"),),
    ),
    Row(
        "POST token:with a wrong password",
        Request(
            "/v2/auth", "POST", "grant_type=password&username=owner&password=wrong", FORM, by="anonymous"
        ),
        "everybody",
        "+sign_in_failure",
        (failed("owner", "user", "v2auth", username="owner"),),
        outcome="401",
    ),
)
BROWSER: tuple[Row, ...] = (
    browser(
        "signin",
        "signin",
        "+session -session +sign_in_failure",
        Entry("login_success", {"type": "quayauth", "useragent": AGENT}, "owner"),
        username="owner",
        password=PASSWORD,
    ),
    browser(
        "signin:with a wrong password",
        "signin",
        "+sign_in_failure",
        failed("owner", "user", "quayauth", username="owner"),
        outcome="403",
        username="owner@example.com",
        password="wrong",
    ),
    browser("signin/verify", "signin/verify", "~session +sign_in_failure", password=PASSWORD),
    browser(
        "signin/verify:with a wrong password",
        "signin/verify",
        "+sign_in_failure",
        failed("owner", "user", "quayauth", username="owner"),
        outcome="403",
        password="wrong",
    ),
    browser("signout", "signout", "-session", Entry("logout_success", {}, "owner")),
)
