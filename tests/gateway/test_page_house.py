"""The page as a part of the daemon: over TLS, by the command, in the doctor's words, and what it leaves behind."""

from __future__ import annotations

import asyncio
import json
import ssl
from datetime import UTC, datetime
from http.client import HTTPSConnection
from pathlib import Path
from typing import Any

import pytest
import structlog
from click.testing import CliRunner

from gateway.cli import root
from gateway.config import PageSection
from gateway.doctor.certificates import page as page_findings
from gateway.journal import Commit, Rejection
from gateway.lately import LATELY, MOST, Lately
from gateway.web import accounts
from gateway.web.accounts import Accounts, Role
from tests.support.browsing import PASSWORD, household
from tests.support.certificates import Authority
from tests.support.fakes import FakeClock, until

NOW = datetime(2026, 3, 14, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accounts, "N", 16)
    monkeypatch.setattr(accounts, "P", 1)


async def command(*arguments: str) -> tuple[int, str]:
    done = await asyncio.to_thread(CliRunner().invoke, root, list(arguments))
    return done.exit_code, done.output


async def test_over_tls_the_cookie_is_for_tls_alone(tmp_path: Path) -> None:
    authority = Authority(tmp_path, "home")
    pair = authority.issue("hub")

    def change(config: dict[str, Any]) -> None:
        config["page"] |= {"certificate_file": str(pair.certificate), "key_file": str(pair.key)}

    async with household(tmp_path, change=change) as home:
        code = home.page.accounts.first_code()

        def welcome() -> tuple[int, str]:
            context = ssl.create_default_context(cafile=str(authority.certificate))
            context.verify_flags &= ~ssl.VERIFY_X509_STRICT  # the test's authority writes no key identifiers
            connection = HTTPSConnection("127.0.0.1", home.port, context=context)
            body = json.dumps({"code": code, "name": "Carla", "password": PASSWORD})
            headers = {"Content-Type": "application/json", "Origin": f"https://127.0.0.1:{home.port}", "Connection": "close"}
            connection.request("POST", "/api/v1/welcome", body, headers)
            answer = connection.getresponse()
            answer.read()
            connection.close()
            return answer.status, str(answer.getheader("Set-Cookie"))

        status, cookie = await asyncio.to_thread(welcome)
        assert status == 200
        assert "secure" in cookie.lower()


@pytest.mark.parametrize("missing", [True, False])
async def test_a_certificate_that_cannot_be_used_is_told_and_the_gateway_goes_on(tmp_path: Path, missing: bool) -> None:  # noqa: FBT001 - a parameter
    file = tmp_path / "page.pem"
    if not missing:
        file.write_text("no certificate")

    def change(config: dict[str, Any]) -> None:
        config["page"] |= {"certificate_file": str(file), "key_file": str(file)}

    async with household(tmp_path, change=change) as home:
        await until(lambda: home.page.problem is not None)
        assert str(file) in home.page.problem
        assert not home.gateway._stop.is_set()


async def test_the_command_says_where_the_page_is_and_how_to_get_in(tmp_path: Path) -> None:
    async with household(tmp_path) as home:
        at = ("--state", str(home.state), "-c", str(tmp_path / "config.toml"))
        (tmp_path / "config.toml").write_text("")
        code, said = await command("page", *at)
        assert code == 0
        assert said == f"http://127.0.0.1:{home.port}/\nThe first account is made there with the code {home.page.accounts.first_code()}\n"
        owner = await home.owner()
        await home.somebody(owner, "Anna", "member", "anna")
        assert (await command("page", *at))[1].splitlines()[1:] == ["Carla: owner", "Anna: member, anna"]
        code, said = await command("page", "--new-password", "Carla", *at)
        assert code == 0
        assert (await owner.ask("GET", "/people"))[0] == 401, "the old one stops at once"
        browser = home.browser()
        status, _ = await browser.enter("/welcome", {"code": said.split("code ")[1].split(",")[0], "password": PASSWORD})
        assert status == 200
        code, said = await command("page", "--new-password", "Nobody", *at)
        assert (code, "there are: Carla, Anna" in said) == (1, True)
    code, said = await command("page", *at)
    assert (code, "not running" in said) == (1, True)


