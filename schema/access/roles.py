"""The enum `RepositoryRole`, registered before any type uses it."""

import strawberry

from resolvers.access.roles import RepositoryRole

__all__ = ["RepositoryRole"]

strawberry.enum(
    RepositoryRole,
    name="RepositoryRole",
    description="What one may do with a repository: pull, also push, also administer.",
)
