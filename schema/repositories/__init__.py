"""Repositories, permissions on them, and their use."""
