"""Who gets in at the page, and how far: codes, passwords, sessions, tokens, roles, and pages that are not ours."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from gateway.web import accounts, guard, sessions
from gateway.web.accounts import Account, Accounts, NotPossible, Role
from gateway.web.endpoints import may_see, openapi
from gateway.web.limits import Limit
from tests.support.browsing import PASSWORD, Browser, household
from tests.support.fakes import FakeClock


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Passwords are stretched less."""
    monkeypatch.setattr(accounts, "N", 16)
    monkeypatch.setattr(accounts, "P", 1)


def made(place: Path, clock: FakeClock | None = None) -> Accounts:
    return Accounts(place / accounts.FILE, (clock or FakeClock()).now)


# -- accounts -----------------------------------------------------------------------------------------------------


async def test_the_first_account_needs_the_code_that_only_the_hub_knows(tmp_path: Path) -> None:
    known = made(tmp_path)
    code = known.first_code()
    assert code is not None
    assert known.first_code() == code, "the same until it is used"
    assert await known.welcome("AAAA-AAAA", "Carla", PASSWORD) is None
    with pytest.raises(NotPossible, match="at least 10"):
        await known.welcome(code, "Carla", "short")
    key = await known.welcome(code.lower().replace("-", " "), "Carla", PASSWORD)
    assert key is not None
    assert known.first_code() is None
    assert await known.welcome(code, "Mallory", PASSWORD) is None, "it works once"
    caller = known.whose(key)
    assert caller is not None
    assert (caller.account.name, caller.account.role) == ("Carla", Role.OWNER)


async def test_two_who_use_the_first_code_at_once_do_not_both_get_in(tmp_path: Path) -> None:
    known = made(tmp_path)
    code = known.first_code() or ""
    keys = await asyncio.gather(*(known.welcome(code, name, PASSWORD) for name in ("Carla", "Mallory", "Carla")))
    assert [key is not None for key in keys].count(True) == 1
    assert len(known.names) == 1


async def test_no_secret_stands_in_the_file_and_everything_outlives_a_restart(tmp_path: Path) -> None:
    known = made(tmp_path)
    key = await known.welcome(known.first_code() or "", "Carla", PASSWORD)
    token = await known.add_token("Carla", "script", None)
    invitation = await known.invite("Anna", Role.MEMBER, "anna")
    assert key is not None
    said = (tmp_path / accounts.FILE).read_text()
    for secret in (PASSWORD, key, token, invitation, invitation.replace("-", "")):
        assert secret not in said
    assert (tmp_path / accounts.FILE).stat().st_mode & 0o777 == 0o600
    again = made(tmp_path)
    assert again.whose(key) is not None
    bearer = again.bearer(token)
    assert bearer is not None
    assert bearer.by == "Carla/script"
    assert await again.login("Carla", PASSWORD) is not None
    assert await again.login("Carla", PASSWORD + "x") is None
    assert await again.login("Nobody", PASSWORD) is None
    assert await again.login("Anna", "") is None, "without a password there is no way in but the code"


async def test_codes_sessions_and_tokens_end(tmp_path: Path) -> None:
    clock = FakeClock()
    known = made(tmp_path, clock)
    key = await known.welcome(known.first_code() or "", "Carla", PASSWORD) or ""
    token = await known.add_token("Carla", "script", 30)
    code = await known.invite("Anna", Role.MEMBER, "anna")
    clock.pass_(accounts.CODE_SECONDS + 1)
    assert await known.welcome(code, "", PASSWORD) is None
    assert known.bearer(token) is not None
    clock.pass_(accounts.SESSION_SECONDS)
    assert known.whose(key) is None
    assert known.bearer(token) is None


