"""The first page in headless Chromium: readable on a telephone, in the light and in the dark."""

import re
from pathlib import Path

import pytest

from tests import process
from tests.functional.test_graphiql import Browser, browser, chromedriver

pytestmark = pytest.mark.needs("chromium", "chromedriver")

__all__ = ["browser", "chromedriver"]

LUMINANCE = """
const parts = text => text.match(/[\\d.]+/g).slice(0, 3).map(Number).map(value => value / 255)
const linear = value => value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4
const luminance = text => {
  const [red, green, blue] = parts(text).map(linear)
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}
const ground = element => {
  const own = getComputedStyle(element).backgroundColor
  return own === 'rgba(0, 0, 0, 0)' && element.parentElement ? ground(element.parentElement) : own
}
return Math.min(...[...document.querySelectorAll('h1, h2, p, a, li, code')].map(element => {
  const pair = [luminance(getComputedStyle(element).color), luminance(ground(element))].sort((a, b) => b - a)
  return (pair[0] + 0.05) / (pair[1] + 0.05)
}))
"""
"""The lowest contrast between a text of the page and what is behind it (WCAG 2.2)."""

WIDTHS = "return [document.documentElement.scrollWidth, document.documentElement.clientWidth]"


def develop(browser: Browser, command: str, **parameters: object) -> None:
    """A command of the browser's protocol for developers."""
    browser.call("POST", "/goog/cdp/execute", {"cmd": command, "params": parameters})


def test_the_first_page_is_readable(browser: Browser, tmp_path: Path) -> None:
    with process.serving(tmp_path, "--no-jobs") as (client, _):
        develop(
            browser,
            "Emulation.setDeviceMetricsOverride",
            width=360,
            height=640,
            deviceScaleFactor=1,
            mobile=True,
        )
        for scheme in ("light", "dark"):
            features = [{"name": "prefers-color-scheme", "value": scheme}]
            develop(browser, "Emulation.setEmulatedMedia", features=features)
            browser.open(f"{client.base_url}/")
            browser.element("h1")
            # The page has the width of the telephone; only the commands scroll, which the keyboard reaches.
            assert browser.script(WIDTHS) == [360, 360]
            assert browser.script("return document.querySelector('pre').tabIndex") == 0
            assert browser.script(LUMINANCE) >= 4.5
            ground = browser.script("return getComputedStyle(document.body).backgroundColor")
            red = int(re.findall(r"\d+", ground)[0])
            assert (red > 128) == (scheme == "light")
        assert browser.script("return document.documentElement.lang") == "en"
        assert browser.texts("h1") == [client.base_url.netloc.decode()]
        browser.click("a[href^=signin]")
        browser.element("[name=password]")
        assert browser.script(WIDTHS) == [360, 360]
        assert browser.console() == []
