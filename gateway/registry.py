"""Finds the drivers, and says which one a device gets and why."""

from __future__ import annotations

import importlib.metadata
import pkgutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import drivers
from drivers import Advertisement
from drivers.kit.cable import Plug
from gateway.errors import AmbiguousMatch, DriverError
from gateway.loading import FOLDER, LoadedCable, by_file, by_name, trusted_files
from gateway.matching import Index, Loaded

ENTRY_POINTS = "health_gateway.drivers"


@dataclass
class Registry:
    loaded: list[Loaded]
    problems: list[DriverError] = field(default_factory=list)
    cables: list[LoadedCable] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.radio_by_name = {item.driver.name: item for item in self.loaded}
        self.cable_by_name = {item.driver.name: item for item in self.cables}
        self.by_name: dict[str, Loaded | LoadedCable] = {**self.radio_by_name, **self.cable_by_name}
        self._index = Index(self.loaded)

    def match(self, seen: Advertisement) -> Loaded | None:
        """The driver that says most about the device: one that reads its very advertisement comes first. Raises `AmbiguousMatch` when
        two say as much.
        """
        heard = self.heard(seen)
        if heard is not None:
            return heard
        fitting = [item for item in self._index.near(seen) if item.driver.match.holds(seen)]
        if not fitting:
            return None
        fitting.sort(key=lambda item: -item.driver.match.weight)
        if len(fitting) > 1 and fitting[0].driver.match.weight == fitting[1].driver.match.weight:
            raise AmbiguousMatch(fitting[0].source, fitting[1].source)
        return fitting[0]

    def heard(self, seen: Advertisement) -> Loaded | None:
        """The driver that reads this very advertisement."""
        if not (seen.service_data or seen.manufacturer_data):
            return None
        near = self._index.hearing(seen)
        sighting = seen.sighting if near else None
        for item in near:
            if sighting is not None and item.driver.hears is not None and item.driver.hears.seconds(sighting) is not None:
                return item
        return None

    def plugged(self, holds: Callable[[Plug], bool], *, is_named: bool) -> list[LoadedCable]:
        """Drivers whose device may be behind a plug, those first whose plug says most. `is_named`: the owner has named its port; only then
        are those tried that know it by a cable that may be anybody's.
        """
        found: list[tuple[int, LoadedCable]] = []
        for item in self.cables:
            ranks = [(plug.usb is None) + 2 * plug.generic for plug in item.driver.plugs if holds(plug) and (is_named or not plug.generic)]
            if ranks:
                found.append((min(ranks), item))
        return [item for _, item in sorted(found, key=lambda one: one[0])]

    def why(self, seen: Advertisement) -> list[tuple[Loaded, dict[str, bool]]]:
        """Every driver with the fields of its match and whether they hold."""
        return [(item, item.driver.match.explain(seen)) for item in self.loaded]


def load(extra: Iterable[str] = (), folder: Path = FOLDER) -> Registry:
    """All drivers that can be imported: this project's, those of installed packages, and the files of a folder that is its administrator's.
    The others are `problems`, with file and line, and stop nobody else.
    """
    files, problems = trusted_files(folder)
    found = []
    for source in (*(by_name(name) for name in (*_builtin(), *_installed(), *extra)), *map(by_file, files)):
        try:
            loaded = source()
        except DriverError as error:
            problems.append(error)
        else:
            if loaded is not None:
                found.append(loaded)
    return together(found, problems)


def with_file(path: Path) -> tuple[Registry, Loaded | LoadedCable]:
    """All drivers, and the one of this file, in place of the one that has its name. Raises `DriverError`."""
    mine = by_file(path)()
    if mine is None:
        raise DriverError(f"{path}: it has no DRIVER")
    everything = load()
    known: list[Loaded | LoadedCable] = [*everything.loaded, *everything.cables]
    others = [item for item in known if item.driver.name != mine.driver.name]
    return together([*others, mine], everything.problems), mine


def together(found: list[Loaded | LoadedCable], problems: list[DriverError]) -> Registry:
    """Two of one name are both left out."""
    registry = list(found)
    names = [item.driver.name for item in registry]
    for item in [item for item in registry if names.count(item.driver.name) > 1]:
        problems.append(DriverError(f"{item.source}: another driver is called {item.driver.name!r} too; neither is used"))
        registry.remove(item)
    cables = [item for item in registry if isinstance(item, LoadedCable)]
    return Registry([item for item in registry if isinstance(item, Loaded)], problems, cables)


def _builtin() -> list[str]:
    return [
        info.name
        for info in pkgutil.walk_packages(drivers.__path__, "drivers.")
        if not info.ispkg and not info.name.startswith("drivers.kit.")
    ]


def _installed() -> list[str]:
    return [point.value for point in importlib.metadata.entry_points(group=ENTRY_POINTS)]
