"""Mirrors: repositories whose tags come from another registry."""
