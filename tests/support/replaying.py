"""Captures through their drivers, for tests."""

from __future__ import annotations

import asyncio
from pathlib import Path

from drivers import Batch, DeviceError, GattDriver, Reading
from drivers.kit.capture import Record, parse_all
from drivers.kit.replay import ReplayLink

CAPTURES = Path(__file__).parents[1] / "captures"


def records(path: Path) -> list[Record]:
    with path.open("rb") as file:
        found = list(parse_all(file))
    assert all(isinstance(record, Record) for record in found), path
    return [record for record in found if isinstance(record, Record)]


def replayed(driver: GattDriver, given: list[Record]) -> tuple[list[Batch], ReplayLink, DeviceError | None]:
    """Every batch, the link afterwards, and the error that ended it, if one did."""
    link = ReplayLink(given)

    async def run() -> tuple[list[Batch], DeviceError | None]:
        batches = []
        try:
            async for batch in driver.read(link):
                batches.append(batch)  # noqa: PERF401 - what came before an error counts
        except DeviceError as error:
            return batches, error
        return batches, None

    batches, error = asyncio.run(run())
    return batches, link, error


def readings(batches: list[Batch]) -> list[Reading]:
    return [item for batch in batches for item in batch.items if isinstance(item, Reading)]