async def test_a_new_password_ends_other_sessions_and_a_lost_one_all(tmp_path: Path) -> None:
    known = made(tmp_path)
    first = await known.welcome(known.first_code() or "", "Carla", PASSWORD) or ""
    second = await known.login("Carla", PASSWORD) or ""
    caller = known.whose(second)
    assert caller is not None
    assert not await known.change_password(caller, "wrong password", "another password")
    assert await known.change_password(caller, PASSWORD, "another password")
    assert known.whose(first) is None
    assert known.whose(second) is not None
    assert await known.login("Carla", PASSWORD) is None
    code = await known.invite("Carla")
    assert known.whose(second) is None
    assert await known.login("Carla", "another password") is None
    assert await known.welcome(code, "ignored", PASSWORD) is not None
    assert known.names == ["Carla"]


async def test_old_sessions_make_room_and_the_last_owner_stays(tmp_path: Path) -> None:
    known = made(tmp_path)
    keys = [await known.welcome(known.first_code() or "", "Carla", PASSWORD) or ""]
    keys += [await known.login("Carla", PASSWORD) or "" for _ in range(accounts.MOST_SESSIONS)]
    assert [known.whose(key) is not None for key in keys] == [False] + [True] * accounts.MOST_SESSIONS
    code = await known.invite("Dora", Role.OWNER)
    with pytest.raises(NotPossible, match="last owner"):
        await known.remove("Carla")  # Dora has no password yet
    await known.welcome(code, "", PASSWORD)
    await known.remove("Carla")
    assert known.names == ["Dora"]
    assert known.first_code() is None


@pytest.mark.parametrize("name", ["", "  ", "a/b", "x" * 41, "a\nb"])
async def test_names_that_no_list_shows_well_are_refused(tmp_path: Path, name: str) -> None:
    known = made(tmp_path)
    with pytest.raises(NotPossible, match="1 to 40"):
        await known.welcome(known.first_code() or "", name, PASSWORD)


async def test_a_code_works_once_and_a_session_hears_no_more_when_it_is_over(tmp_path: Path) -> None:
    clock = FakeClock()
    known = made(tmp_path, clock)
    await known.welcome(known.first_code() or "", "Carla", PASSWORD)
    code = await known.invite("Anna", Role.MEMBER, "anna")
    key = await known.welcome(code, "", PASSWORD) or ""
    assert await known.welcome(code, "", "another password") is None
    caller = known.whose(key)
    assert caller is not None
    assert known.still(caller)
    clock.pass_(accounts.SESSION_SECONDS)
    assert not known.still(caller)
    await known.remove("Anna")
    assert not known.still(caller)


def test_nobody_s_readings_are_for_owners_alone() -> None:
    assert may_see(Account(name="Carla", role=Role.OWNER), None)
    assert not may_see(Account(name="Anna", role=Role.MEMBER), None), "even one who is nobody"
    assert not may_see(Account(name="Tom", role=Role.TECHNICIAN, person="anna"), "anna")


async def test_a_member_is_somebody_and_names_are_taken_once(tmp_path: Path) -> None:
    known = made(tmp_path)
    await known.welcome(known.first_code() or "", "Carla", PASSWORD)
    with pytest.raises(NotPossible, match="say which"):
        await known.invite("Anna", Role.MEMBER)
    with pytest.raises(NotPossible, match="already"):
        await known.invite(" Carla ", Role.TECHNICIAN)
    with pytest.raises(NotPossible, match="there are: Carla"):
        await known.invite("Nobody")


async def test_a_damaged_file_lets_nobody_in_and_is_kept_aside(tmp_path: Path) -> None:
    known = made(tmp_path)
    key = await known.welcome(known.first_code() or "", "Carla", PASSWORD) or ""
    path = tmp_path / accounts.FILE
    whole = path.read_bytes()
    for at in range(0, len(whole), 7):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        again = made(tmp_path)
        if again.names:
            assert again.whose(key) is not None, "only where the flip changes nothing that is said"
        else:
            assert path.with_suffix(".damaged").exists()
            assert again.whose(key) is None


