"""The house: imports run one way, and each outside library has one home."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MAY = {"profiles": {"profiles"}, "drivers": {"drivers", "profiles"}, "gateway": {"gateway", "drivers", "profiles"}}
NEVER_IN_PROFILES = {"asyncio", "socket", "time", "threading", "logging", "os", "pathlib", "subprocess"}
NEVER_IN_DRIVERS = {"asyncio", "socket", "time", "threading", "logging", "os", "subprocess"}
HOMES = {
    "bleak": ("gateway/transports/", "gateway/simulator/"),
    "bleak_retry_connector": ("gateway/transports/",),
    "bumble": ("gateway/simulator/",),
    "dbus_fast": ("gateway/transports/",),
    "serial": ("gateway/transports/",),
    "serialx": ("gateway/transports/",),
    "usb": ("gateway/transports/",),
    "pyudev": ("gateway/transports/",),
    "sqlite3": ("gateway/journal/",),
    "aiomqtt": ("gateway/mqtt/", "gateway/collect/mqtt.py"),
    "paho": ("gateway/mqtt/",),
    "starlette": ("gateway/api/", "gateway/web/"),
    "prometheus_client": ("gateway/api/",),
    "uvicorn": ("gateway/api/", "gateway/web/"),
    "h11": ("gateway/web/site.py",),
    "click": ("gateway/cli/",),
    "nats": ("gateway/nats/", "gateway/sinks/nats.py", "gateway/collect/nats.py"),
    "psycopg": ("gateway/collect/",),
    "cryptography": (
        "gateway/doctor/certificates.py",
        "gateway/encryption.py",
        "gateway/sealed.py",
        "gateway/provenance.py",
        "gateway/nats/credentials.py",
    ),
}


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield node.module or ""


def broken(path: Path, layer: str, names: Iterator[str]) -> list[str]:
    """Sentences for every import that the rule forbids."""
    found = []
    shown = path.relative_to(ROOT) if path.is_relative_to(ROOT) else path
    for name in names:
        top = name.split(".")[0]
        if top in MAY and top not in MAY[layer]:
            found.append(f"{shown} imports {name}: nothing in {layer}/ may")
        if layer == "profiles" and top not in MAY[layer] and (top not in sys.stdlib_module_names or top in NEVER_IN_PROFILES):
            found.append(f"{shown} imports {name}: profiles/ is pure")
        if layer == "drivers" and top not in MAY[layer] and (top not in sys.stdlib_module_names or top in NEVER_IN_DRIVERS):
            found.append(f"{shown} imports {name}: drivers/ run without a radio, a loop or a clock")
        if top in HOMES and not str(shown).startswith(HOMES[top]):
            found.append(f"{shown} imports {name}: its home is {', '.join(HOMES[top])}")
        if name.startswith("gateway.simulator") and not str(shown).startswith(
            ("gateway/simulator/", "gateway/cli/demo.py", "gateway/cli/driver.py")
        ):
            found.append(f"{shown} imports {name}: only the demo and the driver kit may")
    return found


@pytest.mark.parametrize("layer", list(MAY))
def test_imports_run_one_way(layer: str) -> None:
    found = [line for path in sorted((ROOT / layer).rglob("*.py")) for line in broken(path, layer, imports(path))]
    assert found == []


def test_the_rule_can_be_broken() -> None:
    """The law itself can fail."""
    path = ROOT / "profiles" / "x.py"
    assert broken(path, "profiles", iter(["drivers.kit"]))
    assert broken(path, "profiles", iter(["asyncio"]))
    assert broken(path, "profiles", iter(["pydantic"]))
    assert broken(path, "drivers", iter(["gateway.app"]))
    assert broken(ROOT / "gateway" / "app.py", "gateway", iter(["sqlite3"]))
    assert broken(ROOT / "gateway" / "app.py", "gateway", iter(["gateway.simulator.world"]))
    assert not broken(path, "profiles", iter(["profiles.wire", "struct"]))


def test_nobody_waits_in_a_way_that_swallows_cancellation() -> None:
    """asyncio.wait_for loses a cancellation that comes together with the result, before Python 3.12: a stop would hang."""
    for layer in MAY:
        for path in (ROOT / layer).rglob("*.py"):
            calls = [n for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Attribute) and n.attr == "wait_for"]
            assert calls == [], f"{path.relative_to(ROOT)}: use asyncio.timeout"


def test_files_are_of_a_size_that_reads_well() -> None:
    """One of 400 lines wants to be two."""
    long = [
        f"{path.relative_to(ROOT)}: {count}"
        for layer in MAY
        for path in (ROOT / layer).rglob("*.py")
        if (count := len(path.read_text().splitlines())) > 400
    ]
    assert long == []
