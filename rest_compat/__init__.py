"""The Quay-compatible REST API `/api/v1`: each route is a GraphQL operation on the schema."""
