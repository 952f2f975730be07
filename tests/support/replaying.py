"""Captures through their drivers, for tests."""

from __future__ import annotations

import asyncio
from pathlib import Path

from drivers import Batch, DeviceError, GattDriver, Reading
from drivers.kit.capture import Record, parse_all
from drivers.kit.replay import ReplayLink
from gateway.sealed import opener
from profiles.gatt.record_access import OpCode, RecordAccessControlPoint, ResponseCode

POINT = RecordAccessControlPoint.uuid

CAPTURES = Path(__file__).parents[1] / "captures"


def records(path: Path) -> list[Record]:
    with path.open("rb") as file:
        found = list(parse_all(file))
    assert all(isinstance(record, Record) for record in found), path
    return [record for record in found if isinstance(record, Record)]


DOES_NOT_COUNT = bytes((OpCode.RESPONSE_CODE, 0, OpCode.REPORT_NUMBER_OF_STORED_RECORDS, ResponseCode.OP_CODE_NOT_SUPPORTED))
_BY_MARK = ("glucose", "blood-pressure")
"""They ask for the last record before they ask for a number."""


def uncounted(driver: GattDriver, given: list[Record]) -> list[Record]:
    """The same from a device that does not tell how many records it has: that answer stands where it is asked."""
    first = next((at for at, record in enumerate(given) if record.kind == "rx"), None)
    if first is None:
        return given
    if driver.name in _BY_MARK and given[0].extra.get("mark"):
        first = next((at + 1 for at, record in enumerate(given) if record.kind == "rx" and record.characteristic == POINT), len(given))
    answer = Record(kind="rx", session=given[0].session, characteristic=POINT, data=DOES_NOT_COUNT, time=given[first - 1].time)
    return [*given[:first], answer, *given[first:]]


def asked(link: ReplayLink) -> list[str]:
    """What was written, but for the questions how many records there are."""
    return [data.hex() for _, data in link.written if data[0] != OpCode.REPORT_NUMBER_OF_STORED_RECORDS]


def replayed(driver: GattDriver, given: list[Record], *, counts: bool = False) -> tuple[list[Batch], ReplayLink, DeviceError | None]:
    """Every batch, the link afterwards, and the error that ended it, if one did. `counts`: the device's answers to that are in `given`."""
    has_point = any(record.characteristic == POINT for record in given)
    link = ReplayLink(uncounted(driver, given) if has_point and not counts else given, opener)

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
