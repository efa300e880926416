"""Real skopeo, while the rights of others, or its own, change in the middle of its push."""

import asyncio
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from starlette.types import Receive, Scope, Send

from quayside.app import create_app
from quayside.settings.settings import Settings
from resolvers.access.roles import RepositoryRole
from resolvers.context import Context
from resolvers.repositories import permission, repository
from resolvers.repositories.repository import Visibility
from tests.functional.skopeo import skopeo
from tests.functional.test_skopeo import multi_arch
from tests.live import listening_at
from tests.process import free_port
from tests.quayside.registry import people
from tests.quayside.registry.people import OWNER, PASSWORD, STRANGER
from tests.quayside.registry.test_judged_again import user_of

pytestmark = pytest.mark.needs("skopeo")

APP = "owner/app"


@asynccontextmanager
async def interrupted(
    settings: Settings, change: Callable[[Context], Awaitable[object]]
) -> AsyncIterator[str]:
    """The address of a registry that makes a change before it takes the first blob."""
    port = free_port()
    settings = replace(settings, public_url=f"http://127.0.0.1:{port}")
    await people.create_users(settings, OWNER, STRANGER, "helper")
    async with people.acting(settings) as context:
        await repository.create(context, namespace=OWNER, name="app", visibility=Visibility.PRIVATE)
        await permission.set_permission(context, APP, user_of(STRANGER), RepositoryRole.WRITE)
    app = create_app(settings, jobs=False)
    begun: list[Scope] = []

    async def changing(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] in ("PATCH", "PUT") and not begun:
            begun.append(scope)
            async with people.acting(settings) as context:
                await change(context)
        await app(scope, receive, send)

    async with app.router.lifespan_context(app), listening_at(changing, port) as address:
        yield address
    assert begun


async def push(address: str, directory: Path) -> subprocess.CompletedProcess[str]:
    multi_arch(directory / "in")
    return await asyncio.to_thread(
        skopeo,
        directory,
        *("copy", "--all", "--dest-tls-verify=false", f"--dest-creds={STRANGER}:{PASSWORD}"),
        *(f"oci:{directory / 'in'}:v1", f"docker://{address}/{APP}:v1"),
    )


async def test_a_push_goes_on_while_others_are_granted_and_refused(
    settings: Settings, tmp_path: Path
) -> None:
    async def change(context: Context) -> None:
        await permission.set_permission(context, APP, user_of("helper"), RepositoryRole.WRITE)
        await permission.delete_permission(context, APP, user_of("helper"))
        await repository.change_visibility(context, APP, Visibility.PUBLIC)
        await repository.change_visibility(context, APP, Visibility.PRIVATE)

    async with interrupted(settings, change) as address:
        pushed = await push(address, tmp_path)

    assert (pushed.returncode, pushed.stderr) == (0, "")


async def test_a_push_ends_when_its_right_is_taken(settings: Settings, tmp_path: Path) -> None:
    async def change(context: Context) -> None:
        await permission.delete_permission(context, APP, user_of(STRANGER))

    async with interrupted(settings, change) as address:
        pushed = await push(address, tmp_path)

    assert pushed.returncode == 1
    assert "authentication required" in pushed.stderr
