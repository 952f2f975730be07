"""Every page in every look: pictures to be looked at, nothing that axe-core finds, nothing to be scrolled sideways, little to be loaded."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import pytest

from drivers import Advertisement
from gateway.journal import Commit, Rejection
from gateway.known import Known
from gateway.lately import LATELY
from tests.browser.window import LOOKS, Look, Window, saved
from tests.support.browsing import Household, household

MOST_OCTETS = 150_000
"""Of the first load: the page in front of the login, and behind it."""


def furnished(place: Path) -> Any:
    def change(config: dict[str, Any]) -> None:
        config["device"] = [
            {"address": "C0:FF:EE:00:00:02", "name": "Cuff in the hall", "person": "anna"},
            {"address": "C0:FF:EE:00:00:03", "name": "Meter", "users": {"1": "anna", "2": "ben"}},
        ]
        config["sink"] = {
            "file": {"type": "file", "path": str(place / "things.ndjson")},
            "clinic": {"type": "file", "path": str(place / "clinic"), "consent": "required"},
        }
        config["grant"] = [{"person": "anna", "sink": "clinic", "types": ["weight", "blood-pressure"], "why": "for Dr Weiss"}]

    return change


async def untidied(house: Household) -> None:
    """Something that no driver could read, something in the air, and something to say."""
    near = Advertisement(address="C0:FF:EE:00:00:07", local_name="Scale", services=frozenset({0x181D}))
    house.gateway.attendant._known[near.address] = Known(advertisement=near, rssi=-61, heard=house.gateway._clock.now())
    LATELY(None, "info", {"event": "started", "drivers": 14})
    LATELY(None, "warning", {"event": "a session ended early", "device": "C0:FF:EE:00:00:02", "problem": "it did not answer"})
    rejected = Rejection(7, "00", "C0:FF:EE:00:00:02", "blood-pressure", 0x2A35, b"\x1f", "too short for its flags", 1_760_000_000.0)
    await house.gateway.journal.commit(Commit("C0:FF:EE:00:00:02", rejections=(rejected,)))


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("language", ["en", "de"])
async def test_every_page_in_every_look(tmp_path: Path, lived_in: Path, window: Window, screens: Path, look: Look, language: str) -> None:
    async with household(tmp_path, lived_in, change=furnished(tmp_path)) as house:
        await untidied(house)
        owner = await house.owner()
        await owner.do("POST", "/accounts", {"name": "Anna", "role": "member", "person": "anna"})
        await owner.do("POST", "/tokens", {"name": "script", "days": 30})
        number = (await owner.get("/people/anna/things"))["things"][-1]["number"]
        page = await window.open(house.port, look, language)
        await page.screenshot(path=saved(screens, f"door-{language}", look), full_page=True)
        assert await window.violations() == []
        await window.log_in("Carla")
        pages = ["people", "person/anna", "person/nobody-here", f"thing/{number}", "inbox", "devices", "pair", "pair/C0:FF:EE:00:00:02"]
        pages += ["delivery", "consent", "rejected", "audit", "log", "settings"]
        for where in pages:
            await window.go(where)
            await page.wait_for_timeout(250)
            name = "thing" if where.startswith("thing") else "pairing" if ":" in where else where
            await page.screenshot(path=saved(screens, f"{name}-{language}", look), full_page=True)
            assert await window.violations() == [], where
            assert not await window.is_too_wide(), where
            text = await page.locator("body").inner_text()
            for left_over in ("undefined", "[object", "NaN", "null"):
                assert left_over not in text, where
        assert (await page.evaluate("getComputedStyle(document.body).backgroundColor")) == (
            "rgb(16, 22, 21)" if look == "dark" else "rgb(246, 247, 247)"
        )


async def test_empty_pages_say_what_to_do_next(tmp_path: Path, window: Window, screens: Path) -> None:
    def change(config: dict[str, Any]) -> None:
        config["person"] = []

    async with household(tmp_path, change=change, sinks={}) as house:
        page = await window.open(house.port)
        await window.first(house.page.accounts.first_code())
        hints = {
            "people": "Add a [[person]]",
            "inbox": "What a shared device measures",
            "devices": "Use one near the hub",
            "pair": "Switch it on",
            "delivery": "Add a [sink]",
            "consent": 'consent = "required"',
            "rejected": "Nothing is lost",
        }
        for where, hint in hints.items():
            await window.go(where)
            await page.get_by_text(hint).wait_for()
            await page.screenshot(path=saved(screens, f"empty-{where}", "wide"))
            assert await window.violations() == [], where


async def test_the_first_load_is_small(tmp_path: Path, lived_in: Path, window: Window) -> None:
    async with household(tmp_path, lived_in) as house:
        page = await window.open(house.port)
        await window.first(house.page.accounts.first_code())
        await page.get_by_role("link", name="anna").wait_for()
        await page.wait_for_timeout(300)
        by_path = {urlparse(url).path: octets for url, octets in window.octets.items()}
        assert {"/", "/app.js", "/style.css", "/vendor/preact.js", "/words/en.json"} <= set(by_path)
        assert sum(by_path.values()) <= MOST_OCTETS, by_path
        unpacked = 0
        for path in by_path:
            if not path.startswith("/api"):
                unpacked += len((await house.browser().raw("GET", path))[1])
        assert unpacked <= MOST_OCTETS, "also without compression"
