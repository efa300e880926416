"""Retention: which rule keeps a tag or a manifest, which ends it, and when its bytes go."""
