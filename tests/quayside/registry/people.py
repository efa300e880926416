"""Users, robots and grants for tests of `/v2`, created by resolvers beside the running server."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from quayside.commands.database import open_context
from quayside.settings.settings import Settings
from resolvers.access.credentials import viewer_for
from resolvers.access.roles import RepositoryRole
from resolvers.access.scopes import DIRECT
from resolvers.accounts import robot
from resolvers.accounts.account import create_user
from resolvers.accounts.grantee import Grantee, GranteeKind
from resolvers.context import Context
from resolvers.repositories import permission, repository
from resolvers.repositories.repository import Visibility
from storage.statements import fetch_one

PASSWORD = "correct-horse-battery"
OWNER, STRANGER = "owner", "stranger"


async def create_users(settings: Settings, *names: str) -> None:
    """Create users whose password is `PASSWORD`."""
    async with open_context(settings) as context:
        for name in names:
            await create_user(context, name=name, email=f"{name}@example.com", password=PASSWORD)


@asynccontextmanager
async def acting(settings: Settings, name: str = OWNER) -> AsyncIterator[Context]:
    """The context in which a user who is signed in calls resolvers."""
    async with open_context(settings) as context:
        yield await signed_in(context, name)


async def signed_in(context: Context, name: str) -> Context:
    """The context in which another user who is signed in calls resolvers."""
    account = await fetch_one(
        "SELECT id, name, kind, auth_epoch, is_superuser FROM account WHERE name = ?", name
    )
    assert account is not None
    return replace(context, viewer=viewer_for(account, DIRECT, context.site))


async def create_robot(settings: Settings, name: str, path: str, role: RepositoryRole) -> tuple[str, str]:
    """Create a robot of the owner with a role on one repository; its user name and token."""
    async with acting(settings) as context:
        created = await robot.create(context, owner=OWNER, short_name=name)
        await permission.set_permission(context, path, Grantee(GranteeKind.USER, created.name), role)
    return created.name, created.token


async def grant(settings: Settings, name: str, path: str, role: RepositoryRole) -> None:
    """Give a user a role on a repository of the owner."""
    async with acting(settings) as context:
        await permit(context, path, name, role)


async def permit(context: Context, path: str, name: str, role: RepositoryRole) -> None:
    """Give a user or a robot a role on a repository, as the one whose context it is."""
    await permission.set_permission(context, path, Grantee(GranteeKind.USER, name), role)


async def publish(settings: Settings, path: str) -> None:
    """Make a user's repository public."""
    async with acting(settings, path.partition("/")[0]) as context:
        await repository.change_visibility(context, path, Visibility.PUBLIC)