def test_a_limit_gives_out_a_burst_and_then_at_its_pace() -> None:
    clock = FakeClock()
    limit = Limit(3, 10.0, clock.boottime)
    assert [limit.take("a") for _ in range(3)] == [0, 0, 0]
    assert limit.take("a") == pytest.approx(10)
    assert limit.take("b") == 0, "each for themselves"
    clock.pass_(9)
    assert limit.take("a") == pytest.approx(1)
    clock.pass_(1)
    assert limit.take("a") == 0
    clock.pass_(1000)
    assert [limit.take("a") == 0 for _ in range(4)] == [True, True, True, False]


# -- through the door ---------------------------------------------------------------------------------------------


async def test_without_an_account_nothing_is_told(tmp_path: Path, lived_in: Path) -> None:
    async with household(tmp_path, lived_in) as home:
        browser = home.browser()
        assert await browser.get("/session") == {"first": True, "me": None}
        description = await browser.get("/openapi.json")
        checked = 0
        for path, operations in description["paths"].items():
            for method, operation in operations.items():
                if operation.get("security") == []:
                    continue
                status, said = await browser.ask(method.upper(), re.sub("{[a-z]+}", "1", path), {})
                assert (status, said["code"]) == (401, "log-in"), path
                checked += 1
        assert checked > 30
        assert (await browser.raw("GET", "/healthz"))[0] == 200
        status, said = await browser.ask("GET", "/nonsense")
        assert (status, said["code"]) == (404, "not-here")


async def test_the_code_is_in_the_log_and_in_the_command(tmp_path: Path) -> None:
    from structlog.testing import capture_logs  # noqa: PLC0415 - for this test

    with capture_logs() as said:
        async with household(tmp_path) as home:
            code = home.page.accounts.first_code()
    [line] = [one for one in said if one["event"] == "the page waits for its first account"]
    assert line["code"] == code
    assert line["page"] == f"http://127.0.0.1:{home.port}/"


ROLES: dict[str, set[str]] = {
    "owner": {"/people", "/people/ben/chart?quantities=weight", "/people/ben/things", "/inbox", "/audit", "/consent", "/devices"}
    | {"/devices/near", "/delivery", "/delivery/file", "/rejected", "/log", "/accounts", "/metrics", "/tokens"},
    "member": {"/people", "/audit", "/consent", "/devices", "/tokens"},
    "technician": {"/devices", "/devices/near", "/delivery", "/rejected", "/log", "/metrics", "/tokens"},
}


async def test_each_role_sees_what_it_may_and_no_more(tmp_path: Path, lived_in: Path) -> None:
    async with household(tmp_path, lived_in) as home:
        owner = await home.owner()
        browsers = {
            "owner": owner,
            "member": await home.somebody(owner, "Anna", "member", "anna"),
            "technician": await home.somebody(owner, "Tom", "technician"),
        }
        for role, browser in browsers.items():
            open_to = {path for path in ROLES["owner"] if (await browser.raw("GET", f"/api/v1{path}"))[0] == 200}
            assert open_to == ROLES[role], role


