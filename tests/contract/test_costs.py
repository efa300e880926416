"""REST lists take as many statements for fifteen items as for two."""

from __future__ import annotations

import pytest

from quayside.settings.settings import Settings
from resolvers.access.roles import RepositoryRole, TeamRole
from resolvers.accounts.grantee import Grantee, GranteeKind
from resolvers.accounts.namespace import Owner
from resolvers.notifications import notification
from resolvers.notifications.kinds import NotificationEvent
from resolvers.notifications.methods import NotificationMethod
from resolvers.repositories import prototype
from tests.contract.world import ORGANIZATION, Caller, World, callers
from tests.counting import least_statements
from tests.factories import Factory


async def fill(factory: Factory, first: int, last: int) -> None:
    """Add more of everything that the lists show."""
    for number in range(first, last):
        await factory.organization(f"dock-{number}", owner="maren")
        await factory.team(ORGANIZATION, f"crew-{number}", TeamRole.MEMBER, ["maren"])
        await factory.repository(f"{ORGANIZATION}/crane-{number}", by="maren")
        for kind, name in ((GranteeKind.TEAM, f"crew-{number}"), (GranteeKind.USER, f"mate-{number}")):
            if kind is GranteeKind.USER:
                await factory.user(name)
            await factory.grant(f"{ORGANIZATION}/ferry", name, RepositoryRole.READ, kind=kind, by="maren")
            await prototype.create(
                await factory.as_account("maren"),
                ORGANIZATION,
                delegate=Grantee(kind, name),
                role=RepositoryRole.READ,
                activating_account=f"mate-{number}" if kind is GranteeKind.USER else None,
            )
        await notification.create(
            await factory.as_account("maren"),
            Owner(repository=f"{ORGANIZATION}/ferry"),
            notification.Draft(
                event=NotificationEvent.REPO_PUSH,
                method=NotificationMethod.FLOWDOCK,
                config={"flow_api_token": "1"},
            ),
        )
        await factory.image(f"{ORGANIZATION}/ferry", f"deck {number}".encode(), tag=f"deck-{number}")
        for owner in (ORGANIZATION, "maren"):
            await factory.robot(f"{owner}+winch-{number}", by="maren")
        await factory.grant(
            f"{ORGANIZATION}/crane-{number}",
            f"{ORGANIZATION}+winch-{number}",
            RepositoryRole.READ,
            by="maren",
        )


def actor_of(path: str) -> str:
    """Who asks: `maren`, or where she may not the superuser."""
    return "ingrid" if path.startswith("/superuser/") else "maren"


async def statements(caller: Caller, path: str) -> int:
    """The number of statements of an answer, including authentication."""

    async def ask() -> None:
        answer = await caller.ask(actor_of(path), "GET", path)
        assert answer.status_code == 200

    return await least_statements(ask)


@pytest.mark.parametrize(
    ("path", "limit"),
    [
        (f"/repository?namespace={ORGANIZATION}&last_modified=true", 8),
        ("/repository?public=true&popularity=true", 8),
        ("/find/repositories?query=crane&includeUsage=true", 8),
        ("/find/all?query=cr", 7),
        (f"/entities/cr?namespace={ORGANIZATION}&includeTeams=true", 8),
        ("/user/starred", 3),
        (f"/repository/{ORGANIZATION}/ferry", 7),
        (f"/repository/{ORGANIZATION}/ferry/tag/", 6),
        (f"/organization/{ORGANIZATION}", 9),
        (f"/repository/{ORGANIZATION}/ferry/permissions/user/", 7),
        (f"/repository/{ORGANIZATION}/ferry/permissions/team/", 6),
        (f"/organization/{ORGANIZATION}/prototypes", 10),
        (f"/organization/{ORGANIZATION}/members", 9),
        (f"/organization/{ORGANIZATION}/collaborators", 8),
        (f"/organization/{ORGANIZATION}/team/owners/members?includePending=true", 11),
        (f"/organization/{ORGANIZATION}/team/crew-0/permissions", 8),
        (f"/organization/{ORGANIZATION}/robots?permissions=true", 10),
        ("/user/robots?permissions=true", 8),
        ("/user/", 8),
        (f"/repository/{ORGANIZATION}/ferry/notification/", 7),
        ("/superuser/users/", 9),
        ("/superuser/organizations", 9),
    ],
)
async def test_a_list_costs_the_same_however_long(
    path: str, limit: int, factory: Factory, settings_with_files: Settings
) -> None:
    world = World(factory)
    await world.people()
    await world.organization()
    await world.repositories()
    await fill(factory, 0, 2)
    async with callers(world, settings_with_files) as caller:
        await caller.ask(actor_of(path), "GET", path)  # The first use of a token writes its time.
        few = await statements(caller, path)
        await fill(factory, 2, 15)
        many = await statements(caller, path)

    assert many == few
    assert many <= limit
