"""Settings and feature flags: read and validated once, then immutable."""
