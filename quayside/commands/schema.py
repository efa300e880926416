"""`quayside schema`: the GraphQL schema as text, for tools that generate clients."""

import argparse

from schema import sdl


def run(_: argparse.Namespace) -> int:
    """Print the schema in the schema definition language."""
    print(sdl(), end="")
    return 0