async def test_a_member_sees_only_what_is_theirs(tmp_path: Path, lived_in: Path) -> None:
    def change(config: dict[str, Any]) -> None:
        addresses = ["C0:FF:EE:00:00:01", "C0:FF:EE:00:00:02", "C0:FF:EE:00:00:03"]
        persons: list[dict[str, Any]] = [{"person": "anna"}, {"users": {"1": "anna", "2": "ben"}}, {"person": "ben"}]
        config["device"] = [{"address": address, **whose} for address, whose in zip(addresses, persons, strict=True)]
        config["sink"] = {"clinic": {"type": "file", "path": str(tmp_path / "clinic"), "consent": "required"}}
        config["grant"] = [{"person": "anna", "sink": "clinic"}, {"person": "ben", "sink": "clinic"}]

    async with household(tmp_path, lived_in, change=change) as home:
        owner = await home.owner()
        anna = await home.somebody(owner, "Anna", "member", "anna")
        everybody = await owner.get("/people")
        assert [one["id"] for one in everybody["people"]] == ["anna", "ben"]
        assert everybody["unassigned"] > 0
        mine = await anna.get("/people")
        assert [one["id"] for one in mine["people"]] == ["anna"]
        assert mine["unassigned"] == 0
        assert [one["address"] for one in (await anna.get("/devices"))["devices"]] == ["C0:FF:EE:00:00:01"]
        tom = await home.somebody(owner, "Tom", "technician")
        assert {tuple(one["persons"]) for one in (await tom.get("/devices"))["devices"]} == {()}
        assert {tuple(one["persons"]) for one in (await owner.get("/devices"))["devices"]} == {("anna",), ("anna", "ben"), ("ben",)}
        assert [one["person"] for one in (await anna.get("/consent"))["grants"]] == ["anna"]
        bens = [one["number"] for one in (await owner.get("/people/ben/things"))["things"]]
        nobodys = [thing["number"] for thing in (await owner.get("/inbox"))["entries"]]
        for number in (*bens[:3], *nobodys[:3], 10**30):
            for method, path in (("GET", f"/things/{number}"), ("POST", f"/things/{number}/retract")):
                status, said = await anna.ask(method, path)
                assert (status, said["code"]) == (404, "not-here"), "as if there were none"
        for what in ("grant", "revoke"):
            assert (await anna.ask("POST", f"/consent/{what}", {"person": "ben", "sink": "clinic"}))[0] == 404
        assert (await anna.ask("POST", "/inbox/assign", {"numbers": bens[:1], "person": "anna"}))[0] == 403
        status, _ = await anna.ask("POST", "/consent/revoke", {"person": "anna", "sink": "clinic"})
        assert status == 200
        # What was Ben's before somebody said that it is Anna's is not shown to her with Ben's name.
        await owner.do("POST", "/inbox/assign", {"numbers": bens[:1], "person": "anna"})
        await home.read()
        versions = await anna.get(f"/things/{bens[0]}")
        assert {one["thing"].get("person") for one in versions} == {"anna"}
        assert {one["thing"].get("person") for one in await owner.get(f"/things/{bens[0]}")} >= {"anna", "ben"}
        entries = (await anna.get("/audit"))["entries"]
        assert entries
        for entry in entries:
            said = entry["particulars"]
            assert "anna" in (said.get("person"), said.get("to")) or said.get("by") == "Anna"


async def test_a_change_needs_the_token_of_its_session_and_comes_from_our_own_page(tmp_path: Path) -> None:
    async with household(tmp_path) as home:
        owner = await home.owner()
        preferences = {"language": "de"}
        strangers: list[tuple[Browser, str]] = [
            (Browser(home.port, owner.cookie), "csrf"),
            (Browser(home.port, owner.cookie, "0" * 64), "csrf"),
            (Browser(home.port, owner.cookie, owner.csrf, headers={"Origin": "http://evil.example"}), "other-page"),
            (Browser(home.port, owner.cookie, owner.csrf, headers={"Origin": "null"}), "other-page"),
            (Browser(home.port, owner.cookie, owner.csrf, headers={"Origin": f"http://127.0.0.1:{home.port}.evil.example"}), "other-page"),
            (Browser(home.port, owner.cookie, owner.csrf, headers={"Origin": f"http://127.0.0.1:{home.port + 1}"}), "other-page"),
            (Browser(home.port, owner.cookie, owner.csrf, headers={"Sec-Fetch-Site": "cross-site"}), "other-page"),
        ]
        for browser, code in strangers:
            status, said = await browser.ask("PUT", "/preferences", preferences)
            assert (status, said["code"]) == (403, code)
        for scheme in ("http", "https"):  # the latter where a proxy speaks TLS for us
            own = Browser(home.port, owner.cookie, owner.csrf, headers={"Origin": f"{scheme}://127.0.0.1:{home.port}"})
            assert (await own.do("PUT", "/preferences", preferences))["language"] == "de"
        assert (await owner.get("/session"))["me"]["preferences"]["language"] == "de"


