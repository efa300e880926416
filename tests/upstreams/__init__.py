"""Other registries for tests, each a process of its own: a scripted one, and docker-registry."""
