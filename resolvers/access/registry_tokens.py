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
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from jose import jwk, jwt
from jose.exceptions import JWTError

from resolvers.errors import InvalidCredentials
from storage.clock import SKEW_MS, now_ms
from storage.models.site import ServiceKey
from storage.secrets import Secrets
from storage.transactions import transaction

ALGORITHM = "RS256"
ISSUER = "quayside"
LIFETIME_S = 3600
CACHE_SIZE = 4096
SERVICE = "quayside-registry"

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

    `has_catalog` is whether the catalog was requested and granted.
    `token_id` and `expires_at_s` (Unix time) are set by the signer.
    """

    subject: str
    account_id: int
    account_epoch: int
    credential_kind: str | None
    credential_id: int
    repositories: Mapping[str, RepositoryGrant]
    has_catalog: bool = False
    token_id: str = ""
    expires_at_s: int = 0


@dataclass(frozen=True, slots=True)
class RobotPassword:
    """The content of a password for a robot (identity federation), with the robot's `auth_epoch` then."""

    name: str
    account_id: int
    account_epoch: int


class TokenSigner:
    """Signs and verifies JWTs. Keys are built once: parsing PEM costs 150 times as much as a signature."""

    def __init__(
        self, kid: str, private_key_pem: str, public_keys: Mapping[str, str], *, audience: str
    ) -> None:
        self._kid = kid
        self._private = jwk.construct(private_key_pem, ALGORITHM)
        self._public = {name: jwk.construct(pem, ALGORITHM) for name, pem in public_keys.items()}
        self._audience = audience
        self._verified: OrderedDict[str, RegistryGrant] = OrderedDict()

    def issue(self, grant: RegistryGrant) -> str:
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
            },
        }
        return self._sign(claims)

    def issue_password(self, password: RobotPassword) -> str:
        """A password that the token service accepts instead of a robot's token, for one hour."""
        own = {"robot": [password.account_id, password.account_epoch]}
        return self._sign({"sub": password.name, "quayside": own})

    def verify_password(self, text: str) -> RobotPassword:
        """The content of a password from `issue_password`. Raises `InvalidCredentials` for any other text."""
        try:
            claims = self._claims(text)
            # Only passwords have this claim, so a registry token is never accepted as one, or the reverse.
            account_id, epoch = claims["quayside"]["robot"]
            return RobotPassword(claims["sub"], account_id, epoch)
        except _MALFORMED as error:
            raise InvalidCredentials from error

    def _sign(self, claims: dict[str, Any]) -> str:
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
        return str(jwt.encode(whole, self._private, algorithm=ALGORITHM, headers={"kid": self._kid}))

    def verify(self, token: str) -> RegistryGrant:
        """The grant of a token, from a cache if seen before. Raises `InvalidCredentials`."""
        grant = self._verified.get(token)
        if grant is None:
            grant = self._decode(token)
            self._verified[token] = grant
            if len(self._verified) > CACHE_SIZE:
                self._verified.popitem(last=False)
        if grant.expires_at_s <= time.time():
            self._verified.pop(token, None)
            raise InvalidCredentials("The token has expired.")
        return grant

    def _decode(self, token: str) -> RegistryGrant:
        try:
            return _grant(self._claims(token))
        except _MALFORMED as error:
            raise InvalidCredentials("The token is not valid.") from error

    def _claims(self, token: str) -> dict[str, Any]:
        """The claims of a valid token. Raises one of `_MALFORMED`."""
        # Only the key id is read from the unverified header, to choose among our own keys.
        key = self._public[jwt.get_unverified_header(token)["kid"]]
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=[ALGORITHM],
            audience=self._audience,
            issuer=ISSUER,
            options={"require_exp": True, "require_aud": True, "require_iss": True, "require_sub": True},
        )
        return claims


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
        token_id=claims["jti"],
        expires_at_s=claims["exp"],
    )


async def load_signer(secrets: Secrets, *, audience: str) -> TokenSigner:
    """The signer with the service key of this installation; creates the key at the first start."""
    key = await ServiceKey.filter(service=SERVICE).order_by("-id").first()
    if key is None:
        private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        # Two processes may start at once; the first key has a fixed kid, so that only one insert wins.
        first = ServiceKey(
            kid=f"{SERVICE}-1",
            service=SERVICE,
            private_key_encrypted=secrets.encrypt(_private_pem(private)),
            public_key=_public_pem(private),
            created_at_ms=now_ms(),
        )
        async with transaction("service_key.create"):
            await ServiceKey.bulk_create([first], ignore_conflicts=True)
        key = await ServiceKey.filter(service=SERVICE).order_by("-id").first()
    assert key is not None
    assert key.private_key_encrypted is not None
    keys = await ServiceKey.filter(service=SERVICE)
    return TokenSigner(
        key.kid,
        secrets.decrypt(key.private_key_encrypted),
        {row.kid: row.public_key for row in keys},
        audience=audience,
    )


def _private_pem(key: rsa.RSAPrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def _public_pem(key: rsa.RSAPrivateKey) -> str:
    return (
        key.public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode()
    )