@pytest.mark.parametrize(
    ("host", "is_let_in"),
    [
        ("127.0.0.1:8460", True),
        ("localhost:8460", True),
        ("192.168.1.7", True),
        ("[::1]:8460", True),
        ("health.example.org", True),
        ("evil.example", False),
        ("127.0.0.1.evil.example:8460", False),
        ("", False),
    ],
)
async def test_a_name_that_is_not_ours_leads_nowhere(tmp_path: Path, host: str, is_let_in: bool) -> None:  # noqa: FBT001 - a parameter
    async with household(tmp_path, change=lambda config: config["page"].update(names=["health.example.org"])) as home:
        browser = home.browser()
        browser.headers = {"Host": host}
        status, said = await browser.ask("GET", "/session")
        assert (status == 200) == is_let_in
        if not is_let_in:
            assert (status, said["code"]) == (421, "wrong-name")


async def test_what_the_browser_is_told_to_keep_to(tmp_path: Path) -> None:
    async with household(tmp_path) as home:
        owner = await home.owner()
        cookie = owner.seen["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=strict" in cookie
        for path in ("/", "/api/v1/people", "/nothing", "/api/v1/nothing"):
            await owner.raw("GET", path)
            policy = owner.seen["content-security-policy"]
            assert "default-src 'none'" in policy
            assert "unsafe" not in policy
            assert owner.seen["x-content-type-options"] == "nosniff"
            assert owner.seen["referrer-policy"] == "no-referrer"
        await owner.get("/people")
        assert owner.seen["cache-control"] == "no-store"


async def test_guessing_is_slowed_down_and_told_to_the_audit_log(tmp_path: Path) -> None:
    async with household(tmp_path, clock=FakeClock()) as home:
        owner = await home.owner()
        guesser = home.browser()
        answers = [await guesser.ask("POST", "/session", {"name": "Carla", "password": f"guess {n}"}) for n in range(10)]
        assert [status for status, _ in answers] == [401] * (sessions.BY_ADDRESS[0] - 1) + [429] * (11 - sessions.BY_ADDRESS[0])
        assert int(guesser.seen["retry-after"]) > 0
        status, _ = await guesser.ask("POST", "/session", {"name": "Carla", "password": PASSWORD})
        assert status == 429, "the right one, too: who guesses cannot tell"
        assert (await owner.get("/session"))["me"]["name"] == "Carla", "who is in stays in"
        failed = [entry for entry in await home.audit() if entry["what"] == "login failed"]
        assert len(failed) == sessions.BY_ADDRESS[0] - 1
        assert {entry["account"] for entry in failed} == {"Carla"}


async def test_guessing_at_one_name_from_many_addresses_is_slowed_down_too(tmp_path: Path) -> None:
    async with household(tmp_path, clock=FakeClock()) as home:
        await home.owner()
        answers = []
        for number in range(sessions.BY_NAME[0] + 2):
            guesser = Browser(home.port, source=f"127.0.1.{number + 1}")
            answers.append((await guesser.ask("POST", "/session", {"name": "Carla", "password": f"guess {number}"}))[0])
        assert answers == [401] * sessions.BY_NAME[0] + [429] * 2
        other = Browser(home.port, source="127.0.2.1")
        assert (await other.ask("POST", "/session", {"name": "Dora", "password": "a guess"}))[0] == 401, "another name is another matter"


async def test_too_much_at_once_is_slowed_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "BURST", 5)
    async with household(tmp_path) as home:
        browser = home.browser()
        answers = [(await browser.ask("GET", "/session"))[0] for _ in range(8)]
        assert answers.count(429) == 3


