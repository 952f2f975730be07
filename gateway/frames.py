"""Frames of other people's tests through our drivers: `replay --frames`.

Each is an object with a `driver` and its `frames`: {"hex": …, "uuid": …}, where the uuid may be left out if the driver listens to one
characteristic. The answer has the readings, and what was set aside.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from drivers.kit.capture import Record
from drivers.kit.errors import DeviceError
from drivers.kit.links import Frame
from drivers.kit.readings import Intermediate, Reading
from drivers.kit.replay import ReplayLink
from gateway.registry import Registry
from gateway.sessions import reading

RECEIVED = 1_760_000_000.0
"""When they are taken to have come, if they do not say."""


class Unusable(ValueError):
    """A question that cannot be answered; in a sentence for whoever asked."""


class FramesLink(ReplayLink):
    """A capture that does not say where its frames came: those came where the driver listens first."""

    listened: int | None = None

    async def subscribe(self, *characteristics: int) -> None:
        if self.listened is None and characteristics:
            self.listened = characteristics[0]
        await super().subscribe(*characteristics)

    async def receive(self, patience: float = 0.0) -> Frame | None:
        frame = await super().receive(patience)
        if frame is None or frame.characteristic or self.listened is None:
            return frame
        return Frame(self.listened, frame.data, frame.received, frame.boottime, frame.position)


async def answer(registry: Registry, asked: Mapping[str, Any]) -> tuple[list[Reading | Intermediate], list[tuple[Frame, Exception]]]:
    """Raises `Unusable`."""
    name = asked.get("driver")
    loaded = registry.radio_by_name.get(str(name))
    if loaded is None:
        raise Unusable(f"there is no driver {name!r} for Bluetooth; `health-gateway drivers` lists them")
    link = FramesLink(_records(asked.get("frames")))
    found: list[Reading | Intermediate] = []
    try:
        async for batch in reading(loaded.driver, link):
            found += [item for item in batch.items if isinstance(item, Reading | Intermediate)]
    except DeviceError as error:
        raise Unusable(f"the conversation ends: {error}") from error
    return found, link.rejected


def _records(frames: object) -> list[Record]:
    if not isinstance(frames, list):
        raise Unusable('"frames" is no list')
    made = []
    for number, one in enumerate(frames):
        if not isinstance(one, Mapping):
            raise Unusable(f"frame {number} is no object")
        if one.get("dir", "rx") != "rx":
            continue  # what was sent
        try:
            data = bytes.fromhex(str(one["hex"]))
            characteristic = int(str(one.get("uuid", "0")), 16)
        except (KeyError, ValueError) as error:
            raise Unusable(f"frame {number} has no octets in hexadecimal, or no 16-bit uuid") from error
        kind = "rd" if one.get("via") == "read" else "rx"
        made.append(
            Record(
                kind=kind, session="", characteristic=characteristic, data=data, time=RECEIVED + number, boottime=number, position=number
            )
        )
    return made
