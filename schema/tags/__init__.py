"""Tags: their spans, history, plans and policies."""
