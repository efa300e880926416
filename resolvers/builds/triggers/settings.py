"""Settings of a trigger: what its activation gives, checked, and the addresses that follow from it.

    build_source       the Git repository: its URL, of a service also `owner/name`
    dockerfile_path    where the Dockerfile is, `/Dockerfile` if not given
    context            the directory that it copies from, its own if not given

The keys about tags and references are those of `templates.py`. Keys that mean nothing here are kept as they
are, for clients that have their own.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import orjson

from resolvers.builds.build import BuildRequest, paths_of
from resolvers.builds.git import git_of
from resolvers.builds.triggers.services import TriggerService
from resolvers.builds.triggers.templates import check_config
from resolvers.context import Context
from resolvers.errors import Invalid, QuaysideError

MAXIMUM_BYTES: Final = 16 * 1024
MAXIMUM_URL: Final = 2048
OURS: Final = frozenset({"credentials", "hook_id", "deploy_key_id"})
"""Keys that clients see in a configuration that is active, and may send back; they say nothing."""
HOSTS: Final = MappingProxyType(
    {
        TriggerService.GITHUB: "github.com",
        TriggerService.GITLAB: "gitlab.com",
        TriggerService.BITBUCKET: "bitbucket.org",
    }
)
"""Where the repositories of a service are that are named by `owner/name` alone."""
_NAME: Final = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]*(?:/[A-Za-z0-9_-][A-Za-z0-9_.-]*)+")
_SSH: Final = re.compile(r"ssh://|[^/:@\s]+@[^/:\s]+:")
_SOURCE: Final = re.compile(
    r"(?:https://|ssh://(?:[^/@\s]+@)?)(?P<host>[^/:\s]+)(?::\d+)?/(?P<path>\S+)"
    r"|[^/:@\s]+@(?P<ssh_host>[^/:\s]+):(?P<ssh_path>\S+)"
)


async def checked(context: Context, service: TriggerService, config: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration as it is kept. Raises `Invalid`, which names the key."""
    kept = {key: value for key, value in config.items() if key not in OURS}
    try:
        text = orjson.dumps(kept)
    except orjson.JSONEncodeError as error:
        raise Invalid("config: has a number or a text that cannot be kept.", field="config") from error
    if len(text) > MAXIMUM_BYTES:
        raise Invalid(f"config: must have at most {MAXIMUM_BYTES} bytes as JSON.", field="config")
    if b"\\u0000" in text:
        raise Invalid("config: must have no null characters.", field="config")
    for key in ("build_source", "dockerfile_path", "context"):
        if not isinstance(kept.get(key, ""), str):
            raise _refused(key, "must be a text.")
    check_config(kept)
    paths_in(kept)
    await _check_source(context, service, kept.get("build_source", ""))
    return kept


def _refused(key: str, text: str) -> Invalid:
    return Invalid(f"{key}: {text}", field=f"config.{key}")


async def _check_source(context: Context, service: TriggerService, source: str) -> None:
    if not source or len(source) > MAXIMUM_URL:
        raise _refused("build_source", f"name the Git repository, in at most {MAXIMUM_URL} characters.")
    git = git_of(context.site)
    if git is None:
        raise _refused("build_source", "this server cannot reach Git repositories, as git is not installed.")
    try:
        await git.check_url(url_of(service, source))
    except QuaysideError as error:
        raise _refused("build_source", error.message) from error


def paths_in(config: Mapping[str, Any]) -> tuple[str, str]:
    """The paths of the Dockerfile and of the context in the repository. Raises `Invalid`."""
    wanted = BuildRequest(
        dockerfile_path=config.get("dockerfile_path") or "/Dockerfile",
        context_path=config.get("context") or None,
    )
    try:
        return paths_of(wanted)
    except Invalid as error:
        raise _refused(
            "dockerfile_path" if error.field == "dockerfilePath" else "context", error.message
        ) from error


def url_of(service: TriggerService, source: str) -> str:
    """The URL of the Git repository that a source names."""
    host = HOSTS.get(service)
    if host is not None and _NAME.fullmatch(source):
        return f"https://{host}/{source}.git"
    return source


def is_ssh(url: str) -> bool:
    """Whether a Git repository is reached by ssh, for which a trigger has a key."""
    return _SSH.match(url) is not None


def web_address(service: TriggerService, source: str | None) -> str | None:
    """The page of a repository of a service, None of any other Git repository."""
    if source is None or service not in HOSTS:
        return None
    found = _SOURCE.fullmatch(url_of(service, source))
    if found is None:
        return None
    host, path = found["host"] or found["ssh_host"], found["path"] or found["ssh_path"]
    return f"https://{host}/{path.removesuffix('/').removesuffix('.git')}"
