"""CONTRACT: the GraphQL schema. Strawberry types whose field bodies are one call into resolvers."""
