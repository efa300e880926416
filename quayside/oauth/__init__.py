"""The authorization server over HTTP. `resolvers.oauth.authorization` decides what is allowed.

GET  /oauth/authorize             asks for consent, unless it was given before
POST /oauth/authorizeapp          consent: redirects with a token or a code
POST /oauth/denyapp               denial: redirects with an error
POST /oauth/access_token          exchanges a code for a token (RFC 6749 §4.1.3, RFC 7636 §4.5)
GET  /oauth/localapp              our own redirect URI, which shows the token
POST /oauth/authorize/assignuser  assigns a token to another user
"""

from quayside.oauth.server import AuthorizationServer

__all__ = ["AuthorizationServer"]
