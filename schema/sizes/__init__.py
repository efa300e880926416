"""Sizes: what namespaces and repositories store, and how it grew."""
