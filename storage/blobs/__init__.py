"""Content-addressed bytes behind one small interface."""