async def test_a_page_that_is_off_is_nowhere(tmp_path: Path) -> None:
    from gateway.app import Gateway  # noqa: PLC0415 - for this test
    from gateway.config import Config  # noqa: PLC0415 - likewise
    from tests.support.browsing import REGISTRY  # noqa: PLC0415 - likewise
    from tests.support.fakes import FakeRadio  # noqa: PLC0415 - likewise

    (tmp_path / "config.toml").write_text("")
    config = Config.model_validate({"gateway": {"state": str(tmp_path / "state")}, "page": {"listen": "off"}})
    gateway = Gateway(config, REGISTRY, FakeRadio(), FakeClock(), sinks={})
    running = asyncio.create_task(gateway.run())
    await until(gateway.ready.is_set)
    await until((tmp_path / "state" / "control.sock").exists)
    code, said = await command("page", "--state", str(tmp_path / "state"), "-c", str(tmp_path / "config.toml"))
    assert (code, "off" in said) == (1, True)
    gateway.stop()
    await running


@pytest.mark.parametrize(
    ("section", "levels"),
    [
        ({}, []),
        ({"listen": "off"}, []),
        ({"listen": "[::1]:1"}, []),
        ({"listen": "0.0.0.0:8460"}, ["warning"]),
        ({"listen": "192.168.1.7:8460"}, ["warning"]),
        ({"listen": "0.0.0.0:8460", "certificate_file": "/nowhere/page.pem", "key_file": "/nowhere/key"}, ["problem"]),
    ],
)
def test_the_doctor_says_when_the_network_can_read_along(section: dict[str, Any], levels: list[str]) -> None:
    assert [one.level for one in page_findings(PageSection.model_validate(section), NOW)] == levels


async def test_whoever_is_purged_has_no_account_any_more(tmp_path: Path) -> None:
    path = tmp_path / accounts.FILE
    known = Accounts(path, FakeClock().now)
    await known.welcome(known.first_code() or "", "Carla", PASSWORD)
    await known.invite("Anna", Role.MEMBER, "anna")
    await known.invite("Ben", Role.MEMBER, "ben")
    await known.invite("Dora", Role.OWNER, "anna")
    accounts.erase(path, "anna")
    assert {one.name: one.person for one in Accounts(path, FakeClock().now).all()} == {"Carla": None, "Ben": "ben", "Dora": None}
    assert "anna" not in path.read_text().lower()
    accounts.erase(tmp_path / "nothing.json", "anna")
    path.write_text("damaged")
    accounts.erase(path, "anna")
    assert path.read_text() == "damaged"


async def test_the_log_is_shown_as_it_comes_and_only_the_latest(tmp_path: Path) -> None:
    async with household(tmp_path) as home:
        owner = await home.owner()
        last = (await owner.get("/log"))["last"]
        LATELY(None, "warning", {"event": "something", "device": "C0:FF:EE:00:00:01", "level": "warning", "timestamp": "t"})
        said = await owner.get(f"/log?after={last}")
        [line] = said["lines"]
        assert (line["level"], line["event"], line["particulars"]) == ("warning", "something", {"device": "C0:FF:EE:00:00:01"})
        assert (await owner.get(f"/log?after={said['last']}"))["lines"] == []


def test_of_many_lines_the_latest_are_kept_and_of_a_long_one_its_beginning() -> None:
    lately = Lately()
    heard = []
    lately.news = lambda: heard.append(1)
    for number in range(MOST + 10):
        lately(None, "info", {"event": f"line {number}", "long": "x" * 10_000})
    lines = list(lately.after(0))
    assert [line.event for line in lines] == [f"line {number}" for number in range(10, MOST + 10)]
    assert all(len(line.particulars["long"]) == 500 for line in lines)
    assert len(heard) == MOST + 10


