"""Auto-prune policies as GraphQL types."""
