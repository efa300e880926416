"""An invitation by mail end to end, through a real mail server."""

import re
import time
from pathlib import Path

import httpx

from tests.certificates import make_certificate
from tests.process import make_user, outcome, run, serving, token_of
from tests.smtp import PASSWORD, USER, SmtpServer, smtp_server

INVITE = """mutation {
  organizationCreate(input: {name: "acme"}) { errors { message } }
  teamCreate(organization: "acme", input: {name: "crew", role: MEMBER}) { errors { message } }
  teamInviteCreate(organization: "acme", team: "crew", email: "bob@work.example") {
    address { email } errors { message }
  }
}"""
ACCEPT = """mutation ($code: String!) {
  teamInviteAccept(invite: {code: $code}) { team { name organization { name } } errors { code field } }
}"""
PATIENCE_S = 60


def new_user(directory: Path, name: str) -> str:
    """An access token of a new user."""
    make_user(directory, name, "correct-horse-battery")
    return token_of(directory, name, "user:admin org:admin user:read")


def ask(client: httpx.Client, token: str, document: str, **variables: str) -> dict[str, object]:
    answer = client.post(
        "/graphql",
        json={"query": document, "variables": variables},
        headers={"Authorization": f"Bearer {token}"},
    ).json()
    assert "errors" not in answer, answer
    data: dict[str, object] = answer["data"]
    return data


def first_mail(server: SmtpServer) -> str:
    """The text of the first mail that arrives."""
    deadline = time.monotonic() + PATIENCE_S
    while not server.received():
        assert time.monotonic() < deadline, "no mail arrived"
        time.sleep(0.05)
    text: str = server.messages()[0].get_content()
    return text


def test_an_invitation_by_mail_is_accepted_once(tmp_path: Path) -> None:
    certificate, key = make_certificate(tmp_path)
    ada, bob = new_user(tmp_path, "ada"), new_user(tmp_path, "bob")
    with smtp_server(tmp_path, certificate=certificate, key=key, with_password=True) as server:
        user, password = USER, PASSWORD.replace(" ", "%20")
        environ = {
            "QUAYSIDE_MAIL_URL": f"smtp://{user}:{password}@127.0.0.1:{server.port}?from=quay@example.com",
            "SSL_CERT_FILE": str(certificate),
        }
        doctor = run(tmp_path, "doctor", **environ)
        assert f"ok      mail: 127.0.0.1:{server.port}, from quay@example.com" in doctor.stdout.splitlines()
        with serving(tmp_path, environ=environ) as (client, _):
            assert ask(client, ada, "{ site { hasMailServer } }") == {"site": {"hasMailServer": True}}

            invited = ask(client, ada, INVITE)
            assert invited["teamInviteCreate"] == {"address": {"email": "bob@work.example"}, "errors": []}

            # the mail arrives, and says how to accept
            text = first_mail(server)
            found = re.search(r"The code of the invitation is (\w+)\.", text)
            assert found is not None
            accepted = {"team": {"name": "crew", "organization": {"name": "acme"}}, "errors": []}
            assert ask(client, bob, ACCEPT, code=found[1]) == {"teamInviteAccept": accepted}

            # once
            again = {"team": None, "errors": [{"code": "NOT_FOUND", "field": "invite"}]}
            assert ask(client, bob, ACCEPT, code=found[1]) == {"teamInviteAccept": again}
        (entry,) = server.received()
    assert (entry["sender"], entry["recipients"]) == ("quay@example.com", ["bob@work.example"])
    assert (entry["is_encrypted"], entry["user"]) == (True, USER)


def test_without_a_mail_server_the_operator_finds_the_mail_in_the_outbox(tmp_path: Path) -> None:
    ada, bob = new_user(tmp_path, "ada"), new_user(tmp_path, "bob")
    assert outcome(run(tmp_path, "mail", "list")) == (0, "", "")
    with serving(tmp_path) as (client, _):
        assert ask(client, ada, "{ site { hasMailServer } }") == {"site": {"hasMailServer": False}}
        ask(client, ada, INVITE)

        listed = run(tmp_path, "mail", "list")
        assert (listed.returncode, listed.stderr) == (0, "")
        lines = listed.stdout.splitlines()
        assert [
            line for line in lines if line.startswith(("Mail:", "To:", "Subject:", "Sent:", "Error:"))
        ] == [
            "Mail: 1",
            "To: bob@work.example",
            "Subject: ada invites you to acme",
            "Sent: not yet",
        ]
        found = re.search(r"The code of the invitation is (\w+)\.", listed.stdout)
        assert found is not None
        assert ask(client, bob, ACCEPT, code=found[1])["teamInviteAccept"] == {
            "team": {"name": "crew", "organization": {"name": "acme"}},
            "errors": [],
        }
