"""Numbered, additive migrations of the database schema."""
