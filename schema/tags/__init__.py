"""Tags through time."""
