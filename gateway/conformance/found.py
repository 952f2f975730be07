"""A driver with what lies beside its file: `catalog.json`, and `captures/`."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import drivers
from gateway.conformance.case import Case, case_of
from gateway.conformance.run import LAWS
from gateway.loading import LoadedCable
from gateway.matching import Loaded
from gateway.registry import Registry, with_file

OURS = Path(drivers.__file__).parent
CAPTURES = OURS.parent / "tests" / "captures"
"""Of this project's own drivers: they are in its source, and not in what is installed."""


def case_beside(loaded: Loaded | LoadedCable, registry: Registry, captures: tuple[Path, ...] = ()) -> Case:
    """`captures`: files beside those that are found."""
    source = Path(loaded.source).resolve()
    is_ours = OURS.resolve() in source.parents
    folder = CAPTURES if is_ours else source.parent / "captures"
    catalog = (OURS if is_ours else source.parent) / "catalog.json"
    found = sorted(folder.rglob("*.ndjson")) if folder.is_dir() else []
    return case_of(loaded, [*found, *captures], [catalog] if catalog.exists() else [], registry, is_ours=is_ours)


@lru_cache(maxsize=8)
def _of_file(path: Path) -> Case:
    registry, loaded = with_file(path)
    return case_beside(loaded, registry)


def check(path: Path, law: str) -> list[str]:
    """What is wrong with a driver's file by one law: for the tests of its package. Raises `DriverError`."""
    case = _of_file(path)
    return [*case.problems, *LAWS[law](case)]
