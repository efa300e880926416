"""Applications, the authorization server, and the tokens that act for a user."""
