"""Devices with a cable, as a test plugs them in: virtual ones, whose octets are those of the drivers' sources."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from gateway.simulator.cables.freestyle import FreeStyleLite, FreeStyleOptium, FreeStyleUsb
from gateway.simulator.cables.meters import Contour, Taidoc, Ultra2, UltraEasy, Verio
from gateway.simulator.cables.others import BeurerSerial, Bm58, Cms50, Cms50New, Nonin, OmronHem790, PosScale, ReportDisk
from gateway.simulator.phd_agent import Agent, Entry
from gateway.transports.cables.plugs import Plugged
from profiles.times import DateTime
from tests.support.cables import House
from tests.support.fakes import T0

NOW = datetime.fromtimestamp(T0, UTC).replace(tzinfo=None)
Truth = tuple[str, str]
"""When by the device's clock, and what."""


def records(count: int = 12) -> list[tuple[datetime, int]]:
    """Newest first; two of them equal and in the same minute."""
    made = [(NOW.replace(second=0) - timedelta(hours=number), 90 + number) for number in range(1, count + 1)]
    return [*made[:3], made[2], *made[3:]]


def pressures(count: int = 9) -> list[tuple[datetime, int, int, int, int]]:
    return [(NOW.replace(second=0) - timedelta(hours=number), 118 + number, 79, 61, 1 + number % 2) for number in range(count)]


def glucose_of(device: Any) -> list[Truth]:
    return sorted((time.isoformat(), str(value)) for time, value in device.records)


def pressure_of(device: Any) -> list[Truth]:
    return sorted((time.isoformat(), str(systolic)) for time, systolic, *_ in device.records)


def told_glucose(home: House) -> list[Truth]:
    return sorted((thing["when"]["device_time"], thing["data"]["glucose"]["display"]["value"]) for thing in home.things("blood-glucose"))


def told_pressure(home: House) -> list[Truth]:
    return sorted((thing["when"]["device_time"], thing["data"]["systolic"]["display"]["value"]) for thing in home.things("blood-pressure"))


@dataclass(frozen=True)
class Case:
    driver: str
    plugged: Plugged
    make: Callable[[], Any]
    truths: Callable[[Any], list[Truth]] = glucose_of
    told: Callable[[House], list[Truth]] = told_glucose
    port: str | None = None
    """Without it nobody speaks to a cable that may be anybody's."""

    @property
    def settings(self) -> dict[str, Any]:
        return {"device": [{"port": self.port}]} if self.port else {}


KETONES = [(NOW.replace(second=0) - timedelta(hours=9), 9), (NOW.replace(second=0) - timedelta(hours=10), 27)]
FTDI = Plugged("1-2", 0x0403, 0x6001, "A50285BI", nodes=(("tty", "/dev/ttyUSB0"),))
CASES = [
    Case("onetouch-ultraeasy", FTDI, lambda: UltraEasy(records(), lambda: NOW), port="0403:6001"),
    Case("onetouch-ultra2", FTDI, lambda: Ultra2(records(), lambda: NOW), port="0403:6001:A50285BI"),
    Case("freestyle-lite", Plugged("1-8", 0x1A61, 0x3410), lambda: FreeStyleLite(records(), lambda: NOW)),
    Case("freestyle-optium", Plugged("1-9", 0x1A61, 0x3420), lambda: FreeStyleOptium(records(), lambda: NOW, ketones=KETONES)),
    Case("freestyle-neo", Plugged("1-10", 0x1A61, 0x3850), lambda: FreeStyleUsb(records(), lambda: NOW, ketones=KETONES)),
    Case("freestyle-insulinx", Plugged("1-11", 0x1A61, 0x3460), lambda: FreeStyleUsb(records(), lambda: NOW, kind="insulinx")),
    Case("freestyle-libre", Plugged("1-12", 0x1A61, 0x3650), lambda: FreeStyleUsb(records(), lambda: NOW, kind="libre", ketones=KETONES)),
    Case("onetouch-verio", Plugged("1-3", 0x2766, 0x0004), lambda: Verio(records(), lambda: NOW)),
    Case("contour", Plugged("1-4", 0x1A79, 0x7410), lambda: Contour(records(), lambda: NOW)),
    Case("taidoc", Plugged("1-5", 0x10C4, 0xEA80), lambda: Taidoc(records(), lambda: NOW)),
    Case(
        "beurer-bm58",
        Plugged("1-6", 0x0C45, 0x7406),
        lambda: Bm58(pressures()),
        pressure_of,
        told_pressure,
    ),
    Case("beurer-serial", FTDI, lambda: BeurerSerial(pressures()), pressure_of, told_pressure, port="0403:6001"),
    Case("omron-hem790", Plugged("1-13", 0x0590, 0x0028), lambda: OmronHem790(pressures()), pressure_of, told_pressure),
    Case("accu-chek-report", Plugged("/srv/meter", nodes=(("directory", "/srv/meter"),)), lambda: ReportDisk(records()), port="/srv/meter"),
]


def _agent() -> Agent:
    entries = [Entry(DateTime.of(time), value) for time, value in reversed(records())]
    return Agent(entries, lambda: NOW, pressure=(120, 80, 93))


OTHERS = [
    Case("phd", Plugged("1-1", 0x173A, 0x21D5, "SIM-PHD-1", classes=frozenset({0x0F})), _agent),
    Case("phd-tcp", Plugged("tcp:1", nodes=(("tcp", "127.0.0.1"),)), _agent),
    Case("contec-cms50", FTDI, lambda: Cms50(seconds=40), port="0403:6001"),
    Case("contec-cms50-new", FTDI, lambda: Cms50New(seconds=30), port="0403:6001"),
    Case("nonin", FTDI, lambda: Nonin(seconds=11, data_format=2), port="0403:6001"),
    Case("pos-scale", Plugged("1-7", 0x0922, 0x8003), lambda: PosScale([1650, 1432])),
]
"""Those that keep nothing, and those that have tests of their own."""
