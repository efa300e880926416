"""Triggers: what makes builds begin when source code changes."""
