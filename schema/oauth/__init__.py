"""OAuth applications and tokens."""
