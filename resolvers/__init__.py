"""BEHAVIOUR: what the registry does, one module per noun. Knows storage; no GraphQL, no HTTP."""
