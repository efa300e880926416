"""Scanning layers: the child process that reads them, its limits, and the parsers of each ecosystem."""
