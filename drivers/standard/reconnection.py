"""Devices that say when they have nothing more to say (Reconnection Configuration Service 1.0.1, 3.2): nobody need wait for silence."""

from __future__ import annotations

from drivers.kit import steps
from drivers.kit.links import Frame, GattLink
from profiles.gatt.reconnection_configuration import RCSettings, Settings

SETTINGS = RCSettings.uuid


def is_ready(link: GattLink, frame: Frame) -> bool:
    """Whether the device says by this frame that it may be disconnected."""
    if frame.characteristic != SETTINGS:
        return False
    said = steps.decoded(link, RCSettings, frame)
    return said is not None and bool(said.settings & Settings.READY_FOR_DISCONNECT)
