"""Who may pull from a repository."""

import strawberry

from resolvers.repositories.repository import Visibility

__all__ = ["Visibility"]

strawberry.enum(
    Visibility, name="Visibility", description="Who may pull: everybody, or whoever has a permission."
)
