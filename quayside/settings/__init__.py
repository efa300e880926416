"""Settings and feature flags: read once, checked, never changed."""
