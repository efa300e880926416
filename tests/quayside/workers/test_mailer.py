"""Mail to a real server in a process of its own: unencrypted, STARTTLS, TLS, passwords."""

from dataclasses import replace
from pathlib import Path

import pytest

from quayside.settings.mail_url import MailServer, StartTls
from quayside.settings.settings import Settings, load_settings
from quayside.workers.mailer import Mailer
from resolvers.mail import MailRecord, MailRefused, MailUndelivered
from tests.certificates import make_certificate
from tests.process import free_port
from tests.smtp import PASSWORD, REFUSED, USER, smtp_server

MAIL = MailRecord(
    7, "ada@example.com", "Grüße", "One line.\n.\nAnd — another.\n", 1_767_225_600_000, None, None
)


def mailer(port: int, **options: object) -> Mailer:
    return Mailer(replace(MailServer("127.0.0.1", port), **options), "quayside@example.com")  # type: ignore[arg-type]


@pytest.fixture
def certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """A certificate that this process trusts, and its key."""
    made = make_certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(made[0]))
    return made


async def test_a_mail_arrives_as_it_was_written(tmp_path: Path) -> None:
    with smtp_server(tmp_path) as server:
        await mailer(server.port).hand_over(MAIL)

        (entry,), (message,) = server.received(), server.messages()
    assert (entry["sender"], entry["recipients"]) == ("quayside@example.com", ["ada@example.com"])
    assert entry["is_encrypted"] is False
    assert {name: message[name] for name in ("From", "To", "Date", "Message-ID", "Auto-Submitted")} == {
        "From": "quayside@example.com",
        "To": "ada@example.com",
        "Date": "Thu, 01 Jan 2026 00:00:00 -0000",
        "Message-ID": "<mail-7-1767225600000@example.com>",
        "Auto-Submitted": "auto-generated",
    }
    assert message["Subject"] == MAIL.subject
    assert message.get_content().replace("\r\n", "\n") == MAIL.body
    assert entry["text"].isascii()


async def test_a_server_that_offers_encryption_gets_it(
    tmp_path: Path, certificate: tuple[Path, Path]
) -> None:
    with smtp_server(tmp_path, certificate=certificate[0], key=certificate[1], with_password=True) as server:
        await mailer(server.port, username=USER, password=PASSWORD, start_tls=StartTls.REQUIRED).hand_over(
            MAIL
        )

        (entry,) = server.received()
    assert (entry["is_encrypted"], entry["user"]) == (True, USER)


async def test_tls_from_the_first_byte(tmp_path: Path, certificate: tuple[Path, Path]) -> None:
    with smtp_server(tmp_path, certificate=certificate[0], key=certificate[1], is_tls=True) as server:
        await mailer(server.port, is_tls=True).check()
        await mailer(server.port, is_tls=True).hand_over(MAIL)

        assert [message["Message-ID"] for message in server.messages()] == [
            "<mail-7-1767225600000@example.com>"
        ]


async def test_an_untrusted_certificate_is_refused(tmp_path: Path) -> None:
    certificate, key = make_certificate(tmp_path)
    with smtp_server(tmp_path, certificate=certificate, key=key) as server:
        with pytest.raises(MailUndelivered):
            await mailer(server.port, start_tls=StartTls.REQUIRED).hand_over(MAIL)

        assert server.received() == []


async def test_a_password_is_not_sent_unencrypted(tmp_path: Path) -> None:
    with smtp_server(tmp_path, with_password=True) as server:
        guarded = mailer(server.port, username=USER, password=PASSWORD, start_tls=StartTls.REQUIRED)
        with pytest.raises(MailUndelivered):
            await guarded.hand_over(MAIL)
        assert server.received() == []

        # unless the operator says so
        await mailer(server.port, username=USER, password=PASSWORD, start_tls=StartTls.NEVER).hand_over(MAIL)
        assert len(server.received()) == 1


async def test_a_wrong_password_is_a_temporary_failure(tmp_path: Path) -> None:
    with smtp_server(tmp_path, with_password=True) as server:
        wrong = mailer(server.port, username=USER, password="wrong", start_tls=StartTls.NEVER)
        for attempt in (wrong.check(), wrong.hand_over(MAIL)):
            with pytest.raises(MailUndelivered, match="535") as caught:
                await attempt
            assert not isinstance(caught.value, MailRefused)


async def test_an_unknown_address_is_a_permanent_failure(tmp_path: Path) -> None:
    with smtp_server(tmp_path) as server:
        with pytest.raises(MailRefused, match="550 no such user here"):
            await mailer(server.port).hand_over(replace(MAIL, recipient=REFUSED))

        assert server.received() == []


async def test_an_unreachable_server_is_a_temporary_failure() -> None:
    with pytest.raises(MailUndelivered) as caught:
        await mailer(free_port()).hand_over(MAIL)

    assert not isinstance(caught.value, MailRefused)


def settings(**environ: str) -> Settings:
    return load_settings({}, {f"QUAYSIDE_{name}": text for name, text in environ.items()})


def test_mail_comes_from_the_host_of_the_registry_unless_said() -> None:
    url = "smtp://mail.example"
    assert Mailer.of(settings()) is None
    assert Mailer.of(settings(MAIL_URL=url, FEATURE_MAILING="false")) is None
    senders = {
        host: made.sender
        for host in ("https://registry.example.com", "http://127.0.0.1:8080")
        if (made := Mailer.of(settings(MAIL_URL=url, PUBLIC_URL=host))) is not None
    }
    assert senders == {
        "https://registry.example.com": "quayside@registry.example.com",
        "http://127.0.0.1:8080": "quayside@localhost",
    }
    chosen = Mailer.of(settings(MAIL_URL=f"{url}?from=me@example.com"))
    assert chosen is not None
    assert chosen.sender == "me@example.com"
