"""Listening for a while: what devices are in the air, and who would read them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import NamedTuple

from gateway import registry
from gateway.cli.common import Failed
from gateway.errors import AdapterError, AmbiguousMatch


class Heard(NamedTuple):
    """`driver`: what it would get, or why none; None where no driver knows it."""

    address: str
    name: str | None
    driver: str | None
    rssi: int | None


def listen(seconds: float, tell: Callable[[Heard], None]) -> None:
    """`tell` each device as it is heard, again when it says something else of itself. Raises `Failed`."""
    from gateway.transports.ble import BleakRadio  # noqa: PLC0415 - the radio's libraries take their time
    from gateway.transports.radio import Seen  # noqa: PLC0415 - likewise

    loaded = registry.load()
    told: dict[str, tuple[str | None, str | None]] = {}

    def on_seen(seen: Seen) -> None:
        advertisement = seen.advertisement
        try:
            found = loaded.match(advertisement)
            driver = found.driver.label if found else None
        except AmbiguousMatch as error:
            driver = str(error)
        said = advertisement.local_name, driver
        if told.get(advertisement.address) != said:
            told[advertisement.address] = said
            tell(Heard(advertisement.address, advertisement.local_name, driver, seen.rssi))

    async def main() -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await BleakRadio().scan(on_seen)

    try:
        asyncio.run(main())
    except AdapterError as error:
        raise Failed(str(error)) from error
