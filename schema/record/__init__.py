"""The audit log and live events."""
