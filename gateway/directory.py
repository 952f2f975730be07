"""Which devices are read, and what is known of each: out of the drivers, the catalogs beside them, and what their captures gave.

This project's captures are not in what is installed, so what they gave stands in `drivers/facts.json` (`make directory`); of a driver
that came by itself it is found out of its captures.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import drivers
from drivers import BodyComposition, CableDriver, DeviceClock, Files, Match, Reading
from gateway.conformance import Case, case_beside
from gateway.loading import LoadedCable
from gateway.matching import Loaded
from gateway.registry import Registry

FACTS = Path(drivers.__file__).parent / "facts.json"
CATALOG = "catalog.json"
MOST_COMPANIES = 2


@dataclass(frozen=True, slots=True)
class Facts:
    """What a driver's captures and commands show."""

    reads: tuple[str, ...]
    stored: bool
    """It tells records that it had before anyone asked."""
    clock: str
    users: bool
    tested: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """`names`: how it calls itself in the air, or its plug."""

    device: str
    maker: str
    driver: str
    transport: str
    names: tuple[str, ...]
    facts: Facts

    def holds(self, word: str) -> bool:
        said = (self.device, self.maker, self.driver, self.transport, *self.names, *self.facts.reads)
        return any(word in text.casefold() for text in said)


_WORDS = {
    "OxygenSaturation": "oxygen saturation",
    "HeartRate": "heart rate",
    "BloodPressure": "blood pressure",
    "BodyComposition": "body composition",
}


def _read(reading: Reading) -> Iterator[str]:
    name = type(reading).__name__
    yield _WORDS.get(name, "whatever it says itself" if name == "Observation" else name.lower())
    if getattr(reading, "pulse", None) is not None:
        yield "pulse"
    if getattr(reading, "impedance", None) is not None and not isinstance(reading, BodyComposition):
        yield "impedance"


def facts_of(case: Case) -> Facts:
    driver = case.loaded.driver
    replayed = [case.replay(capture) for capture in case.captures]
    readings = [reading for one in replayed for reading in one.readings]
    items = [item for one in replayed for batch in one.batches for item in batch.items]
    stamped = any(reading.device_time is not None for reading in readings)
    shown = any(isinstance(item, DeviceClock) for item in items)
    settable = any(command.changes for command in driver.commands)
    clock = "can be set" if settable else "is shown" if shown else "stamps its readings" if stamped else "none, or not read"
    stored = any(sum(reading.key.kind in ("content", "sequence") for reading in one.readings) > 1 for one in replayed)
    users = any(reading.user_index is not None for reading in readings) or any(command.registers for command in driver.commands)
    return Facts(
        reads=tuple(dict.fromkeys(word for reading in readings for word in _read(reading))),
        stored=stored and not case.tells_what_is_now,
        clock=clock,
        users=users,
        tested=tuple(sorted({_kind(str(capture[0].extra.get("source", ""))) for capture in case.captures})),
    )


def _kind(source: str) -> str:
    """Of a capture, by where it comes from."""
    if source.startswith(("report:", "recorded", "btsnoop:")):
        return "a real device"
    if "virtual device" in source or "simulat" in source:
        return "a virtual device"
    return "constructed octets" if source.startswith(("constructed", "made of", "the example")) else "published vectors"


@lru_cache(maxsize=1)
def _known() -> Mapping[str, Any]:
    return dict(json.loads(FACTS.read_text()))


def facts(loaded: Loaded | LoadedCable, registry: Registry) -> Facts:
    known = _known().get(loaded.driver.name)
    if known is None or not _is_ours(loaded):
        return facts_of(case_beside(loaded, registry))
    return Facts(tuple(known["reads"]), known["stored"], known["clock"], known["users"], tuple(known["tested"]))


def _is_ours(loaded: Loaded | LoadedCable) -> bool:
    return FACTS.parent.resolve() in Path(loaded.source).resolve().parents


def stored(known: Facts) -> dict[str, Any]:
    return asdict(known)


def entries(registry: Registry) -> list[Entry]:
    """By maker and device. A driver without an entry of the catalog is there under its label."""
    found: list[Entry] = []
    every: list[Loaded | LoadedCable] = [*registry.loaded, *registry.cables]
    for item in every:
        said = [entry for entry in _catalog(item) if entry.get("driver") == item.driver.name] or [{"device": item.driver.label}]
        known = facts(item, registry)
        for entry in said:
            device = str(entry.get("device", item.driver.label))
            found.append(Entry(device, str(entry.get("maker", "")), item.driver.name, _transport(item), tuple(_names(item)), known))
    return sorted(found, key=lambda one: (one.maker.casefold(), one.device.casefold(), one.driver))


def _catalog(item: Loaded | LoadedCable) -> list[dict[str, Any]]:
    path = (FACTS.parent if _is_ours(item) else Path(item.source).parent) / CATALOG
    try:
        said: list[dict[str, Any]] = json.loads(path.read_text())
    except (OSError, ValueError):
        return []
    return [entry for entry in said if isinstance(entry, dict)]


def _transport(item: Loaded | LoadedCable) -> str:
    driver = item.driver
    if isinstance(driver, CableDriver):
        return "files of a disk" if isinstance(driver.wire, Files) else "TCP" if any(plug.network for plug in driver.plugs) else "cable"
    return "Bluetooth, advertised" if driver.hears is not None else "Bluetooth"


def _names(item: Loaded | LoadedCable) -> Iterator[str]:
    driver = item.driver
    if isinstance(driver, CableDriver):
        yield from known_by(driver)
        return
    if driver.match == Match() and driver.hears is None:
        yield "its driver is named in the configuration"
    elif driver.match.local_name is not None:
        yield driver.match.local_name
    else:
        numbers = (*driver.match.services, *(driver.hears.services if driver.hears is not None else ()))
        yield from (f"service {one:04X}" if isinstance(one, int) else f"service {one}" for one in numbers)
        companies = driver.hears.companies if driver.hears is not None else ()
        yield from (f"company {one:04X}" for one in companies[:MOST_COMPANIES])


def known_by(driver: CableDriver) -> list[str]:
    """Its plugs, as people read them."""
    if isinstance(driver.wire, Files):
        return ["a directory that the configuration names"]
    plugs = {
        "its TCP connection"
        if plug.network
        else f"USB class 0x{plug.usb_class:02X}"
        if plug.usb_class is not None
        else "a USB-serial cable that the configuration names"
        if plug.generic
        else "{:04x}:{:04x}".format(*(plug.usb or (0, 0)))
        for plug in driver.plugs
    }
    return sorted(plugs)
