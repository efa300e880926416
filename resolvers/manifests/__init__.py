"""Manifests: what they contain, what refers to them, their labels, and which are alive."""
