"""Builds: the sandbox in which Dockerfiles run, the driver of buildah, and the limits that are watched."""
