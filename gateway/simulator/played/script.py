"""What a device has to say, and when: between which of the driver's own writes each frame of a capture belongs.

A capture by hand has no writes in it, and one of an older driver has others. So the driver itself tells: it is run over the capture, and
what it wrote before it took a frame is what the device waits for.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from drivers import CableDriver, DeviceError, Frame, GattDriver
from drivers.kit.capture import Record
from drivers.kit.replay import ReplayLink
from gateway.sealed import opener
from gateway.sessions import reading


@dataclass(slots=True)
class Script:
    characteristics: tuple[int, ...]
    reads: dict[int, list[bytes]] = field(default_factory=lambda: defaultdict(list))
    said: list[list[tuple[int, bytes]]] = field(default_factory=lambda: [[]])
    """Where, and what: before the first write, behind it, behind the second, …"""
    listened: frozenset[int] = frozenset()
    """Where the driver listens before it writes."""


class _Prompter(ReplayLink):
    def __init__(self, records: Sequence[Record], script: Script) -> None:
        super().__init__(records, opener)
        self._script, self._listened = script, set[int]()

    async def subscribe(self, *characteristics: int) -> None:
        await super().subscribe(*characteristics)
        if not self.written:
            self._listened |= set(characteristics)
            self._script.listened = frozenset(self._listened)

    async def write(self, characteristic: int, data: bytes) -> None:
        await super().write(characteristic, data)
        self._script.said.append([])

    async def receive(self, patience: float = 0.0) -> Frame | None:
        frame = await super().receive(patience)
        if frame is not None:
            self._script.said[-1].append((frame.characteristic, frame.data))
        return frame

    async def read(self, characteristic: int) -> Frame:
        frame = await super().read(characteristic)
        self._script.reads[characteristic].append(frame.data)
        return frame


async def script_of(driver: GattDriver | CableDriver, capture: Sequence[Record]) -> Script:
    """Of one session. What the driver does not take of it is left out."""
    named: Sequence[Any] = capture[0].extra.get("chars", ())
    places = {int(text, 16) for text in named} | {record.characteristic for record in capture if record.characteristic}
    script = Script(tuple(sorted(places)))
    try:
        async for _ in reading(driver, _Prompter(capture, script)):
            pass
    except DeviceError:
        pass  # the capture ends there, and so does the device
    return script
