"""Which drivers could know an advertisement: tables by what it holds, so that those which could not cost nothing, however many they are."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from drivers import Advertisement, GattDriver

_WILDCARD = re.compile(r"[*?\[]")


@dataclass(frozen=True, slots=True)
class Loaded:
    driver: GattDriver
    source: str
    """The file that declares it."""
    story: str
    """The docstring of that file."""


class Index:
    """Each driver stands under one field of its match, which must hold for it: its services, else its company, else how its name begins."""

    def __init__(self, loaded: Iterable[Loaded]) -> None:
        self._services: dict[int | str, list[Loaded]] = defaultdict(list)
        self._companies: dict[int, list[Loaded]] = defaultdict(list)
        self._names: dict[str, list[Loaded]] = defaultdict(list)
        self._heard_services: dict[int, list[Loaded]] = defaultdict(list)
        self._heard_companies: dict[int, list[Loaded]] = defaultdict(list)
        for item in loaded:
            self._add(item)
        self._lengths = sorted({len(beginning) for beginning in self._names})
        for table in (self._services, self._companies, self._names, self._heard_services, self._heard_companies):
            table.default_factory = None

    def _add(self, item: Loaded) -> None:
        match, hears = item.driver.match, item.driver.hears
        for service in match.services:
            self._services[service].append(item)
        if match.service is None and match.company is not None:
            self._companies[match.company].append(item)
        elif match.service is None and match.local_name is not None:
            self._names[_WILDCARD.split(match.local_name, maxsplit=1)[0]].append(item)
        if hears is not None:
            for uuid in hears.services:
                self._heard_services[uuid].append(item)
            for company in hears.companies:
                self._heard_companies[company].append(item)

    def near(self, seen: Advertisement) -> list[Loaded]:
        """Those of which one field holds; each once."""
        found: list[Loaded] = []
        for service in seen.services:
            if service in self._services:
                found += self._services[service]
        if self._companies:
            for company in seen.companies:
                found += self._companies.get(company, ())
        if self._lengths:
            found += self._named(seen.local_name)
        return list({id(item): item for item in found}.values()) if len(found) > 1 else found

    def hearing(self, seen: Advertisement) -> list[Loaded]:
        found = [item for uuid in seen.service_data for item in self._heard_services.get(uuid, ())]
        return found + [item for company in seen.manufacturer_data for item in self._heard_companies.get(company, ())]

    def _named(self, name: str | None) -> list[Loaded]:
        if name is None or not self._lengths:
            return []
        return [item for length in self._lengths for item in self._names.get(name[:length], ())]
