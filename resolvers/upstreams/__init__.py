"""Other registries, of which content is asked: where they are, how they authenticate, what they have."""
