"""Real skopeo against a live server: push, pull, mount, login, tags, and who may do what."""

import asyncio
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from quayside.settings.settings import Settings, load_settings
from resolvers.access.roles import RepositoryRole
from resolvers.access.scopes import Scope
from resolvers.accounts.account import require_user
from resolvers.oauth.token import create_access_token, create_app_token
from tests.functional.skopeo import skopeo
from tests.process import log_of, serving
from tests.quayside.registry import kit, people
from tests.quayside.registry.people import OWNER, PASSWORD, STRANGER

pytestmark = pytest.mark.needs("skopeo")

APP = "owner/app"
Login = tuple[str, str]


@dataclass(frozen=True)
class LiveRegistry:
    """A running server, its settings for direct calls of resolvers, and a working directory."""

    host: str
    settings: Settings
    directory: Path

    def skopeo(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run skopeo, with no credentials except those in the arguments."""
        return skopeo(self.directory, *arguments)

    def push(self, source: Path, name: str, login: Login) -> subprocess.CompletedProcess[str]:
        """Copy the image `v1` of a layout into the registry."""
        return self.skopeo(
            *("copy", "--all", "--preserve-digests", "--dest-tls-verify=false"),
            *(f"--dest-creds={login[0]}:{login[1]}", f"oci:{source}:v1", self.image(name)),
        )

    def pull(self, name: str, target: Path, login: Login | None) -> subprocess.CompletedProcess[str]:
        """Copy an image out of the registry into a new layout."""
        credentials = f"--src-creds={login[0]}:{login[1]}" if login else "--src-no-creds"
        return self.skopeo(
            *("copy", "--all", "--preserve-digests", "--src-tls-verify=false", credentials),
            *(self.image(name), f"oci:{target}:v1"),
        )

    def image(self, name: str) -> str:
        return f"docker://{self.host}/{name}:v1"


@pytest.fixture
def live(tmp_path: Path, database_url: str) -> Iterator[LiveRegistry]:
    """A server in a process of its own, with two users."""
    environ = {
        "QUAYSIDE_DATA_DIR": str(tmp_path / "data"),
        "QUAYSIDE_DATABASE_URL": database_url,
        "QUAYSIDE_SECRET_KEY": "k" * 32,
    }
    settings = load_settings({key.removeprefix("QUAYSIDE_"): value for key, value in environ.items()}, {})
    asyncio.run(people.create_users(settings, OWNER, STRANGER))
    with serving(tmp_path, environ=environ) as (client, _):
        yield LiveRegistry(client.base_url.netloc.decode(), settings, tmp_path)


def single_image(directory: Path, *, content: bytes = b"single") -> bytes:
    """A layout with one image; returns its manifest."""
    layer, diff_id = kit.layer_of(content)
    config = kit.config_of("amd64", diff_id)
    manifest = kit.encode(kit.image_document(layer, config=config))
    kit.write_layout(directory, "v1", manifest, config, layer)
    return manifest


def multi_arch(directory: Path) -> bytes:
    """A layout with an index of two images, which share a layer; returns the index."""
    shared, shared_id = kit.layer_of(b"shared" * 1000)
    contents: list[bytes] = [shared]
    entries = []
    for architecture in ("amd64", "arm64"):
        layer, diff_id = kit.layer_of(architecture.encode() * 100_000)
        config = kit.config_of(architecture, shared_id, diff_id)
        manifest = kit.encode(kit.image_document(shared, layer, config=config))
        platform = {"architecture": architecture, "os": "linux"}
        entries.append(kit.descriptor(manifest, kit.OCI_MANIFEST, platform=platform))
        contents += [layer, config, manifest]
    index = kit.encode({"schemaVersion": 2, "mediaType": kit.OCI_INDEX, "manifests": entries})
    kit.write_layout(directory, "v1", index, *contents)
    return index


def contents(layout: Path) -> dict[str, bytes]:
    """Every blob and manifest of a layout by its digest."""
    return {path.name: path.read_bytes() for path in (layout / "blobs" / "sha256").iterdir()}


def succeeded(completed: subprocess.CompletedProcess[str]) -> bool:
    """Whether skopeo succeeded; asserts that it prints nothing unexpected."""
    assert completed.returncode in {0, 1}, completed.stderr
    return completed.returncode == 0


@pytest.mark.parametrize("build", [single_image, multi_arch])
def test_a_pulled_image_is_identical_to_the_pushed_one(
    live: LiveRegistry, tmp_path: Path, build: Callable[[Path], bytes]
) -> None:
    top = build(tmp_path / "in")

    pushed = live.push(tmp_path / "in", APP, (OWNER, PASSWORD))
    pulled = live.pull(APP, tmp_path / "out", (OWNER, PASSWORD))
    raw = live.skopeo(
        *("inspect", "--raw", "--tls-verify=false", f"--creds={OWNER}:{PASSWORD}", live.image(APP))
    )

    assert (pushed.returncode, pushed.stderr) == (0, "")
    assert (pulled.returncode, pulled.stderr) == (0, "")
    assert raw.stdout.encode() == top
    assert contents(tmp_path / "out") == contents(tmp_path / "in")


def test_a_second_push_mounts_what_another_repository_has(live: LiveRegistry, tmp_path: Path) -> None:
    multi_arch(tmp_path / "in")
    assert succeeded(live.push(tmp_path / "in", APP, (OWNER, PASSWORD)))
    copied = live.skopeo(
        *("copy", "--all", "--src-tls-verify=false", "--dest-tls-verify=false"),
        *(f"--src-creds={OWNER}:{PASSWORD}", f"--dest-creds={OWNER}:{PASSWORD}"),
        *(live.image(APP), live.image("owner/deep/copy")),
    )

    assert (copied.returncode, copied.stderr) == (0, "")
    begun = [
        line["status"]
        for line in log_of(tmp_path)
        if (line.get("method"), line.get("path")) == ("POST", "/v2/owner/deep/copy/blobs/uploads/")
    ]
    # Three layers are mounted; configurations skopeo always sends.
    assert sorted(begun) == [201, 201, 201, 202, 202]
    assert succeeded(live.pull("owner/deep/copy", tmp_path / "out", (OWNER, PASSWORD)))
    assert contents(tmp_path / "out") == contents(tmp_path / "in")


def test_private_images_require_the_owner_and_public_ones_nobody(live: LiveRegistry, tmp_path: Path) -> None:
    single_image(tmp_path / "in")
    assert succeeded(live.push(tmp_path / "in", APP, (OWNER, PASSWORD)))

    before = [
        live.pull(APP, tmp_path / "1", None),
        live.pull(APP, tmp_path / "2", (STRANGER, PASSWORD)),
        live.pull(APP, tmp_path / "3", (OWNER, "wrong-password")),
    ]
    asyncio.run(people.publish(live.settings, APP))
    after = [live.pull(APP, tmp_path / "4", None), live.pull(APP, tmp_path / "5", (STRANGER, PASSWORD))]

    assert [succeeded(attempt) for attempt in before] == [False, False, False]
    assert [succeeded(attempt) for attempt in after] == [True, True]
    assert contents(tmp_path / "4") == contents(tmp_path / "in")


def test_a_robot_pushes_and_a_reader_does_not(live: LiveRegistry, tmp_path: Path) -> None:
    single_image(tmp_path / "first")
    second = single_image(tmp_path / "second", content=b"second")
    assert succeeded(live.push(tmp_path / "first", APP, (OWNER, PASSWORD)))
    writer = asyncio.run(people.create_robot(live.settings, "ci", APP, RepositoryRole.WRITE))
    reader = asyncio.run(people.create_robot(live.settings, "deploy", APP, RepositoryRole.READ))
    asyncio.run(people.grant(live.settings, STRANGER, APP, RepositoryRole.READ))

    assert succeeded(live.pull(APP, tmp_path / "out", (STRANGER, PASSWORD)))
    assert not succeeded(live.push(tmp_path / "second", APP, reader))
    assert not succeeded(live.push(tmp_path / "second", APP, (STRANGER, PASSWORD)))
    assert not succeeded(live.push(tmp_path / "second", "owner/other", writer))
    assert contents(tmp_path / "out") == contents(tmp_path / "first")
    assert succeeded(live.push(tmp_path / "second", APP, writer))
    assert succeeded(live.pull(APP, tmp_path / "new", reader))
    assert kit.digest_of(second).removeprefix("sha256:") in contents(tmp_path / "new")


def test_application_and_access_tokens_sign_in(live: LiveRegistry, tmp_path: Path) -> None:
    single_image(tmp_path / "in")

    async def create_tokens() -> tuple[str, str, str]:
        async with people.acting(live.settings) as context:
            account = await require_user(OWNER)
            app = await create_app_token(context, title="laptop")
            scopes = frozenset({Scope.REPO_WRITE, Scope.REPO_CREATE})
            writing = await create_access_token(context, account, scopes, title="ci")
            reading = await create_access_token(context, account, frozenset({Scope.REPO_READ}), title="cd")
            return app.secret, writing, reading

    app, writing, reading = asyncio.run(create_tokens())

    assert not succeeded(live.push(tmp_path / "in", APP, ("$oauthtoken", reading)))
    assert succeeded(live.push(tmp_path / "in", APP, ("$oauthtoken", writing)))
    assert succeeded(live.push(tmp_path / "in", APP, ("$app", app)))
    assert not succeeded(live.push(tmp_path / "in", APP, ("$app", app[:-1] + "_")))
    assert not succeeded(live.push(tmp_path / "in", APP, ("$oauthtoken", reading)))
    for number, login in enumerate([("$oauthtoken", reading), ("$app", app), (OWNER, app)]):
        assert succeeded(live.pull(APP, tmp_path / str(number), login))


def test_login_tells_good_credentials_from_bad(live: LiveRegistry) -> None:
    def login(password: str) -> subprocess.CompletedProcess[str]:
        authfile = live.directory / "auth.json"
        return live.skopeo(
            *(
                "login",
                "--tls-verify=false",
                f"--authfile={authfile}",
                "-u",
                OWNER,
                "-p",
                password,
                live.host,
            )
        )

    assert login(PASSWORD).stdout == "Login Succeeded!\n"
    assert succeeded(login("wrong-password")) is False


def test_tags_are_listed_and_deleted(live: LiveRegistry, tmp_path: Path) -> None:
    single_image(tmp_path / "in")
    login = (f"--creds={OWNER}:{PASSWORD}", "--tls-verify=false")
    assert succeeded(live.push(tmp_path / "in", APP, (OWNER, PASSWORD)))
    listing = ("list-tags", *login, f"docker://{live.host}/{APP}")

    listed = live.skopeo(*listing)
    deleted = live.skopeo("delete", *login, live.image(APP))

    assert '"v1"' in listed.stdout
    assert (deleted.returncode, deleted.stderr) == (0, "")
    assert '"Tags": []' in live.skopeo(*listing).stdout
    assert not succeeded(live.pull(APP, tmp_path / "out", (OWNER, PASSWORD)))
