"""Sessions of devices that stream: where they begin and end, and what their counters come to."""

from __future__ import annotations

from decimal import Decimal

import pytest

from drivers import Exercise, GattDriver, HeartRate, OxygenSaturation, Quantity
from drivers.kit.capture import Record
from drivers.standard import cycling, fitness_machine, heart_rate, period, pulse_oximeter, running
from drivers.standard.exercise import MOST_VALUES, PAUSE_SECONDS
from profiles.gatt import cycling_power as cps
from profiles.gatt import fitness_machine as ftms
from profiles.gatt import heart_rate as hrs
from profiles.gatt import speed_cadence as scs
from profiles.wire import Layout
from tests.support.replaying import CAPTURES, readings, records, replayed

BEGAN = 1.7e9


def sessions(driver: GattDriver, *frames: tuple[float, Layout]) -> list[Exercise]:
    """What a driver makes of these values, each so many seconds after the start."""
    opening = Record(kind="open", session="1", time=BEGAN, extra={"chars": sorted({f"{value.uuid:04X}" for _, value in frames})})
    given = [
        Record(kind="rx", session="1", position=number, characteristic=value.uuid, data=value.encode(), time=BEGAN + after)
        for number, (after, value) in enumerate(frames, 1)
    ]
    batches, link, error = replayed(driver, [opening, *given])
    assert error is None
    assert link.rejected == []
    found = readings(batches)
    assert all(isinstance(item, Exercise) for item in found)
    return [item for item in found if isinstance(item, Exercise)]


def pod(speed: float, cadence: int, distance: str | None = None) -> scs.RSCMeasurement:
    flags = scs.RunningFlags.RUNNING if distance is None else scs.RunningFlags.RUNNING | scs.RunningFlags.TOTAL_DISTANCE
    return scs.RSCMeasurement(flags, Decimal(speed), cadence, None, None if distance is None else Decimal(distance))


def crank(revolutions: int, event: int) -> scs.CSCMeasurement:
    return scs.CSCMeasurement(scs.CyclingFlags.CRANK_REVOLUTIONS, None, None, revolutions, Decimal(event) / 1024)


def wheel(revolutions: int) -> scs.CSCMeasurement:
    return scs.CSCMeasurement(scs.CyclingFlags.WHEEL_REVOLUTIONS, revolutions, Decimal(0))


def test_steps_and_distance_without_counters_are_derived_and_say_so() -> None:
    (run,) = sessions(running.DRIVER, *((second, pod(2.5, 90)) for second in range(61)))
    assert run.activity == "running"
    assert run.seconds == 60
    assert run.details["steps"] == Quantity(Decimal(90), "1")
    assert run.details["distance"] == Quantity(Decimal(150), "m")
    assert set(run.derived) == {"steps", "distance"}


def test_a_gap_in_the_radio_is_not_taken_for_running() -> None:
    (run,) = sessions(running.DRIVER, (0, pod(2, 90)), (100, pod(2, 90)))
    assert run.details["distance"].value == 10, "five seconds of 2 m/s, not a hundred"


def test_a_counter_wraps_around() -> None:
    around = 2**32
    far = [str(Decimal(tenths % around) / 10) for tenths in range(around - 20, around + 40, 10)]
    (run,) = sessions(running.DRIVER, *((second, pod(1, 90, distance)) for second, distance in enumerate(far)))
    assert run.details["distance"] == Quantity(Decimal(5), "m")
    assert run.derived == ("steps",)


@pytest.mark.parametrize("again", [0, 7, 90_000])
def test_a_counter_that_begins_anew_counts_nothing_for_the_jump(again: int) -> None:
    (ride,) = sessions(cycling.DRIVER, *enumerate([wheel(50_000), wheel(50_003), wheel(again), wheel(again + 4)]))
    assert ride.details["wheel-revolutions"].value == 7


