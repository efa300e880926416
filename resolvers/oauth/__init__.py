"""OAuth: applications, the authorization server, access tokens, application tokens, token assignments."""
