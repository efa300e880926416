"""STATE: rows and bytes. Knows nothing of the layers above it."""
