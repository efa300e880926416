"""Builds: from a Dockerfile or a commit to a tag."""
