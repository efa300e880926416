"""GraphiQL and its assets, served from the package."""
