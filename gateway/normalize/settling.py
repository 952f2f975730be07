"""Times that were noted while the hub did not know its own. Once it does, what its clock was wrong by is known for things of this boot."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo

from gateway.clock import local
from gateway.normalize.things import Quality, When
from gateway.normalize.when import EARLIEST, FUTURE, iso, seconds


def settled(when: When, offset: float | None, *, received: float, wrong_by: float, zone: tzinfo | None) -> tuple[When, float | None]:
    """As `when.file` would have said it with a good clock. `received`: by the wrong clock; `offset`: what was added to the device's time.

    One thing comes out otherwise: of a clock that was moved at an end of summer, stamps from before that are an hour off.
    """
    now = received + wrong_by
    noted = datetime.fromisoformat(when.time).timestamp()
    if when.device_time is None:
        return When(time=iso(local(noted + wrong_by, zone)), quality=Quality.RECEIVED), None
    if offset is not None and noted + wrong_by >= EARLIEST:
        time = iso(local(noted + wrong_by, zone))
        return When(time=time, quality=Quality.CORRECTED, device_time=when.device_time), round(offset + wrong_by, 3)
    if offset is None and abs(noted - received) >= 1 and EARLIEST <= noted <= now + FUTURE:
        return when.model_copy(update={"quality": Quality.DEVICE_UNCHECKED}), None  # it leans on no clock of the hub's
    return When(time=iso(local(now, zone)), quality=Quality.DEVICE_CLOCK_INVALID, device_time=when.device_time), None


def unsettled(when: When, zone: tzinfo | None) -> When:
    """As it is, by the owner's word, marked. Where the hub's own part in it cannot be true, the device's word is taken alone."""
    if datetime.fromisoformat(when.time).timestamp() < EARLIEST and when.device_time is not None:
        try:
            stamped = seconds(datetime.fromisoformat(when.device_time), zone, latest=datetime.max.replace(tzinfo=UTC).timestamp())
        except (OverflowError, ValueError):
            stamped = 0.0
        if stamped >= EARLIEST:
            return when.model_copy(update={"time": iso(local(stamped, zone)), "quality": Quality.DEVICE_UNCHECKED})
    return when.model_copy(update={"quality": Quality.DEVICE_CLOCK_INVALID})
