"""Notifications and their deliveries."""
