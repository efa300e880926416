"""HTTP below every door: protocol, middleware, callers, sessions, health."""
