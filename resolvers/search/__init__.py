"""Search over everything that a viewer may see."""
