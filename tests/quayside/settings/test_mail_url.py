"""The setting MAIL_URL."""

import pytest

from quayside.settings.mail_url import FORM, MailServer, StartTls, parse


@pytest.mark.parametrize(
    ("text", "server"),
    [
        ("smtp://mail.example", MailServer("mail.example", 587)),
        ("smtp://mail.example:25/", MailServer("mail.example", 25)),
        ("smtps://mail.example", MailServer("mail.example", 465, is_tls=True)),
        (
            "smtp://me%40example.com:p%3Aw@mail.example",
            MailServer("mail.example", 587, "me@example.com", "p:w", start_tls=StartTls.REQUIRED),
        ),
        (
            "smtp://me:word@mail.example?starttls=never",
            MailServer("mail.example", 587, "me", "word", start_tls=StartTls.NEVER),
        ),
        (
            "smtp://mail.example?starttls=required&from=quay@example.com",
            MailServer("mail.example", 587, sender="quay@example.com", start_tls=StartTls.REQUIRED),
        ),
        ("smtp://[::1]:2525", MailServer("::1", 2525)),
    ],
)
def test_a_url_is_parsed(text: str, server: MailServer) -> None:
    assert parse(text) == server


@pytest.mark.parametrize(
    "text",
    [
        "mail.example",
        "http://mail.example",
        "smtp://",
        "smtp://mail example",
        "smtp://mail.example:99999",
        "smtp://mail.example/inbox",
        "smtp://mail.example#top",
        "smtp://me@mail.example",
        "smtp://mail.example?form=me@example.com",
        "smtp://mail.example?from=nobody",
        "smtp://mail.example?from=Me%20%3Cme@example.com%3E",
        "smtp://mail.example?from=me@example.com%0aBcc:%20you@example.com",
        "smtp://mail.example?starttls=perhaps",
        "smtps://mail.example?starttls=required",
    ],
)
def test_an_invalid_url_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="smtp://host") as caught:
        parse(text)

    assert str(caught.value) == FORM


def test_a_server_is_shown_without_its_password() -> None:
    server = parse("smtp://me:hunter2@[::1]:2525")

    assert "hunter2" not in repr(server)
    assert server.address == "[::1]:2525"
