"""THE OLD DOOR: the Quay REST API, each route a GraphQL operation on the schema."""
