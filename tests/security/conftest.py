"""The doors that the attacks of this folder come through: `/v2` with two users, and `/graphql`."""

from tests.quayside.registry.conftest import (
    anonymous,
    application,
    registry,
    repository,
    stranger,
    unauthenticated,
)
from tests.schema.conftest import ada, graphql

__all__ = [
    "ada",
    "anonymous",
    "application",
    "graphql",
    "registry",
    "repository",
    "stranger",
    "unauthenticated",
]
