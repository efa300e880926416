"""RSA keys as the registry makes them and takes them from others: PEM, JWK and thumbprint.

Sources: RFC 7517 (JSON Web Key), RFC 7518 section 6.3 (its RSA members), RFC 7638 (thumbprint).
"""

import base64
import binascii
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from jose import jwk

from resolvers.errors import Invalid

ALGORITHM = "RS256"
KEY_BITS = 2048
MIN_BITS, MAX_BITS = 2048, 8192
MIN_EXPONENT, MAX_EXPONENT = 65_537, 2**32
"""What NIST SP 800-56B asks for at least, and what keeps a verification cheap."""

PRIVATE_MEMBERS = frozenset(("d", "p", "q", "dp", "dq", "qi", "oth", "k"))


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A new key. `private_pem` is PKCS #1, `public_pem` SubjectPublicKeyInfo."""

    kid: str
    private_pem: str
    public_pem: str


def new_pair() -> KeyPair:
    """A new key, named by its thumbprint. It takes some tenths of a second: call it outside of the loop."""
    private = _generate()
    private_pem = private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
    public_pem = _pem(private.public_key())
    return KeyPair(thumbprint(jwk_of(public_pem)), private_pem.decode(), public_pem)


def _generate() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=MIN_EXPONENT, key_size=KEY_BITS)


def constructed(pem: str) -> Any:
    """The key of a PEM as the JWT library takes it. Reading one costs as much as 150 signatures."""
    return jwk.construct(pem, ALGORITHM)


def jwk_of(public_pem: str) -> dict[str, str]:
    """The JWK of a public key: `kty`, `n` and `e`."""
    numbers = _public(public_pem).public_numbers()
    return {"kty": "RSA", "n": _encoded(numbers.n), "e": _encoded(numbers.e)}


def thumbprint(key: Mapping[str, str]) -> str:
    """The SHA-256 thumbprint of an RSA key, in base64url."""
    canonical = orjson.dumps({name: key[name] for name in ("e", "kty", "n")})
    return base64.urlsafe_b64encode(hashlib.sha256(canonical).digest()).decode().rstrip("=")


def kids_of(key: Mapping[str, str]) -> tuple[str, str]:
    """What a key may be called: its thumbprint in base64url, and in hexadecimal digits."""
    plain = thumbprint(key)
    return plain, base64.urlsafe_b64decode(f"{plain}=").hex()


def pem_of(key: Any) -> str:
    """The PEM of a public JWK that somebody sent. Raises `Invalid`, which names what is wrong with it."""
    if not isinstance(key, dict):
        raise Invalid("The key must be a JSON object: a JWK.", field="key")
    if key.get("kty") != "RSA":
        raise Invalid("kty: must be RSA.", field="kty")
    if key.keys() & PRIVATE_MEMBERS:
        raise Invalid("Send the public half of the key alone; this one must be made anew.", field="key")
    if key.get("alg", ALGORITHM) != ALGORITHM:
        raise Invalid(f"alg: must be {ALGORITHM}.", field="alg")
    if key.get("use", "sig") != "sig":
        raise Invalid("use: must be sig.", field="use")
    modulus, exponent = _number(key, "n"), _number(key, "e")
    if not MIN_BITS <= modulus.bit_length() <= MAX_BITS or not modulus % 2:
        raise Invalid(f"n: must be an RSA modulus of {MIN_BITS} to {MAX_BITS} bits.", field="n")
    if not MIN_EXPONENT <= exponent < MAX_EXPONENT or not exponent % 2:
        raise Invalid("e: must be an odd number from 65537 to 4294967295; 65537 is AQAB.", field="e")
    return _pem(rsa.RSAPublicNumbers(exponent, modulus).public_key())


def _number(key: dict[str, Any], name: str) -> int:
    text = key.get(name)
    limit = MAX_BITS // 8 * 2
    if not isinstance(text, str) or not text or len(text) > limit:
        raise Invalid(f"{name}: must be a number in base64url, of at most {limit} characters.", field=name)
    try:
        plain = text.rstrip("=").encode("ascii")
        raw = base64.b64decode(plain + b"=" * (-len(plain) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise Invalid(f"{name}: must be a number in base64url.", field=name) from error
    return int.from_bytes(raw)


def _encoded(number: int) -> str:
    raw = number.to_bytes((number.bit_length() + 7) // 8)
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _public(pem: str) -> rsa.RSAPublicKey:
    key = serialization.load_pem_public_key(pem.encode())
    assert isinstance(key, rsa.RSAPublicKey)
    return key


def _pem(key: rsa.RSAPublicKey) -> str:
    return key.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    ).decode()
