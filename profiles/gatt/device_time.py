"""Device Time Service, 0x1847. Source: DTS 1.0, 3.1 to 3.5 (tables 3.2 to 3.20).

Times are seconds since 1900-01-01, or since 2000-01-01 where the status says so. An E2E-CRC, where the Feature promises one, stands in
*front*; which optional fields follow is in the Feature, too: decode that first, and the rest by it.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum, IntFlag
from typing import Annotated, ClassVar, NamedTuple

from profiles.crc import e2e_crc
from profiles.operations import Operation, Tables
from profiles.times import DateTime
from profiles.wire import REST, S8, U8, U16, U32, Layout

SERVICE = 0x1847
EPOCH_1900 = datetime(1900, 1, 1)  # noqa: DTZ001 - base time is UTC or local, as the status says
EPOCH_2000 = datetime(2000, 1, 1)  # noqa: DTZ001 - likewise


DST_UNKNOWN = 0xFF


class Feature(IntFlag):
    E2E_CRC = 0x0001
    TIME_CHANGE_LOGGING = 0x0002
    BASE_TIME_SECOND_FRACTIONS = 0x0004
    TIME_OR_DATE_DISPLAYED = 0x0008
    DISPLAYED_FORMATS = 0x0010
    DISPLAYED_FORMATS_CHANGEABLE = 0x0020
    SEPARATE_USER_TIMELINE = 0x0040
    AUTHORIZATION_REQUIRED = 0x0080
    RTC_DRIFT_TRACKING = 0x0100
    EPOCH_YEAR_1900 = 0x0200
    EPOCH_YEAR_2000 = 0x0400
    PROPOSE_NON_LOGGED_TIME_ADJUSTMENT_LIMIT = 0x0800
    RETRIEVE_ACTIVE_TIME_ADJUSTMENTS = 0x1000


def unprotected(data: bytes, features: Feature) -> bytes:
    """`data` without the CRC in front of it. Raises `ValueError` if it does not fit."""
    if not features & Feature.E2E_CRC:
        return data
    sent, body = int.from_bytes(data[:2], "little"), data[2:]
    if len(data) < 2 or e2e_crc(body) != sent:  # noqa: PLR2004 - two octets of CRC
        raise ValueError("the E2E-CRC in front does not fit")
    return body


@dataclass(frozen=True, slots=True)
class DeviceTimeFeature(Layout):
    uuid = 0x2B8E

    features: Annotated[Feature, U16]


@dataclass(frozen=True, slots=True)
class DeviceTimeParameters(Layout):
    """The clock's resolution in 1/65,536 s, then what the Feature promises: drift limits, adjustment limit, displayed formats."""

    uuid = 0x2B8F

    rtc_resolution: Annotated[int, U16]
    optional: Annotated[bytes, REST] = b""


class Status(IntFlag):
    TIME_FAULT = 0x0001
    UTC_ALIGNED = 0x0002
    QUALIFIED_LOCAL_TIME_SYNCHRONIZED = 0x0004
    PROPOSE_TIME_UPDATE_REQUEST = 0x0008
    EPOCH_YEAR_2000 = 0x0010
    NON_LOGGED_TIME_CHANGE_ACTIVE = 0x0020
    LOG_CONSOLIDATION_ACTIVE = 0x0040


class More(NamedTuple):
    """Optional fields of the device's time, by its Feature. Fractions are 1/65,536 s."""

    user_time: int | None
    accumulated_rtc_drift: int | None
    next_sequence_number: int | None
    base_time_second_fractions: int | None


@dataclass(frozen=True, slots=True)
class DeviceTime(Layout):
    """DTS 3.3. Zone and daylight saving in quarters of an hour."""

    uuid = 0x2B90
    derived = ("local_time",)

    base_time: Annotated[int, U32]
    time_zone: Annotated[int, S8]
    dst_offset: Annotated[int, U8]
    status: Annotated[Status, U16]
    optional: Annotated[bytes, REST] = b""

    @property
    def local_time(self) -> DateTime:
        """Base time is UTC if it is aligned to it; then zone and daylight saving are added."""
        epoch = EPOCH_2000 if self.status & Status.EPOCH_YEAR_2000 else EPOCH_1900
        quarters = self.time_zone + (self.dst_offset if self.dst_offset != DST_UNKNOWN else 0)
        return DateTime.of(epoch + timedelta(seconds=self.base_time, minutes=15 * quarters))

    def more(self, features: Feature) -> More:
        """Raises `struct.error` where the optional fields are cut off."""
        at, found = 0, []
        for flag, fmt in (
            (Feature.SEPARATE_USER_TIMELINE, "<I"),
            (Feature.RTC_DRIFT_TRACKING, "<H"),
            (Feature.TIME_CHANGE_LOGGING, "<H"),
            (Feature.BASE_TIME_SECOND_FRACTIONS, "<H"),
        ):
            found.append(struct.unpack_from(fmt, self.optional, at)[0] if features & flag else None)
            at += struct.calcsize(fmt) if features & flag else 0
        return More(*found)


class OpCode(IntEnum):
    PROPOSE_TIME_UPDATE = 0x02
    FORCE_TIME_UPDATE = 0x03
    PROPOSE_NON_LOGGED_TIME_ADJUSTMENT_LIMIT = 0x04
    RETRIEVE_ACTIVE_TIME_ADJUSTMENTS = 0x05
    REPORT_ACTIVE_TIME_ADJUSTMENTS = 0x07
    DTCP_RESPONSE = 0x09


@dataclass(frozen=True, slots=True)
class AdjustmentLimit(Layout):
    """In seconds."""

    limit: Annotated[int, U16]


@dataclass(frozen=True, slots=True)
class DeviceTimeControlPoint(Operation):
    """DTS 3.5, without the CRC in front. The operand of a response names the request and its result; it stays octets here."""

    uuid = 0x2B91
    tables: ClassVar[Tables] = {OpCode.PROPOSE_NON_LOGGED_TIME_ADJUSTMENT_LIMIT: AdjustmentLimit}

    opcode: Annotated[OpCode | int, U8]
    parameter: Annotated[bytes, REST] = b""


@dataclass(frozen=True, slots=True)
class TimeChangeLogData(Layout):
    """DTS 3.6: a record of the log. The event's own octets are not taken apart yet; the clause is to be read again."""

    uuid = 0x2B92

    record: Annotated[bytes, REST]