def test_cadence_comes_from_the_sensors_clock_and_wraps_with_it() -> None:
    (ride,) = sessions(cycling.DRIVER, (0, crank(65534, 65000)), (1.3, crank(65535, 200)), (1.9, crank(0, 968)))
    assert [str(value) for value in ride.series[0].values] == ["83.5", "80.0"]
    assert ride.details["crank-revolutions"].value == 2
    assert ride.details["highest-cadence"] == Quantity(Decimal("83.5"), "/min")


def test_cranks_between_two_turns_still_turn_and_then_stand() -> None:
    turning = [
        (0.0, crank(1, 0)),
        (1.0, crank(2, 1024)),
        (2.0, crank(2, 1024)),
        (3.5, crank(3, 3072)),
        (7.0, crank(3, 3072)),
        (8.0, crank(4, 7000)),
    ]
    (ride,) = sessions(cycling.DRIVER, *turning)
    assert [str(value) for value in ride.series[0].values] == ["60.0", "30.0", "0", "15.6"]


def test_no_cadence_is_told_across_a_turn_of_the_sensors_clock() -> None:
    (ride,) = sessions(cycling.DRIVER, (0, crank(1, 0)), (1, crank(2, 1000)), (70, crank(3, 2000)))
    assert len(ride.series[0].values) == 1


def test_nothing_that_moves_is_no_session() -> None:
    assert sessions(running.DRIVER, *((second, pod(0, 0)) for second in range(5))) == []
    assert sessions(cycling.DRIVER, *((second, wheel(77)) for second in range(5))) == []
    beat = ftms.IndoorBikeData(ftms.IndoorBikeFlags.HEART_RATE, Decimal(0), heart_rate=70)
    assert sessions(fitness_machine.DRIVER, (0, beat), (1, beat)) == [], "a heart beats at rest, too"


def test_a_long_pause_ends_a_session_where_the_movement_ended() -> None:
    still = [(second, pod(0, 0)) for second in range(3, int(PAUSE_SECONDS) + 20, 10)]
    first, second = sessions(running.DRIVER, (0, pod(2, 80)), (2, pod(2, 80)), *still, (400, pod(3, 80)), (401, pod(3, 80)))
    assert [part.seconds for part in (first, second)] == [Decimal(2), Decimal(1)]
    assert first.details["speed"].value == 2, "the pause is not part of it"
    assert first.key != second.key


def test_a_session_that_goes_on_for_ever_is_given_out_in_parts() -> None:
    parts = sessions(running.DRIVER, *((second, pod(1, 60, str(second))) for second in range(MOST_VALUES + 100)))
    assert [len(part.series[0].values) for part in parts] == [MOST_VALUES, 100]
    assert sum(part.details["distance"].value for part in parts) == MOST_VALUES + 99, "nothing is lost between the two"


def machine(*, more: bool, **values: object) -> ftms.TreadmillData:
    flags = ftms.TreadmillFlags.MORE_DATA if more else ftms.TreadmillFlags(0)
    flags |= ftms.TreadmillFlags.TOTAL_DISTANCE if "total_distance" in values else 0
    return ftms.TreadmillData(flags, **values)  # type: ignore[arg-type]  # as the tests below give them


def test_a_record_in_several_packets_is_one_value() -> None:
    (walk,) = sessions(
        fitness_machine.DRIVER,
        *(
            one
            for second in range(3)
            for one in ((second, machine(more=True, total_distance=10 + second)), (second + 0.1, machine(more=False, speed=Decimal(5))))
        ),
    )
    assert walk.details["distance"].value == 2
    assert [(series.name, len(series.values)) for series in walk.series] == [("speed", 3)]


def test_half_a_record_is_none() -> None:
    assert sessions(fitness_machine.DRIVER, (0, machine(more=True, total_distance=10)), (1, machine(more=True, total_distance=19))) == []


