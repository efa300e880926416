"""What web interfaces ask beside the API: the configuration, the capabilities, the badge of a repository."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree as ET

import httpx

from quayside.app import create_app
from quayside.pages.companions import FIXED
from quayside.settings.features import FEATURES, NOT_THERE
from quayside.settings.settings import Settings
from quayside.version import __version__
from resolvers.repositories.repository import Visibility
from storage.statements import execute, fetch
from tests.contract.test_features import AWAITED
from tests.factories import Factory

SVG = "{http://www.w3.org/2000/svg}"


@asynccontextmanager
async def client(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(settings, jobs=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=settings.public_url) as http,
    ):
        yield http


async def test_the_configuration_that_web_interfaces_ask_for(
    factory: Factory, settings_with_files: Settings
) -> None:
    settings = replace(
        settings_with_files,
        public_url="https://registry.example:5000",
        cors_origins=("https://ui.example",),
        features=settings_with_files.features - {"AUTO_PRUNE"},
    )
    async with client(settings) as http:
        answer = await http.get("/config", headers={"Origin": "https://ui.example"})
        preflight = await http.options("/config", headers={"Origin": "https://ui.example"})

    found: dict[str, Any] = answer.json()
    features = found.pop("features")
    assert (answer.status_code, preflight.status_code) == (200, 200)
    assert answer.headers["access-control-allow-origin"] == "https://ui.example"
    assert found == {
        "config": {
            "AUTHENTICATION_TYPE": "Database",
            "AVATAR_KIND": "local",
            "BRANDING": {"logo": None, "footer_img": None, "footer_url": None},
            "CONTACT_INFO": [],
            "DEFAULT_NAMESPACE_AUTOPRUNE_POLICY": None,
            "DEFAULT_UI": "react",
            "DOCUMENTATION_ROOT": "https://registry.example:5000/docs/",
            "FOOTER_LINKS": {},
            "LOCAL_OAUTH_HANDLER": "/oauth/localapp",
            "PERMANENTLY_DELETE_TAGS": False,
            "PREFERRED_URL_SCHEME": "https",
            "REGISTRY_TITLE": "quayside",
            "REGISTRY_TITLE_SHORT": "quayside",
            "ROBOTS_DISALLOW": False,
            "SERVER_HOSTNAME": "registry.example:5000",
            "TAG_EXPIRATION_OPTIONS": ["0s", "1d", "1w", "2w", "4w"],
            "UI_V2_FEEDBACK_FORM": None,
        },
        "oauth": {},
        "external_login": [],
        "registry_state": "normal",
        "account_recovery_mode": False,
        "version_number": f"quayside {__version__}",
    }
    assert features.keys() == {row.name for row in FEATURES} | FIXED.keys()
    assert {
        name: features[name] for name in ("QUOTA_MANAGEMENT", "AUTO_PRUNE", "BUILD_SUPPORT", "DIRECT_LOGIN")
    } == {
        "QUOTA_MANAGEMENT": True,
        "AUTO_PRUNE": False,
        "BUILD_SUPPORT": True,
        "DIRECT_LOGIN": True,
    }


def test_features_that_are_there_are_shown() -> None:
    """Whoever builds one takes it from the list."""
    assert AWAITED.keys() >= NOT_THERE


async def test_programs_learn_where_images_are(factory: Factory, settings_with_files: Settings) -> None:
    async with client(settings_with_files) as http:
        answer = await http.get("/.well-known/app-capabilities")

    assert answer.json() == {
        "appName": "io.quay",
        "capabilities": {
            "io.quay.view-image": {
                "url-template": f"{settings_with_files.public_url}/repository/{{namespace}}/{{reponame}}"
                "?tab=tags&tag={tag}"
            }
        },
    }


async def test_the_badge_of_a_repository(factory: Factory, settings_with_files: Settings) -> None:
    # Given a public and a private repository
    await factory.user("ada")
    await factory.repository("ada/tools/app", visibility=Visibility.PUBLIC)
    await factory.repository("ada/own")
    await factory.repository("ada/other")
    tokens = {
        row["name"]: row["badge_token"] for row in await fetch("SELECT name, badge_token FROM repository")
    }

    async with client(settings_with_files) as http:
        # Then anybody sees the badge of the public one, once as long as it stays the same
        shown = await http.get("/repository/ada/tools/app/status")
        assert (shown.status_code, shown.headers["content-type"]) == (200, "image/svg+xml")
        assert (shown.headers["cache-control"], shown.headers["etag"]) == ("no-cache", '"none"')
        texts = [one.text for one in ET.fromstring(shown.text).iter(f"{SVG}text")]
        assert texts == ["container", "none"]
        for tag in ('"none"', "none", 'W/"none"', '"ready", "none"'):
            again = await http.get("/repository/ada/tools/app/status", headers={"If-None-Match": tag})
            assert (again.status_code, again.content) == (304, b""), tag

        # And that of the private one whoever has its token; others learn nothing
        own = f"/repository/ada/own/status?token={tokens['own']}"
        assert (await http.get(own)).text == shown.text
        nothing = await http.get("/repository/ada/nothing/status")
        for path in (
            "ada/own/status",
            "ada/own/status?token=",
            f"ada/own/status?token={tokens['other']}",
            "ada/own/status?token=%C3%A9",
            "ada/status",
            "ada/a%00b/status",
            "nobody/app/status",
        ):
            refused = await http.get(f"/repository/{path}")
            assert (refused.status_code, refused.content) == (404, nothing.content), path

        # And nobody that of one that is deleted
        await execute("UPDATE repository SET deleted_at_ms = 1 WHERE name = 'own'")
        assert (await http.get(own)).status_code == 404


async def test_without_anonymous_access_every_badge_needs_its_token(
    factory: Factory, settings_with_files: Settings
) -> None:
    await factory.user("ada")
    await factory.repository("ada/app", visibility=Visibility.PUBLIC)
    (row,) = await fetch("SELECT badge_token FROM repository")
    closed = replace(settings_with_files, features=settings_with_files.features - {"ANONYMOUS_ACCESS"})

    async with client(closed) as http:
        assert (await http.get("/repository/ada/app/status")).status_code == 404
        assert (await http.get(f"/repository/ada/app/status?token={row['badge_token']}")).status_code == 200
