"""Service keys."""
