"""A frame as a field table, or set aside."""

from __future__ import annotations

from typing import TypeVar

from drivers.kit.errors import Refused, Silent
from drivers.kit.links import Frame, GattLink
from profiles.wire import DecodeError, Layout

L = TypeVar("L", bound=Layout)


def decoded(link: GattLink, layout: type[L], frame: Frame) -> L | None:
    """The frame as `layout`; None if it does not fit, and then it is set aside."""
    try:
        return layout.decode(frame.data)
    except DecodeError as error:
        link.reject(frame, error)
        return None


async def read(link: GattLink, layout: type[L]) -> tuple[L | None, Frame | None]:
    """What the device says there, and the frame; nothing where it has none, refuses, or says what does not fit."""
    if not link.has(layout.uuid):
        return None, None
    try:
        frame = await link.read(layout.uuid)
    except (Refused, Silent):
        # Silent too: a device that hung up meanwhile may have pushed its records before, and they come first.
        return None, None
    return decoded(link, layout, frame), frame
