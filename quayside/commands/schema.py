"""`quayside schema`: the GraphQL schema as text, for tools that generate clients."""

import argparse

from schema import schema


def run(_: argparse.Namespace) -> int:
    """Print the schema in the schema definition language."""
    print(schema.as_str())
    return 0
