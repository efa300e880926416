"""Manifests and their labels."""
