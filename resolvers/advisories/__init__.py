"""Advisories: what is known to be wrong with packages, and which versions that concerns."""
