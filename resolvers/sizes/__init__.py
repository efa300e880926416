"""Sizes: stored bytes as triggers keep them, their recount, and their history."""
