"""The audit log, its exports, and live events."""
