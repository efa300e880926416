"""Notifications: events of repositories and namespaces that are told to receivers."""
