"""Repositories: finding and changing them, permissions, membership, stars, activity."""
