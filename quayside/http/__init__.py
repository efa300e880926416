"""HTTP code that all doors share: protocol, middleware, contexts, sessions, health, metrics."""
