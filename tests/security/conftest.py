"""Clients for attacks: of `/v2` with two users, and of `/graphql`."""

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
