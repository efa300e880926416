"""Auto-prune policies: what they select, and their runs."""
