"""Organizations that are pull-through caches of other registries."""
