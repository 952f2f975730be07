"""Counters that wrap around: what happened between two notifications."""

from __future__ import annotations

from decimal import Decimal

from profiles.gatt.speed_cadence import CSCMeasurement, since


def test_revolutions_between_two_notifications() -> None:
    """NordicSemiconductor/Android-BLE-Common-Library@c078e257, CyclingSpeedAndCadenceMeasurementDataCallbackTest: a wheel of 2.34 m."""
    before, after = (CSCMeasurement.decode(bytes.fromhex(text)) for text in ("010a0000000000", "01140000000004"))
    assert before.wheel_revolutions is not None
    assert after.wheel_revolutions is not None
    assert after.wheel_event_time is not None
    assert since(before.wheel_revolutions, after.wheel_revolutions, 32) * Decimal("2.34") == Decimal("23.4")
    assert after.wheel_event_time == 1


def test_a_counter_goes_around_once() -> None:
    assert since(0xFFFF, 0x0001, 16) == 2
    assert since(0xFFFFFFFF, 9, 32) == 10
    assert since(7, 7, 16) == 0
