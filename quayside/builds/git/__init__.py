"""Git repositories: asked and fetched by the program git, locked in and behind a proxy of our own."""
