"""What nobody should send to the page: answered in bounded time and memory, never with a stack trace or somebody else's data."""

from __future__ import annotations

import asyncio
import json
import random
from pathlib import Path
from typing import Any

import pytest

from gateway.web import accounts, guard, live, site
from tests.support.browsing import Household, household
from tests.support.fakes import until


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accounts, "N", 16)
    monkeypatch.setattr(accounts, "P", 1)
    monkeypatch.setattr(guard, "BURST", 100_000)


HOSTILE: list[Any] = [
    None, True, 0, -1, 1e400, "", "\x00", "x" * 5000, "\ud800", "<script>alert(1)</script>", "'; DROP TABLE things; --", "../../etc/passwd",
    [], [[[]]], {}, {"a": {"b": {}}}, {"name": []}, "nobody", "\uff19" * 6, "%00", "anna\nben",
]  # fmt: skip


PARTS = ["1", "-1", "9" * 40, "%00", "%2e%2e%2f", "a%20b", "%ff", "anna'"]
QUERIES = ["1", "x", "-5", "nan", "inf", "1e999", "%00", "", "9" * 30]


async def send(home: Household, octets: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", home.port)
    writer.write(octets)
    said = await reader.read()
    writer.close()
    return said


async def test_hostile_fields_are_refused_with_their_name_and_never_break_anything(tmp_path: Path, lived_in: Path) -> None:
    chance = random.Random(1)
    async with household(tmp_path, lived_in) as home:
        owner = await home.owner()
        description = await owner.get("/openapi.json")
        before = home.gateway.journal.head()
        tried = 0
        for path, operations in description["paths"].items():
            for method, operation in operations.items():
                if path == "/events" or (path, method) in (("/session", "delete"), ("/release-time", "post")):
                    continue
                schema = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
                for _ in range(25):
                    asked = path
                    while "{" in asked:
                        name = asked[asked.index("{") : asked.index("}") + 1]
                        asked = asked.replace(name, chance.choice(PARTS))
                    query = {one["name"] for one in operation.get("parameters", ()) if one["in"] == "query"}
                    if query:
                        asked += "?" + "&".join(f"{name}={chance.choice(QUERIES)}" for name in query)
                    body = {name: chance.choice(HOSTILE) for name in schema.get("properties", {})} if schema else None
                    if body is not None and chance.random() < 0.2:
                        body["unknown"] = 1
                    octets = json.dumps(body).encode() if body is not None else b""
                    owner.headers = {"Content-Type": "application/json"}
                    status, said = await owner.raw(method.upper(), f"/api/v1{asked}", octets)
                    tried += 1
                    assert status < 500, (method, asked, body, said)
                    assert b"Traceback" not in said
                    assert b"gateway/" not in said
                    if status == 400:
                        assert json.loads(said)["error"]
        assert tried > 500
        assert home.gateway.journal.head() == before, "and nothing was changed"
        owner.headers = {}
        assert (await owner.get("/session"))["me"]["name"] == "Carla"


@pytest.mark.parametrize(
    ("octets", "code", "kind"),
    [
        (b"{", "not-json", "application/json"),
        (b"\xff\xfe", "not-json", "application/json"),
        (b"[" * 5000, "not-json", "application/json"),
        (b"[]", "field", "application/json"),
        (b"name=x&password=y", "not-json", "application/x-www-form-urlencoded"),
        (b"{}", "not-json", "text/plain"),
        (b'{"name": "' + b"x" * 20_000 + b'"}', "too-large", "application/json"),
    ],
)
async def test_a_body_that_is_none(tmp_path: Path, octets: bytes, code: str, kind: str) -> None:
    async with household(tmp_path) as home:
        browser = home.browser()
        browser.headers = {"Content-Type": kind}
        status, said = await browser.ask("POST", "/session", octets)
        assert 400 <= status < 500
        assert said["code"] == code
        assert "xxx" not in said["error"]


async def test_a_password_that_does_not_fit_is_in_no_answer_and_no_log(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with household(tmp_path) as home:
        secret = "hunter2" * 100
        status, said = await home.browser().ask("POST", "/session", {"name": "x", "password": secret})
        assert (status, said["code"]) == (400, "field")
        assert said["error"].startswith("password: ")
        assert "hunter2" not in json.dumps(said)
    shown = capsys.readouterr()
    assert "hunter2" not in shown.out + shown.err


async def test_a_huge_upload_is_cut_off_without_being_taken_in(tmp_path: Path) -> None:
    async with household(tmp_path) as home:
        head = b"POST /api/v1/session HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 1000000000\r\n\r\n"
        reader, writer = await asyncio.open_connection("127.0.0.1", home.port)
        writer.write(head + b"x" * 40_000)
        assert b"413" in await reader.readline()
        writer.close()


async def test_whoever_connects_and_says_nothing_or_only_slowly_is_let_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(site, "HEADER_SECONDS", 0.3)
    monkeypatch.setattr(guard, "BODY_SECONDS", 0.3)
    async with household(tmp_path) as home:
        silent, mute = await asyncio.open_connection("127.0.0.1", home.port)
        slow_reader, slow = await asyncio.open_connection("127.0.0.1", home.port)

        async def drip() -> None:
            for octet in b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + b"y" * 100:
                slow.write(bytes([octet]))
                await asyncio.sleep(0.02)

        dripping = asyncio.create_task(drip())
        async with asyncio.timeout(3):
            assert await silent.read() == b""
            assert await slow_reader.read() == b""
        dripping.cancel()
        # Also behind a request that was whole, on the same connection.
        reader, writer = await asyncio.open_connection("127.0.0.1", home.port)
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert (await reader.readuntil(b"ok\n")).startswith(b"HTTP/1.1 200")
        writer.write(b"GET /hea")
        async with asyncio.timeout(3):
            assert await reader.read() == b""
        body = await send(
            home,
            b"POST /api/v1/session HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nConnection: close\r\n"
            b"Content-Length: 10\r\n\r\n{",
        )
        assert body.startswith(b"HTTP/1.1 408")
        for one in (mute, slow, writer):
            one.close()
        # One that had said what it wants in time, if in pieces, is not: its answer may take as long as it likes.
        owner = await home.owner()
        reader, writer = await asyncio.open_connection("127.0.0.1", home.port)
        for piece in (b"GET /api/v1/events HTTP/1.1\r\n", b"Host: 127.0.0.1\r\n", f"Cookie: session={owner.cookie}\r\n\r\n".encode()):
            writer.write(piece)
            await asyncio.sleep(0.05)
        await asyncio.sleep(0.5)
        home.page.changed("log")
        async with asyncio.timeout(3):
            assert b"log" in await reader.readuntil(b'["log"]')
        writer.close()


async def test_a_page_that_is_slow_misses_nothing_and_costs_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However much happens meanwhile, what is kept for it are the names of topics."""
    monkeypatch.setattr(live, "PACE_SECONDS", 0.0)
    async with household(tmp_path) as home:
        owner = await home.owner()
        reader, writer = await asyncio.open_connection("127.0.0.1", home.port, limit=1)
        writer.write(f"GET /api/v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: session={owner.cookie}\r\n\r\n".encode())
        await until(lambda: bool(home.page._live._pages))
        for number in range(20_000):
            home.page.changed(f"topic {number % 7}")
            if number % 500 == 0:
                await asyncio.sleep(0)
        [page] = home.page._live._pages
        assert len(page._topics) <= 7
        writer.close()
        await until(lambda: not home.page._live._pages)
        assert reader is not None


async def test_pages_beyond_the_limit_are_told_to_come_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "MOST_PAGES", 2)
    async with household(tmp_path) as home:
        owner = await home.owner()
        writers = []
        for count in (1, 2):
            _, writer = await asyncio.open_connection("127.0.0.1", home.port)
            writer.write(f"GET /api/v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: session={owner.cookie}\r\n\r\n".encode())
            writers.append(writer)
            await until(lambda count=count: len(home.page._live._pages) == count)  # type: ignore[misc]  # a default for the loop
        status, said = await owner.ask("GET", "/events")
        assert (status, said["code"]) == (503, "too-many")
        for writer in writers:
            writer.close()
        await until(lambda: not home.page._live._pages)


@pytest.mark.parametrize("path", ["/../pyproject.toml", "/%2e%2e/accounts.py", "/static/../__init__.py", "//etc/passwd", "/page.json"])
async def test_files_are_those_of_the_page_and_no_others(tmp_path: Path, path: str) -> None:
    async with household(tmp_path) as home:
        said = await send(home, f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
        assert said.startswith(b"HTTP/1.1 404")


async def test_a_port_that_is_taken_is_told_and_the_gateway_goes_on(tmp_path: Path) -> None:
    async with household(tmp_path / "first") as first:

        def change(config: dict[str, Any]) -> None:
            config["page"]["listen"] = f"127.0.0.1:{first.port}"

        from structlog.testing import capture_logs  # noqa: PLC0415 - for this test

        with capture_logs() as said:
            async with household(tmp_path / "second", change=change) as second:
                assert "in use" in second.page.problem
        assert [one["event"] for one in said if one["log_level"] == "error"] == ["the page cannot be served"]


async def test_a_function_that_fails_says_no_more_than_that(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with household(tmp_path) as home:
        owner = await home.owner()

        def fail() -> Any:
            raise RuntimeError("secret inside")

        monkeypatch.setattr(home.page._live, "changed", fail)
        monkeypatch.setattr(home.gateway.journal, "rejected", fail)
        status, said = await owner.ask("GET", "/rejected")
        assert (status, said["code"]) == (500, "failed")
        assert "secret" not in json.dumps(said)
