"""Default permissions apply at once to a repository that a push creates."""

import httpx

from quayside.settings.settings import Settings
from resolvers.access.roles import RepositoryRole
from resolvers.accounts import organization
from resolvers.accounts.grantee import Grantee, GranteeKind
from resolvers.repositories import prototype
from tests.quayside.registry import kit, people
from tests.quayside.registry.people import STRANGER


async def test_a_repository_created_by_a_push_has_default_permissions(
    registry: httpx.AsyncClient, stranger: httpx.AsyncClient, settings: Settings
) -> None:
    # Given an organization where a user may pull whatever is created from now on
    async with people.acting(settings) as context:
        await organization.create(context, name="acme")
    await kit.Repository(registry, "acme/older").push_image(b"layer", tag="v1")
    async with people.acting(settings) as context:
        await prototype.create(
            context, "acme", delegate=Grantee(GranteeKind.USER, STRANGER), role=RepositoryRole.READ
        )

    # When the first push creates a repository
    await kit.Repository(registry, "acme/newer").push_image(b"layer", tag="v1")

    # Then that user pulls from it, and neither pushes to it nor pulls from an older one
    assert (await stranger.get("/v2/acme/newer/manifests/v1")).status_code == 200
    assert (await stranger.get("/v2/acme/older/manifests/v1")).status_code == 401
    assert (await stranger.post("/v2/acme/newer/blobs/uploads/")).status_code == 401
