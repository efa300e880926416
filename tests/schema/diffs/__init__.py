"""Differences between images through GraphQL."""
