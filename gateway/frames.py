"""Frames of other people's tests through our drivers: `replay --frames`.

Each is an object with a `driver` and its `frames`: {"hex": …, "uuid": …}, where the uuid may be left out if the driver listens to one
characteristic. The answer has the readings, and what was set aside.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from drivers import GattDriver, Hearing
from drivers.kit.capture import Record
from drivers.kit.errors import DeviceError
from drivers.kit.links import Frame
from drivers.kit.readings import Intermediate, Reading
from drivers.kit.replay import ReplayLink
from gateway.registry import Registry
from gateway.sessions import reading
from profiles.adv import Sighting
from profiles.gatt import identifier
from profiles.wire import DecodeError

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


@dataclass(frozen=True, slots=True)
class Answer:
    found: list[Reading | Intermediate]
    rejected: list[tuple[Frame, Exception]]
    ended: str | None = None
    """Why the conversation did not go on."""


async def answer(registry: Registry, asked: Mapping[str, Any]) -> Answer:
    """Raises `Unusable`."""
    name = asked.get("driver")
    loaded = registry.radio_by_name.get(str(name))
    if loaded is None:
        raise Unusable(f"there is no driver {name!r} for Bluetooth; `health-gateway drivers` lists them")
    frames = _frames(asked)
    if "bytes" in asked and loaded.driver.tells is not None:
        return _alone(loaded.driver.tells, frames[0][1])
    if loaded.driver.hears is None:
        return await _spoken(loaded.driver, [_record(number, data, said) for number, data, said in frames])
    said = Answer([], [])
    for number, data, frame in frames:
        one = await _spoken(loaded.driver, [_advertised(loaded.driver.hears, number, data, frame)])
        said.found.extend(one.found)
        said.rejected.extend(one.rejected)
    return said


def _alone(tells: Callable[[Frame], Iterable[Reading]], data: bytes) -> Answer:
    frame = Frame(0, data, RECEIVED, 0.0, 0)
    try:
        return Answer(list(tells(frame)), [])
    except DecodeError as error:
        return Answer([], [(frame, error)])


async def _spoken(driver: GattDriver, records: list[Record]) -> Answer:
    link = FramesLink(records)
    found: list[Reading | Intermediate] = []
    ended = None
    try:
        async for batch in reading(driver, link):
            found += [item for item in batch.items if isinstance(item, Reading | Intermediate)]
    except DeviceError as error:
        ended = str(error)
    return Answer(found, link.rejected, ended)


def _frames(asked: Mapping[str, Any]) -> list[tuple[int, bytes, Mapping[str, Any]]]:
    """What the device said. What a test gave straight to a function of its program ("via": "parse…") is said once more with its place."""
    frames = [{"hex": asked["bytes"]}] if "bytes" in asked else asked.get("frames")
    if not isinstance(frames, list):
        raise Unusable('"frames" is no list')
    places = any(isinstance(one, Mapping) and one.get("uuid") for one in frames)
    made = []
    for number, one in enumerate(frames):
        if not isinstance(one, Mapping):
            raise Unusable(f"frame {number} is no object")
        if one.get("dir", "rx") != "rx":
            continue  # what was sent
        if places and not one.get("uuid") and str(one.get("via", "")).startswith("parse"):
            continue
        try:
            made.append((number, bytes.fromhex(str(one["hex"])), one))
        except (KeyError, ValueError) as error:
            raise Unusable(f"frame {number} has no octets in hexadecimal") from error
    return made


def _record(number: int, data: bytes, said: Mapping[str, Any]) -> Record:
    kind = "rd" if said.get("via") == "read" else "rx"
    return _at(kind, number, data, _place(number, said))


def _place(number: int, said: Mapping[str, Any]) -> int:
    try:
        return identifier(str(said["uuid"])) if said.get("uuid") else 0
    except ValueError as error:
        raise Unusable(f"frame {number} has a uuid that is none") from error


def _at(kind: str, number: int, data: bytes, characteristic: int) -> Record:
    return Record(kind=kind, session="", characteristic=characteristic, data=data, time=RECEIVED + number, boottime=number, position=number)


def _advertised(hears: Hearing, number: int, data: bytes, said: Mapping[str, Any]) -> Record:
    """Service or manufacturer data: where it does not say whose, the first that the driver hears."""
    place = _place(number, said)
    if said.get("via") == "manufacturer_data" or (not place and not hears.services):
        seen = Sighting(manufacturer_data={place or next(iter(hears.companies), 0): data})
    else:
        seen = Sighting(service_data={place or hears.services[0]: data})
    return _at("rx", number, seen.octets, 0)
