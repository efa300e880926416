"""Registry tokens: the short-lived JWTs of the docker token flow.

A token carries its subject, its grants, and the `auth_epoch` of the account, the namespace and each
repository. Signatures are verified once and cached; epochs are compared on each request (`epochs.py`), so
that a disabled account, a rotated robot token or a permission that was taken away counts at once.

Source: the registry token specification (claims iss, sub, aud, exp, nbf, iat, jti, access).
"""

import time
import uuid
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from jose import jwt
from jose.exceptions import JWTError

from resolvers.access.rsa_keys import ALGORITHM
from resolvers.errors import InvalidCredentials
from storage.clock import SKEW_MS

ISSUER = "quayside"
LIFETIME_S = 3600
CACHE_SIZE = 4096

PUSH, PULL, ALL = "push", "pull", "*"
ACTIONS = (PUSH, PULL, ALL)
"""The actions that can be granted, in the order in which a token lists them; `*` includes the others."""

CATALOG = "catalog"
"""The name of the list of all repositories, a resource of the type `registry` whose action is `*`."""

ANONYMOUS_SUBJECT = "(anonymous)"


@dataclass(frozen=True, slots=True)
class RepositoryGrant:
    """What a token grants on one repository, as it was when the token was issued.

    `repository_id` is 0 if there was no repository: such a grant only lets its holder get a 404.
    """

    repository_id: int
    repository_epoch: int
    namespace_epoch: int
    actions: frozenset[str]

    def allows(self, action: str) -> bool:
        """Whether the grant covers an action."""
        return action in self.actions or ALL in self.actions


@dataclass(frozen=True, slots=True)
class RegistryGrant:
    """The content of a token. `account_id` is 0 for anonymous callers; `repositories` is keyed by path.

    `has_catalog` is whether the catalog was requested and granted. `is_for_build`: a build pulls its base
    images with it, which pull policies do not judge.
    `token_id` and `expires_at_s` (Unix time) are set by the signer.
    """

    subject: str
    account_id: int
    account_epoch: int
    credential_kind: str | None
    credential_id: int
    repositories: Mapping[str, RepositoryGrant]
    has_catalog: bool = False
    is_for_build: bool = False
    token_id: str = ""
    expires_at_s: int = 0


