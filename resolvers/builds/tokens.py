"""Tokens of builds: what a build may do at `/v2` is what those may in whose name it runs."""

import contextlib
from dataclasses import replace
from typing import Final

from resolvers.access.credentials import account_viewer
from resolvers.access.registry_tokens import PULL, PUSH
from resolvers.builds.build import BuildRecord
from resolvers.builds.builder import BuildFailed
from resolvers.context import Context
from resolvers.keys.ring import load_signer
from resolvers.repositories.registry_access import RequestedScope, RequestedScopes, registry_grant

ROBOT: Final = "The robot that fetches base images"


async def push_token(context: Context, found: BuildRecord, path: str) -> str:
    """A token to push to the repository of a build, of the account that it is of. Raises `BuildFailed`."""
    return await _token(context, found.account_id, path, (PULL, PUSH), _who(found))


async def pull_token(context: Context, found: BuildRecord, path: str) -> str:
    """A token to pull what a build is made on, of its robot if it has one. Raises `BuildFailed`."""
    # Nobody takes the place of a robot that is gone: it was named since it may read less than others.
    if found.has_robot:
        return await _token(context, found.robot_id, path, (PULL,), ROBOT)
    return await _token(context, found.account_id, path, (PULL,), _who(found))


def _who(found: BuildRecord) -> str:
    return f"The account that {'ordered the build' if found.is_manual else 'connected the trigger'}"


async def _token(
    context: Context, account_id: int | None, path: str, actions: tuple[str, ...], who: str
) -> str:
    viewer = None if account_id is None else await account_viewer(account_id, site=context.site)
    if viewer is None:
        raise BuildFailed(f"{who} is gone or disabled.")
    acting = replace(context, viewer=viewer)
    grant = await registry_grant(acting, RequestedScopes((RequestedScope(path, actions),)))
    if PUSH in actions and not grant.repositories[path].allows(PUSH):
        raise BuildFailed(f"{who} may not push to the repository.")
    signer = await load_signer(context, contextlib.nullcontext, audience=context.site.registry_host)
    return await signer.issue(replace(grant, is_for_build=True))
