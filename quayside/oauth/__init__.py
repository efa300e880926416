"""The authorization server over HTTP. `resolvers.oauth.authorization` decides what is allowed.

GET  /oauth/authorize             asks the user, unless they have agreed before
POST /oauth/authorizeapp          the user agrees: a redirect with a token or a code
POST /oauth/denyapp               the user does not
POST /oauth/access_token          exchanges a code for a token (RFC 6749 §4.1.3, RFC 7636 §4.5)
GET  /oauth/localapp              our own redirect address, which shows the token
POST /oauth/authorize/assignuser  offers a token to another user
"""

from quayside.oauth.server import AuthorizationServer

__all__ = ["AuthorizationServer"]
