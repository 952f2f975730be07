"""What people do on the page, done in a real browser."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Route as Route_
from playwright.async_api import expect
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.config import PageSection, PersonSection
from gateway.simulator.pushers import Cuff
from profiles.times import DateTime
from tests.browser.window import Window
from tests.support.bluez.bus import private_bus
from tests.support.bluez.home import home
from tests.support.browsing import PASSWORD, household
from tests.support.fakes import until
from tests.support.loopback import free_port
from tests.support.web import listening

EVERYWHERE = ["people", "person/ben", "inbox", "devices", "delivery", "consent", "rejected", "audit", "log", "settings"]
NAMED = """(() => {
    const here = document.activeElement;
    return here.getAttribute('aria-label') || here.labels?.[0]?.innerText || here.innerText || '';
})()"""
"""What has the focus, as a screen reader would say it."""
ANNAS, BENS = re.compile("anna"), re.compile("ben")


async def test_the_first_login_by_the_code_and_the_next_by_the_password(tmp_path: Path, lived_in: Path, window: Window) -> None:
    async with household(tmp_path, lived_in) as house:
        page = await window.open(house.port)
        await expect(page.get_by_role("heading", name="Make the first account")).to_be_visible()
        await page.get_by_label("Code").fill("AAAA-AAAA")
        await page.get_by_label("Name").fill("Carla")
        await page.get_by_label("New password").fill(PASSWORD)
        await page.get_by_role("button", name="Enter").click()
        await expect(page.get_by_role("alert")).to_contain_text("This code is wrong")
        await page.get_by_label("Code").fill(house.page.accounts.first_code())
        await page.get_by_role("button", name="Enter").click()
        await expect(page.get_by_role("link", name="anna")).to_be_visible()
        await page.get_by_role("button", name="Log out").click()
        await expect(page.get_by_role("heading", name="Log in")).to_be_visible()
        await page.get_by_label("Name").fill("Carla")
        await page.get_by_label("Password").fill("wrong password")
        await page.get_by_role("button", name="Log in").click()
        await expect(page.get_by_role("alert")).to_contain_text("The name or the password is wrong")
        await page.get_by_label("Password").fill(PASSWORD)
        await page.get_by_role("button", name="Log in").click()
        await expect(page.get_by_role("link", name="anna")).to_be_visible()


async def test_a_cuff_is_paired_by_its_passkey_and_its_readings_arrive_while_one_looks(
    tmp_path: Path, window: Window, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = free_port()
    also = {"person": (PersonSection(id="anna"),), "page": PageSection(listen=f"127.0.0.1:{port}")}
    with private_bus(tmp_path) as bus:
        monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", bus.address)
        async with home(tmp_path, Cuff, settings={"person": "anna", "name": "Cuff in the hall"}, answer_seconds=20, also=also) as house:
            page = await window.open(port)
            await window.first(str(house.gateway.page and house.gateway.page.accounts.first_code()))
            await expect(page.get_by_text("Nothing has been measured yet")).to_be_visible()
            await page.get_by_role("link", name="Devices").click()
            await expect(page.get_by_role("heading", name="Cuff in the hall")).to_be_visible()
            await page.get_by_role("link", name="Pair", exact=True).click()
            await page.get_by_role("button", name="Start").click()
            await expect(page.get_by_text("Waiting for Cuff in the hall")).to_be_visible()
            shown = house.device(Cuff).display.shown
            reading = asyncio.create_task(house.read(Cuff))
            field = page.get_by_label("The number that Cuff in the hall shows")
            await field.fill("12345678")
            assert await field.input_value() == "1234567", "no more than fits"
            await field.fill(f"{await shown:06}")
            await page.get_by_role("button", name="Send").click()
            await expect(page.get_by_text("is paired, and will be read from now on")).to_be_visible()
            await reading
            await page.get_by_role("link", name="People").click()
            await expect(page.get_by_text("Blood pressure")).to_be_visible()
            [count] = re.findall(r"\d+", await page.get_by_text(re.compile(r"^\d+ readings")).inner_text())
            # And one more, while one looks.
            cuff = house.device(Cuff)
            assert isinstance(cuff, Cuff)
            cuff._add(1000, cuff._value(DateTime.of(cuff.time()), 128).encode())
            await house.read(Cuff)
            await expect(page.get_by_text(re.compile(rf"^{int(count) + 1} readings"))).to_be_visible()


async def test_an_unassigned_reading_is_given_to_somebody(tmp_path: Path, lived_in: Path, window: Window) -> None:
    async with household(tmp_path, lived_in) as house:
        page = await window.open(house.port)
        await window.first(house.page.accounts.first_code())
        await page.get_by_role("link", name=re.compile("readings belong to nobody yet")).click()
        entries = page.locator(".entries > li")
        await expect(entries.first).to_be_visible()
        before = await entries.count()
        await entries.first.get_by_role("button", name="anna").click()
        await expect(page.get_by_text("It belongs to anna now.")).to_be_visible()
        await expect(entries).to_have_count(before - 1)
        assert [entry["to"] for entry in await house.audit() if entry["what"] == "assigned"] == ["anna"]


async def test_a_wrong_reading_is_retracted_after_asking_once_more(tmp_path: Path, lived_in: Path, window: Window) -> None:
    async with household(tmp_path, lived_in) as house:
        page = await window.open(house.port)
        await window.first(house.page.accounts.first_code())
        await page.get_by_role("link", name="anna").click()
        readings = page.locator("section", has_text="All readings").locator("tbody tr")
        await expect(readings.first).to_be_visible()
        before, first = await readings.count(), await readings.first.inner_text()
        await readings.first.get_by_role("link").click()
        await expect(page.get_by_text("Where it comes from")).to_be_visible()
        await page.get_by_role("button", name="Retract this reading").click()
        await page.get_by_role("button", name="No", exact=True).click()
        await page.get_by_role("button", name="Retract this reading").click()
        await page.get_by_role("button", name="Yes", exact=True).click()
        await expect(page.get_by_text("It is retracted.")).to_be_visible()
        await expect(page.get_by_role("button", name="Retract this reading")).to_have_count(0)
        await page.get_by_role("link", name="anna").click()
        await expect(readings).to_have_count(before - 1)
        assert first not in await page.locator("main").inner_text()


async def test_a_grant_is_revoked_and_given_again(tmp_path: Path, lived_in: Path, window: Window) -> None:
    def change(config: dict[str, Any]) -> None:
        config["sink"] = {"clinic": {"type": "file", "path": str(tmp_path / "clinic"), "consent": "required"}}
        config["grant"] = [{"person": "anna", "sink": "clinic", "why": "for Dr Weiss"}]

    async with household(tmp_path, lived_in, change=change) as house:
        page = await window.open(house.port)
        await window.first(house.page.accounts.first_code())
        await page.get_by_role("link", name="Consent").click()
        await expect(page.get_by_text("for Dr Weiss")).to_be_visible()
        await page.get_by_role("button", name="Revoke").click()
        await page.get_by_role("button", name="Yes", exact=True).click()
        await expect(page.get_by_text("It is revoked.")).to_be_visible()
        await expect(page.get_by_text("Nobody has agreed to anything")).to_be_visible()
        assert house.gateway._consents.told() == []
        await page.get_by_label("Who").select_option("ben")
        await page.locator("summary").click()
        await page.get_by_label("Weight").check()
        await page.get_by_label("What it is for").fill("the study")
        await page.get_by_role("button", name="Agree").click()
        await expect(page.get_by_text("It is granted.")).to_be_visible()
        [grant] = house.gateway._consents.told()
        assert (grant["person"], grant["sink"], grant["types"], grant["why"]) == ("ben", "clinic", ["weight"], "the study")


async def test_what_a_server_refused_goes_when_it_is_tried_again(tmp_path: Path, lived_in: Path, window: Window) -> None:
    answers, taken = [422], list[str]()

    async def post(request: Request) -> Response:
        body = json.loads(await request.body())
        if answers[0] == 200:
            taken.append(body["id"])
        return Response(status_code=answers[0])

    async with listening([Route("/", post, methods=["POST"])]) as base:

        def change(config: dict[str, Any]) -> None:
            config["sink"] = {"server": {"type": "webhook", "url": f"{base}/"}}

        async with household(tmp_path, lived_in, change=change) as house:
            journal = house.gateway.journal
            await until(lambda: len(journal.deferred("server")) == journal.head(), 20)
            page = await window.open(house.port)
            await window.first(house.page.accounts.first_code())
            await page.get_by_role("link", name="Delivery").click()
            sink = page.get_by_role("region", name="server")
            await expect(sink.get_by_text("something waits")).to_be_visible()
            await sink.get_by_role("button", name="What waits").click()
            await expect(sink.get_by_role("cell", name=re.compile("422")).first).to_be_visible()
            answers[0] = 200
            await sink.get_by_role("button", name="Try again").click()
            await expect(sink.get_by_text("It is being tried again.")).to_be_visible()
            await expect(sink.get_by_text("has everything")).to_be_visible(timeout=20_000)
            assert journal.deferred("server") == []
            assert taken


async def test_a_member_and_a_technician_see_no_more_than_they_may(tmp_path: Path, lived_in: Path, window: Window) -> None:
    async with household(tmp_path, lived_in) as house:
        owner = await house.owner()
        codes = {}
        for name, role, person in (("Anna", "member", "anna"), ("Tom", "technician", None)):
            codes[name] = (await owner.do("POST", "/accounts", {"name": name, "role": role, "person": person}))["code"]
        bens = (await owner.get("/people/ben/things"))["things"][0]["number"]
        seen = {
            "Anna": ["People", "Devices", "Consent", "Audit", "Settings"],
            "Tom": ["Devices", "Delivery", "Rejected frames", "Log", "Settings"],
        }
        for name, links in seen.items():
            page = await window.open(house.port)
            await page.get_by_role("button", name="I have a code").click()
            await page.get_by_label("Code").fill(codes[name])
            await page.get_by_label("New password").fill(PASSWORD)
            await page.get_by_role("button", name="Enter").click()
            await page.wait_for_selector("header nav")
            assert await page.locator("nav li").all_inner_texts() == links
            for where in (
                "people",
                "person/ben",
                f"thing/{bens}",
                "inbox",
                "devices",
                "delivery",
                "consent",
                "rejected",
                "audit",
                "log",
                "settings",
            ):
                await window.go(where)
                await page.wait_for_timeout(150)
                text = await page.locator("main").inner_text()
                if where != "person/ben":  # there the address bar's own word is the title
                    assert not BENS.search(text), (name, where)
                assert "mmHg" not in text or name == "Anna", (name, where)
                if name == "Tom":
                    assert not ANNAS.search(text), where


async def test_a_phone_has_a_menu_and_nothing_has_to_be_scrolled_sideways(tmp_path: Path, lived_in: Path, window: Window) -> None:
    async with household(tmp_path, lived_in) as house:
        page = await window.open(house.port, "phone")
        await page.get_by_label("Code").fill(house.page.accounts.first_code())
        await page.get_by_label("Name").fill("Carla")
        await page.get_by_label("New password").fill(PASSWORD)
        await page.get_by_role("button", name="Enter").click()
        await expect(page.get_by_role("link", name="anna")).to_be_visible()
        assert not await page.get_by_role("link", name="Devices").is_visible()
        await page.get_by_role("button", name="Menu").click()
        await page.get_by_role("link", name="Devices").click()
        await expect(page.get_by_role("heading", name="Devices")).to_be_visible()
        assert not await page.get_by_role("link", name="Inbox").is_visible()


async def test_everything_can_be_done_with_the_keyboard_alone(tmp_path: Path, lived_in: Path, window: Window) -> None:
    async with household(tmp_path, lived_in) as house:
        page = await window.open(house.port)

        async def tab_to(name: str, presses: int = 60) -> None:
            for _ in range(presses):
                await page.keyboard.press("Tab")
                said = await page.evaluate(NAMED)
                if re.search(name, said):
                    return
            raise AssertionError(f"{name} is not reached")

        await tab_to("^Code")
        await page.keyboard.type(house.page.accounts.first_code())
        await tab_to("^Name")
        await page.keyboard.type("Carla")
        await tab_to("^New password")
        await page.keyboard.type(PASSWORD)
        await page.keyboard.press("Enter")
        await page.wait_for_selector("header nav")
        await expect(page.get_by_role("link", name="anna")).to_be_visible()
        assert await page.evaluate("document.activeElement.tagName") == "H1", "what is new is where one is"
        await tab_to("^anna$")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("heading", name="anna")).to_be_focused()
        await tab_to("^Day|^Week|^Month")
        async with page.expect_response(re.compile("chart.*systolic")):
            await page.keyboard.press("ArrowRight")
        assert await page.locator(".choices input:checked").count() == 1
        await tab_to("Blood pressure: choose a value")
        await page.keyboard.press("ArrowLeft")
        reading = page.locator("section", has_text="Blood pressure").locator(".reading").first
        await expect(reading).to_contain_text("Systolic")
        await expect(reading).to_contain_text("device's time")
        await tab_to("^Details")
        await page.keyboard.press("Enter")
        await expect(page.get_by_text("Where it comes from")).to_be_visible()
        await tab_to("^Retract this reading")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("button", name="Yes", exact=True)).to_be_focused()
        await page.keyboard.press("Enter")
        await expect(page.get_by_text("It is retracted.")).to_be_visible()
        await page.reload()
        await page.wait_for_selector("main h1")
        await page.evaluate("document.activeElement.blur()")
        await page.keyboard.press("Tab")
        await expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()


async def test_a_gateway_that_goes_away_and_comes_back_is_told_and_followed(tmp_path: Path, lived_in: Path, window: Window) -> None:
    async with household(tmp_path, lived_in) as house:
        page = await window.open(house.port)
        await window.first(house.page.accounts.first_code())
        await expect(page.get_by_role("link", name="anna")).to_be_visible()
        port = house.port
    await expect(page.get_by_text("The gateway does not answer")).to_be_visible()

    def change(config: dict[str, Any]) -> None:
        config["page"]["listen"] = f"127.0.0.1:{port}"

    async with household(tmp_path, change=change):
        await expect(page.get_by_text("The gateway does not answer")).to_have_count(0, timeout=15_000)
        await page.get_by_role("link", name="anna").click()
        await expect(page.get_by_text("Blood pressure").first).to_be_visible()
    window.complaints = [one for one in window.complaints if "ERR_CONNECTION_REFUSED" not in one and "ERR_INCOMPLETE" not in one]


async def test_a_file_of_the_page_that_did_not_come_once_comes_later(tmp_path: Path, lived_in: Path, window: Window) -> None:
    """The gateway was away at that very moment."""
    async with household(tmp_path, lived_in) as house:
        page = await window.open(house.port)
        await window.first(house.page.accounts.first_code())
        failures = [0]

        async def fail(route: Route_) -> None:
            failures[0] += 1
            await (route.abort() if failures[0] == 1 else route.continue_())

        await page.route("**/pages/devices.js", fail)
        await page.get_by_role("link", name="Devices").click()
        await expect(page.get_by_text("The gateway does not answer")).to_be_visible()
        await expect(page.get_by_text("No device yet")).to_be_visible()
        assert failures[0] == 2
    window.complaints = [one for one in window.complaints if "ERR_FAILED" not in one]


async def test_units_and_language_are_as_each_person_prefers(tmp_path: Path, lived_in: Path, window: Window) -> None:
    async with household(tmp_path, lived_in) as house:
        page = await window.open(house.port, language="de")
        await expect(page.get_by_role("heading", name="Das erste Konto anlegen")).to_be_visible()
        await page.get_by_label("Code").fill(house.page.accounts.first_code())
        await page.get_by_label("Name").fill("Carla")
        await page.get_by_label("Neues Passwort").fill(PASSWORD)
        await page.get_by_role("button", name="Eintreten").click()
        await page.get_by_role("link", name="Einstellungen").click()
        await page.get_by_label("Sprache").select_option("en")
        await expect(page.get_by_role("heading", name="Settings")).to_be_visible()
        assert await page.evaluate("document.documentElement.lang") == "en"
        for label, unit in (("Weight", "st"), ("Blood glucose", "mg/dL"), ("Temperature", "°F")):
            await page.get_by_label(label, exact=True).select_option(unit)
            await expect(page.get_by_text("It is kept.")).to_be_visible()
            await expect(page.get_by_label(label, exact=True)).to_have_value(unit)
        await page.get_by_role("link", name="People").click()
        await expect(page.get_by_role("link", name="anna")).to_be_visible()
        text = await page.locator("main").inner_text()
        assert re.search(r"\d+ st \d+\.\d lb", text) or "st" in await _weights(window)
        assert re.search(r"\d+ mg/dL", text)
        assert "°F" in text
        assert "mmol/L" not in text
        assert "°C" not in text


async def _weights(window: Window) -> str:
    await window.page.get_by_role("link", name="anna").click()
    return await window.page.locator("main").inner_text()
