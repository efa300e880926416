"""Parsers: what reads the packages of one ecosystem from the files of a layer.

A module here with `PARSERS` is found by itself (`collected`). Parsers run in the child process that reads a
layer: they are pure, know no database and no network, and import nothing that is large.
"""

from importlib import import_module
from pkgutil import iter_modules

from quayside.scan.parsers.base import Parser


def collected() -> tuple[Parser, ...]:
    """The parsers of all modules here, in the order of the modules' names."""
    modules = (import_module(f"{__name__}.{found.name}") for found in iter_modules(__path__))
    return tuple(parser for module in modules for parser in getattr(module, "PARSERS", ()))