def test_the_daemon_s_log_goes_through_it(capsys: pytest.CaptureFixture[str]) -> None:
    from gateway.cli.common import set_up_logging  # noqa: PLC0415 - for this test

    before = structlog.get_config()
    try:
        set_up_logging("info", "json")
        last = LATELY.last
        structlog.get_logger("page").info("heard by the page")
        structlog.get_logger("page").debug("not said")
        assert [line.event for line in LATELY.after(last)] == ["heard by the page"]
        assert "heard by the page" in capsys.readouterr().err
    finally:
        structlog.configure(**before)


async def test_rejected_frames_are_listed_without_octets_and_given_to_the_owner_with_them(tmp_path: Path) -> None:
    async with household(tmp_path) as home:
        rejected = Rejection(7, "00", "C0:FF:EE:00:00:02", "blood-pressure", 0x2A35, b"\x1f\xab", "too short", 1_760_000_000.0)
        await home.gateway.journal.commit(Commit("C0:FF:EE:00:00:02", rejections=(rejected,)))
        owner = await home.owner()
        tom = await home.somebody(owner, "Tom", "technician")
        for browser in (owner, tom):
            [shown] = await browser.get("/rejected")
            assert (shown["uuid"], shown["error"]) == ("2A35", "too short")
            assert "1fab" not in json.dumps(shown)
        assert (await tom.ask("GET", "/rejected/7"))[0] == 403
        [whole] = await owner.get("/rejected/7")
        assert whole["bytes"] == "1fab"
        assert "attachment" in owner.seen["content-disposition"]
        assert (await owner.ask("GET", "/rejected/8"))[0] == 404
        assert [entry["by"] for entry in await home.audit() if entry["what"] == "rejected frames shown"] == ["Carla"]


async def test_the_audit_log_is_told_page_by_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.web.records.AT_ONCE", 4)
    async with household(tmp_path) as home:
        owner = await home.owner()
        for number in range(10):
            home.gateway._audit.note("something", number=number)
        wanted = [entry["what"] for entry in await home.audit()]
        seen, before = list[str](), ""
        while True:
            answer = await owner.get(f"/audit{before}")
            assert len(answer["entries"]) <= 4
            seen += [entry["what"] for entry in answer["entries"]]
            if answer["next"] is None:
                break
            before = f"?before={answer['next']}"
        assert seen == wanted[::-1]


async def test_only_the_latest_rejected_frames_are_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A device that nobody can read would fill a page in a year."""
    monkeypatch.setattr("gateway.web.records.MOST_REJECTED", 2)
    async with household(tmp_path) as home:
        for position in (7, 8, 9):
            rejected = Rejection(position, "00", "C0:FF:EE:00:00:02", "blood-pressure", 0x2A35, b"\x1f", "too short", 1_760_000_000.0)
            await home.gateway.journal.commit(Commit("C0:FF:EE:00:00:02", rejections=(rejected,)))
        owner = await home.owner()
        assert [one["position"] for one in await owner.get("/rejected")] == [9, 8]
        assert (await owner.get("/rejected/7"))[0]["position"] == 7, "the others can still be had"


async def test_what_is_thrown_away_leaves_the_page(tmp_path: Path, lived_in: Path) -> None:
    clock = FakeClock()
    async with household(tmp_path, lived_in, sinks={}, clock=clock) as home:
        owner = await home.owner()
        assert (await owner.get("/people"))["people"][0]["things"] > 0
        clock.pass_(3 * 366 * 86400)
        await home.gateway._retention.day(30)
        await until(lambda: len(home.page._following._points.things("anna")) == 0)


async def test_a_pairing_is_told_to_open_pages(tmp_path: Path) -> None:
    async with household(tmp_path) as home:
        heard: list[str] = []
        home.page._live.changed = heard.append
        home.gateway._desk.tell("C0:FF:EE:00:00:02", {"event": "found"})
        assert heard == ["pairing"]
