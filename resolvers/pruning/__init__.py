"""Auto-prune: policies that end tags by number or age."""
