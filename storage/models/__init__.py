"""Tortoise models, one module per noun: columns and relations, no rules.

Times are integer milliseconds since the epoch (UTC), sizes are bytes. Names of tables are singular. An
invariant that concurrent writers could break is a database constraint, not a check in Python. The first line
of a model's docstring is the comment of its table in the database: changing one takes a migration.
"""

from pkgutil import iter_modules
from typing import Final

MODULES: Final = tuple(f"{__name__}.{module.name}" for module in iter_modules(__path__))
"""The modules of models, for the object mapper to find them."""
