"""Bands and belts that say a pulse in their advertisement. Source: captures of OpenMQTTGateway's decoder; the makers publish nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from profiles.wire import REST, U8, Int, Layout, Maybe, Octets


@dataclass(frozen=True, slots=True)
class MiBand(Layout):
    """Xiaomi Mi Band, company 0157. The pulse is None between two measurements."""

    head: Annotated[bytes, Octets(3)]
    heart_rate: Annotated[int | None, Maybe(U8, 0xFF)]
    unknown: Annotated[bytes, Octets(13)]
    kind: Annotated[int, U8]
    address: Annotated[bytes, Octets(6)]


@dataclass(frozen=True, slots=True)
class MiBandSteps(Layout):
    """Service data FEE0 beside it: steps of the day."""

    steps: Annotated[int, Int("I")]


@dataclass(frozen=True, slots=True)
class XossBelt(Layout):
    """XOSS X2, company FF04."""

    kind: Annotated[int, U8]
    battery: Annotated[int, U8]
    unknown: Annotated[int, U8]
    heart_rate: Annotated[int, U8]
    rest: Annotated[bytes, REST] = b""