@dataclass(frozen=True, slots=True)
class RobotPassword:
    """The content of a password for a robot (identity federation), with the robot's `auth_epoch` then."""

    name: str
    account_id: int
    account_epoch: int


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key to sign with, as the JWT library takes it."""

    kid: str
    key: Any


class SigningKeys(Protocol):
    """The keys of the registry, which change while it runs (`resolvers/keys/ring.py`)."""

    async def signing(self) -> SigningKey:
        """The key that signs now. It stays valid for longer than a token that it signs."""

    def at_hand(self, kid: str) -> Any | None:
        """The public half of a valid key; None if it is unknown here, or what is known here is old."""

    async def find(self, kid: str) -> Any | None:
        """The same, looked up first; None if there is no such valid key."""


class TokenSigner:
    """Signs and verifies JWTs. What was verified once is known again as long as its key is valid."""

    def __init__(self, keys: SigningKeys, *, audience: str) -> None:
        self._keys = keys
        self._audience = audience
        self._verified: OrderedDict[str, tuple[str, RegistryGrant]] = OrderedDict()

    async def issue(self, grant: RegistryGrant) -> str:
        """The token for a grant; it expires in one hour."""
        catalog = {"type": "registry", "name": CATALOG, "actions": [ALL]}
        claims = {
            "sub": grant.subject,
            "access": [
                *(
                    {"type": "repository", "name": path, "actions": _ordered(repository.actions)}
                    for path, repository in grant.repositories.items()
                ),
                *([catalog] if grant.has_catalog else ()),
            ],
            "quayside": {
                "account": [grant.account_id, grant.account_epoch],
                "credential": [grant.credential_kind, grant.credential_id],
                "repositories": {
                    path: [repository.repository_id, repository.repository_epoch, repository.namespace_epoch]
                    for path, repository in grant.repositories.items()
                },
                **({"build": True} if grant.is_for_build else {}),
            },
        }
        return await self._sign(claims)

    async def issue_password(self, password: RobotPassword) -> str:
        """A password that the token service accepts instead of a robot's token, for one hour."""
        own = {"robot": [password.account_id, password.account_epoch]}
        return await self._sign({"sub": password.name, "quayside": own})

    async def verify_password(self, text: str) -> RobotPassword:
        """The content of a password from `issue_password`. Raises `InvalidCredentials` for any other text."""
        try:
            _, claims = await self._claims(text)
            # Only passwords have this claim, so a registry token is never accepted as one, or the reverse.
            account_id, epoch = claims["quayside"]["robot"]
            return RobotPassword(claims["sub"], account_id, epoch)
        except _MALFORMED as error:
            raise InvalidCredentials from error

    async def _sign(self, claims: dict[str, Any]) -> str:
        signing = await self._keys.signing()
        now = int(time.time())
        whole = {
            "iss": ISSUER,
            "aud": self._audience,
            "iat": now,
            "nbf": now - SKEW_MS // 1000,
            "exp": now + LIFETIME_S,
            "jti": uuid.uuid4().hex,
            **claims,
        }
        return str(jwt.encode(whole, signing.key, algorithm=ALGORITHM, headers={"kid": signing.kid}))

    async def verify(self, token: str) -> RegistryGrant:
        """The grant of a token, from a cache if seen before. Raises `InvalidCredentials`."""
        known = self._verified.get(token)
        if known is None:
            known = await self._decode(token)
            self._verified[token] = known
            if len(self._verified) > CACHE_SIZE:
                self._verified.popitem(last=False)
        elif self._keys.at_hand(known[0]) is None and await self._keys.find(known[0]) is None:
            # What it signed ends with a key.
            self._verified.pop(token, None)
            raise InvalidCredentials("The token is not valid.")
        grant = known[1]
        if grant.expires_at_s <= time.time():
            self._verified.pop(token, None)
            raise InvalidCredentials("The token has expired.")
        return grant

    async def _decode(self, token: str) -> tuple[str, RegistryGrant]:
        try:
            kid, claims = await self._claims(token)
            return kid, _grant(claims)
        except _MALFORMED as error:
            raise InvalidCredentials("The token is not valid.") from error

    async def _claims(self, token: str) -> tuple[str, dict[str, Any]]:
        """The key id and the claims of a valid token. Raises one of `_MALFORMED`."""
        # Only the key id is read from the unverified header, to choose among our own keys.
        header = jwt.get_unverified_header(token)
        kid = header["kid"]
        if header["alg"] != ALGORITHM or not isinstance(kid, str):
            raise JWTError("not signed as registry tokens are")
        key = self._keys.at_hand(kid) or await self._keys.find(kid)
        if key is None:
            raise JWTError("signed with no key of the registry")
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=[ALGORITHM],
            audience=self._audience,
            issuer=ISSUER,
            options={"require_exp": True, "require_aud": True, "require_iss": True, "require_sub": True},
        )
        return kid, claims


_MALFORMED = (JWTError, KeyError, TypeError, ValueError, IndexError, AttributeError)
"""What decoding a malformed token can raise."""


def _ordered(actions: frozenset[str]) -> list[str]:
    return [action for action in ACTIONS if action in actions]


def _grant(claims: dict[str, Any]) -> RegistryGrant:
    own = claims["quayside"]
    actions = {
        entry["name"]: frozenset(entry["actions"])
        for entry in claims["access"]
        if entry["type"] == "repository"
    }
    return RegistryGrant(
        subject=claims["sub"],
        account_id=own["account"][0],
        account_epoch=own["account"][1],
        credential_kind=own["credential"][0],
        credential_id=own["credential"][1],
        repositories={
            path: RepositoryGrant(values[0], values[1], values[2], actions[path])
            for path, values in own["repositories"].items()
        },
        has_catalog=any(entry["type"] == "registry" for entry in claims["access"]),
        is_for_build=own.get("build") is True,
        token_id=claims["jti"],
        expires_at_s=claims["exp"],
    )