async def test_a_program_asks_with_a_token_and_gets_no_further_than_its_account(tmp_path: Path, lived_in: Path) -> None:
    async with household(tmp_path, lived_in) as home:
        owner = await home.owner()
        anna = await home.somebody(owner, "Anna", "member", "anna")
        token = (await anna.do("POST", "/tokens", {"name": "script", "days": None}))["token"]
        program = Browser(home.port, token=token)
        assert [one["id"] for one in (await program.get("/people"))["people"]] == ["anna"]
        assert (await program.ask("GET", "/inbox"))[0] == 403
        assert (await program.do("PUT", "/preferences", {"weight": "lb"}))["weight"] == "lb", "without a CSRF token"
        for path, body in (("/tokens", {"name": "another"}), ("/password", {"old": PASSWORD, "new": PASSWORD})):
            status, said = await program.ask("PUT" if path == "/password" else "POST", path, body)
            assert (status, said["code"]) == (403, "not-for-you"), "it makes itself no more keys"
        read = [entry for entry in await home.audit() if entry.get("by") == "Anna/script"]
        assert {entry["what"] for entry in read} == {"readings shown"}
        await anna.do("DELETE", "/tokens/script")
        assert (await program.ask("GET", "/people"))[0] == 401


async def test_names_may_be_any(tmp_path: Path, lived_in: Path) -> None:
    """Of persons and sinks: they stand in addresses."""
    name = "an/na?&# ü%2F"

    def change(config: dict[str, Any]) -> None:
        config["person"] = [{"id": name}]
        config["sink"] = {name: {"type": "file", "path": str(tmp_path / "file")}}

    async with household(tmp_path, lived_in, change=change) as home:
        owner = await home.owner()
        number = (await owner.get("/inbox"))["entries"][0]["number"]
        await owner.do("POST", "/inbox/assign", {"numbers": [number], "person": name})
        await home.read()
        part = quote(name, safe="")
        assert (await owner.get(f"/people/{part}/things"))["things"][0]["thing"]["person"] == name
        assert (await owner.get(f"/people/{part}/chart?quantities=weight"))["lines"] is not None
        assert await owner.get(f"/delivery/{part}") == []
        assert (await owner.do("POST", f"/delivery/{part}/retry"))["sinks"] == [name]


async def test_an_account_that_is_removed_is_out_at_once(tmp_path: Path) -> None:
    async with household(tmp_path) as home:
        owner = await home.owner()
        tom = await home.somebody(owner, "Tom", "technician")
        assert (await owner.ask("DELETE", "/accounts/Carla"))[0] == 409
        await owner.do("DELETE", "/accounts/Tom")
        assert (await tom.ask("GET", "/log"))[0] == 401
        assert [one["name"] for one in (await owner.get("/accounts"))["accounts"]] == ["Carla"]
        await owner.raw("DELETE", "/api/v1/session")
        assert (await owner.ask("GET", "/accounts"))[0] == 401


async def test_every_look_at_values_stands_in_the_audit_log(tmp_path: Path, lived_in: Path) -> None:
    async with household(tmp_path, lived_in) as home:
        owner = await home.owner()
        [thing, *_] = (await owner.get("/people/anna/things"))["things"]
        looks = {
            "/people": {("anna", "latest"), ("ben", "latest")},
            "/people/anna/chart?quantities=weight,systolic": {("anna", "chart weight,systolic")},
            "/people/anna/things": {("anna", "list")},
            f"/things/{thing['number']}": {("anna", f"thing {thing['number']}")},
            "/inbox": {(None, "inbox")},
        }
        for path, wanted in looks.items():
            before = len(await home.audit())
            await owner.get(path)
            entries = (await home.audit())[before:]
            assert {(entry.get("person"), entry["how"]) for entry in entries} == wanted, path
            assert {entry["by"] for entry in entries} == {"Carla"}


def test_the_description_is_what_openapi_wants() -> None:
    from openapi_spec_validator import validate  # noqa: PLC0415 - for this test

    from gateway.web.people import PeopleApi  # noqa: PLC0415 - likewise

    unmade: Any = None
    made = openapi(PeopleApi(unmade, unmade, unmade, unmade, unmade, unmade).endpoints(), "1")
    validate(json.loads(json.dumps(made)))
    assert "/people/{person}/chart" in made["paths"]
