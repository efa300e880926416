"""Loops without rules in them: the job runner and its handlers."""
