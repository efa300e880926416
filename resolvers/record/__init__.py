"""The record of what happened: audit log, exports, live events."""
