import hashlib

import pytest

from storage.blobs import DigestInvalid, Hasher, parse_digest


@pytest.mark.parametrize(("algorithm", "length"), [("sha256", 64), ("sha512", 128)])
def test_parse_digest_returns_algorithm_and_hexadecimal(algorithm: str, length: int) -> None:
    assert parse_digest(f"{algorithm}:{'0a' * (length // 2)}") == (algorithm, "0a" * (length // 2))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sha256",
        "sha256:",
        "a" * 64,
        f"sha256:{'a' * 63}",
        f"sha256:{'a' * 65}",
        f"sha256:{'A' * 64}",
        f"sha256:{'g' * 64}",
        f"sha256:{'a' * 64}\n",
        f" sha256:{'a' * 64}",
        f"sha256:{'a' * 128}",
        f"sha512:{'a' * 64}",
        f"SHA256:{'a' * 64}",
        f"md5:{'a' * 32}",
        f"sha256:../{'a' * 61}",
        f"sha256:{'١' * 64}",
    ],
)
def test_parse_digest_refuses_everything_else(text: str) -> None:
    with pytest.raises(DigestInvalid) as raised:
        parse_digest(text)
    assert str(raised.value) == "digest must be sha256:<64 lower-case hex> or sha512:<128 lower-case hex>"


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_hasher_counts_and_digests_what_it_was_given(algorithm: str) -> None:
    hasher = Hasher(algorithm)
    hasher.update(b"quay")
    hasher.update(memoryview(b"side"))
    assert hasher.size == 8
    assert hasher.digest == f"{algorithm}:{hashlib.new(algorithm, b'quayside').hexdigest()}"
