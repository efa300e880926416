"""Manifests: documents, content, referrers, labels, and liveness for garbage collection."""
