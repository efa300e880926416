"""Retention: which rule keeps a tag or a manifest, and when its bytes go."""
