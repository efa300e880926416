"""Quotas of namespaces: how much they may store, and what holds them to it."""
