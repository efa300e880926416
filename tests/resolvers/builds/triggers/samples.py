"""Webhooks of each service, made after its documentation, and the keys that sign them."""

import base64
import hmac
import json
from typing import Any

COMMIT = "4f1d9b3c5a7e8d6f0b2a4c6e8d0f1a3b5c7d9e0f"
OTHER = "a0b1c2d3e4f5061728394a5b6c7d8e9f00112233"
NOTHING = "0" * 40


def custom(**changes: Any) -> dict[str, Any]:
    """The payload of a custom-git push of main."""
    return {"commit": COMMIT, "ref": "refs/heads/main", "default_branch": "main"} | changes


INFO = {
    "url": "https://git.example.com/acme/ferry/commit/4f1d9b3",
    "message": "Let ferries carry bicycles",
    "date": "2026-03-01T10:20:30+01:00",
    "author": {
        "username": "wilma",
        "avatar_url": "https://git.example.com/w.png",
        "url": "https://w.example",
    },
    "committer": {"username": "otto"},
}


def github(**changes: Any) -> dict[str, Any]:
    """The payload of a GitHub push of main."""
    return {
        "ref": "refs/heads/main",
        "before": OTHER,
        "after": COMMIT,
        "created": False,
        "deleted": False,
        "forced": False,
        "repository": {
            "full_name": "acme/ferry",
            "default_branch": "main",
            "ssh_url": "git@github.com:acme/ferry.git",
        },
        "sender": {
            "login": "wilma",
            "avatar_url": "https://avatars.example/7",
            "html_url": "https://github.example/wilma",
        },
        "head_commit": {
            "id": COMMIT,
            "message": "Let ferries carry bicycles",
            "timestamp": "2026-03-01T10:20:30+01:00",
            "url": "https://github.example/acme/ferry/commit/4f1d9b3",
            "author": {"name": "Wilma W.", "email": "wilma@example.com", "username": "wilma"},
            "committer": {"name": "Otto O.", "email": "otto@example.com"},
        },
    } | changes


def gitlab(**changes: Any) -> dict[str, Any]:
    """The payload of a GitLab push of main."""
    return {
        "object_kind": "push",
        "before": NOTHING,
        "after": COMMIT,
        "checkout_sha": COMMIT,
        "ref": "refs/heads/main",
        "project": {"path_with_namespace": "acme/ferry", "default_branch": "main"},
        "commits": [
            {"id": OTHER, "message": "Paint the ferry", "author": {"name": "Otto O."}},
            {
                "id": COMMIT,
                "message": "Let ferries carry bicycles",
                "timestamp": "2026-03-01T10:20:30+01:00",
                "url": "https://gitlab.example/acme/ferry/-/commit/4f1d9b3",
                "author": {"name": "Wilma W.", "email": "wilma@example.com"},
            },
        ],
        "total_commits_count": 2,
    } | changes


def change(name: str = "main", kind: str = "branch", commit: str = COMMIT) -> dict[str, Any]:
    """A changed reference in a Bitbucket push."""
    target = {
        "type": "commit",
        "hash": commit,
        "message": "Let ferries carry bicycles\n",
        "date": "2026-03-01T09:20:30+00:00",
        "author": {
            "raw": "Wilma W. <wilma@example.com>",
            "user": {
                "display_name": "Wilma W.",
                "nickname": "wilma",
                "links": {
                    "avatar": {"href": "https://avatars.example/7"},
                    "html": {"href": "https://bitbucket.example/wilma"},
                },
            },
        },
        "links": {"html": {"href": "https://bitbucket.example/acme/ferry/commits/4f1d9b3"}},
    }
    new = {"type": kind, "name": name, "target": target}
    return {"new": new, "old": None, "created": True, "closed": False, "forced": False}


def bitbucket(*changes: dict[str, Any]) -> dict[str, Any]:
    """The payload of a Bitbucket Cloud push."""
    return {
        "actor": {"nickname": "wilma"},
        "repository": {"full_name": "acme/ferry", "scm": "git"},
        "push": {"changes": list(changes or (change(),))},
    }


def body_of(payload: Any) -> bytes:
    """A payload as it travels."""
    return json.dumps(payload).encode()


def hub_signature(secret: str, body: bytes) -> str:
    """What GitHub and Bitbucket send with a body."""
    return "sha256=" + hmac.new(secret.encode(), body, "sha256").hexdigest()


def gitlab_signature(secret: str, body: bytes, *, now_s: int) -> dict[str, str]:
    """What GitLab sends with a body, if it has a signing token."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = hmac.new(key, f"one.{now_s}.".encode() + body, "sha256").digest()
    return {
        "webhook-id": "one",
        "webhook-timestamp": str(now_s),
        "webhook-signature": f"v1,AAAA v1,{base64.b64encode(signed).decode()}",
    }