def test_one_of_two_services_is_listened_to() -> None:
    power = cps.CyclingPowerMeasurement(cps.Flags(0), 200)
    (ride,) = sessions(cycling.DRIVER, (0, power), (1, power), (1, wheel(5)), (2, power))
    assert ride.details["power"] == Quantity(Decimal(200), "W")


def test_published_frames_of_a_trainer() -> None:
    (ride,) = readings(replayed(fitness_machine.DRIVER, records(CAPTURES / "fitness-machine.ndjson"))[0])
    assert isinstance(ride, Exercise)
    assert ride.activity == "indoor-cycling"
    assert ride.details["distance"].value == 12
    assert [str(value) for value in ride.series[0].values] == ["21.36", "21.96", "22.11"]


def test_a_belt_gives_every_interval_between_beats() -> None:
    flags = hrs.Flags.RR_INTERVALS
    value = hrs.HeartRateMeasurement(flags, 60, rr_intervals=(Decimal(1), Decimal("0.5")))
    opening = Record(kind="open", session="1", time=BEGAN, extra={"chars": ["2A37"]})
    frames = [Record(kind="rx", session="1", position=n, characteristic=0x2A37, data=value.encode(), time=BEGAN + n) for n in (1, 2)]
    (worn,) = readings(replayed(heart_rate.DRIVER, [opening, *frames])[0])
    assert isinstance(worn, HeartRate)
    rates, intervals = worn.series
    assert [str(one) for one in rates.offsets] == ["0.00", "1.00"]
    assert [float(one) for one in intervals.values] == [1, 0.5, 1, 0.5]
    assert [float(one) for one in intervals.offsets] == [0, 0, 1, 1]


def test_continuous_values_are_summed_up_without_those_that_are_none() -> None:
    (night,) = readings(replayed(pulse_oximeter.DRIVER, records(CAPTURES / "pulse-oximeter-continuous.ndjson"))[0])
    assert isinstance(night, OxygenSaturation)
    assert (night.samples, str(night.spo2.value)) == (2, "99.0"), "NaN is none, and nor is what is too short"
    assert night.status == ("measurement_ongoing",)
    assert night.lowest is not None
    assert night.highest is not None
    assert [night.lowest.value, night.highest.value] == [Decimal(98), Decimal(100)]
    assert [series.name for series in night.series] == ["oxygen-saturation", "pulse-rate"]


def test_a_belt_that_sends_without_end_in_a_minute_gets_shorter_ones() -> None:
    opening = Record(kind="open", session="1", time=BEGAN, extra={"chars": ["2A37"]})
    value = hrs.HeartRateMeasurement(hrs.Flags(0), 60).encode()
    frames = [Record(kind="rx", session="1", position=n, characteristic=0x2A37, data=value, time=BEGAN + n / 1000) for n in range(1500)]
    found = readings(replayed(heart_rate.DRIVER, [opening, *frames])[0])
    assert [item.samples for item in found if isinstance(item, HeartRate)] == [period.MOST_VALUES, 1500 - period.MOST_VALUES]


def test_no_legs_turn_so_fast() -> None:
    (ride,) = sessions(cycling.DRIVER, (0, crank(5, 0)), (1, crank(6, 1024)), (2, crank(600, 2048)), (3, crank(601, 3072)))
    assert [str(value) for value in ride.series[0].values] == ["60.0", "60.0"]
    assert ride.details["crank-revolutions"].value == 2


def test_a_machine_without_a_belt_tells_no_pulse() -> None:
    def ridden(pulse: int) -> ftms.IndoorBikeData:
        return ftms.IndoorBikeData(ftms.IndoorBikeFlags.HEART_RATE, Decimal(20), heart_rate=pulse)

    (alone,) = sessions(fitness_machine.DRIVER, (0, ridden(0)), (1, ridden(0)))
    assert "heart-rate" not in alone.details
    (worn,) = sessions(fitness_machine.DRIVER, (0, ridden(0)), (1, ridden(120)))
    assert worn.details["heart-rate"].value == 120
