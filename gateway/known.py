"""What is remembered of a device while the daemon runs, and what its owner has permitted."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass, field
from typing import Any

from drivers import Advertisement, Policy
from gateway.config import DeviceSection
from gateway.hearing import Ear
from gateway.matching import Loaded
from profiles.gatt.user_control import LARGEST_CONSENT_CODE


@dataclass(slots=True)
class Known:
    """What is remembered of an address."""

    loaded: Loaded | None = None
    settings: DeviceSection | None = None
    last_seen: float = 0.0
    not_before: float = 0.0
    failures: int = 0
    refused: str | None = None
    running: bool = False
    pair: bool = False
    """Its owner has asked for it."""
    sessions: int = 0
    things: int = 0
    last_problem: str | None = None
    notices: dict[str, str] = field(default_factory=dict)
    """What its owner should know, as the last session had it."""
    advertisement: Advertisement | None = None
    rssi: int | None = None
    """In dBm, of what was heard last."""
    heard: float | None = None
    """When that was, by the hub's clock."""
    battery: int | None = None
    """In percent, as the last session had it."""
    drift: float | None = None
    """Seconds by which its clock is behind the hub's, likewise."""
    ear: Ear = field(default_factory=Ear)
    generation: int = 0
    """Of the configuration that `settings` come from."""


def slower(failures: int, slowest: float) -> float:
    """Seconds to wait after so many failures in a row: doubling, but never beyond `slowest`, however many they are."""
    return min(2.0 ** min(failures, 32), slowest)


def free_enough(state: Any, reserve_mb: int) -> bool:
    """Whether the disk of `state` has its reserve: so many megabytes, or 5 % of it where that is less."""
    disk = os.statvfs(state)
    reserve = min(reserve_mb << 20, disk.f_blocks * disk.f_frsize // 20)
    return disk.f_bavail * disk.f_frsize >= reserve


def policy_of(settings: DeviceSection | None) -> Policy:
    """What a session with this device may do."""
    if settings is None:
        return Policy()
    # Drawn here: a driver has no chance of its own, so that its sessions can be replayed.
    code = secrets.randbelow(LARGEST_CONSENT_CODE + 1) if settings.register_user else None
    consent = {int(user): one for user, one in settings.consent.items()}
    return Policy(settings.set_clock, settings.forget, consent, code, settings.bindkey)


def name_of(known: Known) -> str | None:
    if known.settings is not None and known.settings.name:
        return known.settings.name
    return known.advertisement.local_name if known.advertisement else None
