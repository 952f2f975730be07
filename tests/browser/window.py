"""Debian's Chromium, driven by Playwright; it notes whatever the page should not do."""

from __future__ import annotations

import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Literal

from axe_playwright_python.base import AXE_SCRIPT  # type: ignore[import-untyped]  # it has no stubs
from playwright.async_api import Browser, ConsoleMessage, Error, Page, Request, Response, async_playwright

from tests.support.browsing import PASSWORD

WIDE, PHONE = {"width": 1100, "height": 800}, {"width": 390, "height": 844}
LOOKS = ("wide", "phone", "dark")
Look = Literal["wide", "phone", "dark"]
_FINE = re.compile(r"Failed to load resource: the server responded with a status of 4(01|03|04|09|29)")
"""Refusals that the page shows its reader itself."""


class Window:
    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self.complaints: list[str] = []
        self.octets: dict[str, int] = {}
        """Of what was loaded, as it came over the wire, by path."""
        self.page: Page

    async def open(self, port: int, look: Look = "wide", language: str = "en") -> Page:
        """A new window with no cookies."""
        context = await self._browser.new_context(
            viewport=PHONE if look == "phone" else WIDE,  # type: ignore[arg-type]  # Playwright's own TypedDict
            color_scheme="dark" if look == "dark" else "light",
            locale=language,
            has_touch=look == "phone",
            reduced_motion="reduce",
        )
        self.page = page = await context.new_page()
        page.set_default_timeout(8000)
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        page.on("request", lambda request: self._asked(request, port))
        page.on("response", self._answered)
        await page.goto(f"http://127.0.0.1:{port}/")
        await page.wait_for_selector("h1")
        return page

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not _FINE.match(message.text):
            self.complaints.append(f"{message.type}: {message.text}")

    def _asked(self, request: Request, port: int) -> None:
        if not request.url.startswith(f"http://127.0.0.1:{port}/"):
            self.complaints.append(f"another host was asked: {request.url}")

    async def _answered(self, response: Response) -> None:
        if "/events" not in response.url:
            with suppress(Error):  # the window was closed meanwhile
                sizes = await response.request.sizes()
                self.octets[response.url] = sizes["responseBodySize"] + sizes["responseHeadersSize"]

    async def first(self, code: str, name: str = "Carla") -> None:
        """Make the first account by hand."""
        await self.page.get_by_label("Code").fill(code)
        await self.page.get_by_label("Name").fill(name)
        await self.page.get_by_label("New password").fill(PASSWORD)
        await self.page.get_by_role("button", name="Enter").click()
        await self.page.wait_for_selector("header nav")

    async def log_in(self, name: str, password: str = PASSWORD) -> None:
        await self.page.locator("#name").fill(name)
        await self.page.locator("#password").fill(password)
        await self.page.locator("form button").click()
        await self.page.wait_for_selector("header nav", state="attached")

    async def go(self, where: str) -> None:
        """To a page of ours, when it has what it shows."""
        await self.page.evaluate("where => { location.hash = `#/${where}` }", where)
        await self.page.wait_for_selector("main h1")
        for _ in range(100):
            if await self.page.locator("main .muted[role=status]").count() == 0:
                return
            await self.page.wait_for_timeout(50)
        raise AssertionError(f"{where} does not come")

    async def violations(self) -> list[str]:
        """What axe-core finds."""
        await self.page.evaluate(AXE_SCRIPT)
        found: dict[str, Any] = await self.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        return [f"{one['id']}: {one['help']}: {[node['html'][:160] for node in one['nodes'][:3]]}" for one in found["violations"]]

    async def is_too_wide(self) -> bool:
        """Whether it has to be scrolled sideways."""
        return bool(await self.page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))


def program() -> str:
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    assert found is not None, "install the package chromium"
    return found


@asynccontextmanager
async def chromium() -> AsyncIterator[Window]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program(), args=["--no-sandbox"])
        try:
            yield Window(browser)
        finally:
            await browser.close()


def saved(screens: Path, name: str, look: str) -> Path:
    return screens / f"{name.replace('/', '-')}-{look}.png"
