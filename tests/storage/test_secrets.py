"""Encryption at rest: unreadable without the key, and key rotation by a new first key."""

import pytest

from storage.secrets import Secrets, SecretUnreadable

OLD, NEW = "old key " * 8, "new key " * 8


@pytest.mark.parametrize("text", ["", "token", "Grüße 🚢", "x" * 100_000])
def test_encryption_is_reversible_and_never_gives_the_same_text_twice(text: str) -> None:
    secrets = Secrets([OLD])

    first, second = secrets.encrypt(text), secrets.encrypt(text)

    assert secrets.decrypt(first) == secrets.decrypt(second) == text
    assert first != second
    assert not text or text not in first


def test_a_new_key_in_front_encrypts_and_the_old_one_still_reads() -> None:
    before = Secrets([OLD]).encrypt("token")
    rotated = Secrets([NEW, OLD])

    after = rotated.encrypt("token")

    assert rotated.decrypt(before) == rotated.decrypt(after) == "token"
    assert Secrets([NEW]).decrypt(after) == "token"
    with pytest.raises(SecretUnreadable):
        Secrets([OLD]).decrypt(after)
    with pytest.raises(SecretUnreadable):
        Secrets([NEW]).decrypt(before)


@pytest.mark.parametrize("broken", ["", "x", "gAAAAA", "é", "\0"])
def test_a_text_that_was_not_encrypted_with_the_keys_is_unreadable(broken: str) -> None:
    with pytest.raises(SecretUnreadable, match=r"^a stored secret cannot be read with the configured"):
        Secrets([OLD]).decrypt(broken)


def test_a_changed_secret_is_unreadable() -> None:
    encrypted = Secrets([OLD]).encrypt("token")
    middle = len(encrypted) // 2
    changed = encrypted[:middle] + ("A" if encrypted[middle] != "A" else "B") + encrypted[middle + 1 :]

    with pytest.raises(SecretUnreadable):
        Secrets([OLD]).decrypt(changed)


def test_encryption_needs_a_key() -> None:
    with pytest.raises(ValueError, match="at least one secret key"):
        Secrets([])


def test_a_text_matches_its_encryption_alone_and_nothing_matches_what_cannot_be_read() -> None:
    encrypted = Secrets([OLD]).encrypt("token")

    assert Secrets([NEW, OLD]).matches(encrypted, "token")
    assert not Secrets([OLD]).matches(encrypted, "other")
    assert not Secrets([NEW]).matches(encrypted, "token")
