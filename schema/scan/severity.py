"""The enum `VulnerabilitySeverity`, registered before any type uses it."""

import strawberry

from resolvers.advisories.severity import Severity

__all__ = ["Severity"]

strawberry.enum(Severity, name="VulnerabilitySeverity", description="How bad a vulnerability is.")
