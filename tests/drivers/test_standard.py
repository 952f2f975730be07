"""What the standard drivers make of published frames."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from drivers import BloodPressure, BodyComposition, Confused, Glucose, HeartRate, OxygenSaturation, Quantity, Silent, Temperature, Weight
from drivers.kit.capture import Record
from drivers.standard import blood_pressure, glucose, heart_rate, pulse_oximeter, thermometer, weight_scale
from profiles.gatt.glucose import (
    ContextFlags,
    Flags,
    GlucoseMeasurement,
    GlucoseMeasurementContext,
    Meal,
    Sample,
    SampleLocation,
    SampleType,
)
from profiles.times import DateTime
from tests.support.replaying import CAPTURES, asked, readings, records, replayed


def test_a_cuff_dumps_its_memory() -> None:
    """All records are taken; NaN gives none; equal ones stay two; a broken frame is set aside and the rest goes on."""
    batches, link, error = replayed(blood_pressure.DRIVER, records(CAPTURES / "blood-pressure.ndjson"))
    found = readings(batches)
    assert error is None
    assert all(isinstance(item, BloodPressure) for item in found)
    assert [str(item.device_time) for item in found] == ["2020-01-20T08:43:00", "2024-06-15T17:17:27", "2024-06-15T17:17:27"]
    assert found[1].key != found[2].key
    assert found[1].key.parts[:3] == found[2].key.parts[:3]
    first = found[0]
    assert isinstance(first, BloodPressure)
    assert (str(first.systolic.value), first.systolic.unit, first.mean) == ("127.0", "mm[Hg]", None)
    assert first.status == ("bit_7",)
    assert [frame.data.hex() for frame, _ in link.rejected] == ["1f0048"]


def test_a_unit_is_not_in_the_key_but_the_octets_are() -> None:
    """The key of a stamped record is its stamp, its user, its octets and its ordinal."""
    found = readings(replayed(weight_scale.DRIVER, records(CAPTURES / "weight-scale.ndjson"))[0])
    assert [type(item) for item in found] == [Weight, Weight]
    first, second = found
    assert first.key.kind == "content"
    assert second.key.kind == "episode"
    assert isinstance(first, Weight)
    assert isinstance(second, Weight)
    assert (first.weight.value, first.weight.unit) == (Decimal("46.60"), "[lb_av]")
    assert second.user_index == 3
    assert second.height is not None
    assert second.height.unit == "[in_i]"


def test_a_thermometer_with_and_without_a_clock() -> None:
    found = readings(replayed(thermometer.DRIVER, records(CAPTURES / "thermometer.ndjson"))[0])
    assert all(isinstance(item, Temperature) for item in found)
    assert [item.key.kind for item in found] == ["content", "episode", "episode"]
    last = found[2]
    assert isinstance(last, Temperature)
    assert (last.temperature.unit, last.site) == ("[degF]", "mouth")


def test_an_oximeter_whose_clock_was_never_set() -> None:
    found = readings(replayed(pulse_oximeter.DRIVER, records(CAPTURES / "pulse-oximeter.ndjson"))[0])
    assert all(isinstance(item, OxygenSaturation) for item in found)
    assert [item.clock_not_set for item in found] == [True, False]
    assert found[0].status == ("measurement_ongoing", "low_perfusion")


def test_a_measurement_taken_while_the_memory_is_read_counts_too() -> None:
    """An oximeter on a finger: the new spot check comes behind the answer to the request."""
    given = records(CAPTURES / "pulse-oximeter.ndjson")
    late = replace(given[2], position=99, time=given[-1].time + 1)
    batches, _, error = replayed(pulse_oximeter.DRIVER, [*given[:2], given[3], late])
    assert error is None
    assert len(readings(batches)) == 2


def test_an_oximeter_that_will_not_report_is_told() -> None:
    given = records(CAPTURES / "pulse-oximeter.ndjson")
    batches, _, error = replayed(pulse_oximeter.DRIVER, [given[0], given[1], replace(given[3], data=bytes((6, 0, 1, 8)))])
    assert isinstance(error, Confused)
    assert len(readings(batches)) == 1


def test_an_oximeter_is_emptied_only_with_the_owners_word() -> None:
    given = records(CAPTURES / "pulse-oximeter.ndjson")
    idle = Record(kind="idle", session="1")
    deleted = replace(given[3], data=bytes((6, 0, 2, 1)))
    permitted = replace(given[0], extra={**given[0].extra, "policy": {"forget": True}})
    _, link, error = replayed(pulse_oximeter.DRIVER, [permitted, *given[1:], idle, deleted])
    assert error is None
    assert asked(link) == ["0101", "0201"]
    assert asked(replayed(pulse_oximeter.DRIVER, [*given, idle, deleted])[1]) == ["0101"]


def test_a_belt_gives_one_reading_for_a_period() -> None:
    """Values without contact end it; what comes after is another."""
    found = readings(replayed(heart_rate.DRIVER, records(CAPTURES / "heart-rate.ndjson"))[0])
    assert all(isinstance(item, HeartRate) for item in found)
    assert [(str(item.rate.value), item.samples) for item in found if isinstance(item, HeartRate)] == [("66.0", 2), ("170.0", 1)]


def test_a_belt_worn_for_long_is_read_by_the_minute() -> None:
    opening = records(CAPTURES / "heart-rate.ndjson")[0]
    frames = [Record(kind="rx", session="1", position=n, characteristic=0x2A37, data=bytes((6, 60)), time=1.7e9 + n) for n in range(150)]
    found = readings(replayed(heart_rate.DRIVER, [opening, *frames])[0])
    assert [item.samples for item in found if isinstance(item, HeartRate)] == [60, 60, 30]


# -- glucose ---------------------------------------------------------------------------------------------------------


def _opening(mark: dict[str, object] | None = None) -> Record:
    return Record(kind="open", session="1", extra={"drv": "glucose", "chars": ["2A18", "2A34", "2A52"], "mark": mark or {}})


def _measurement(number: int, *, day: int = 1, announces: bool = False, milligrams: int = 100) -> Record:
    flags = Flags.CONCENTRATION | (Flags.CONTEXT_FOLLOWS if announces else Flags(0))
    value = GlucoseMeasurement(
        flags,
        number,
        DateTime(2026, 3, day, 7, number % 60, 0),
        concentration=Decimal(milligrams).scaleb(-5),
        sample=Sample(SampleType.CAPILLARY_WHOLE_BLOOD, SampleLocation.FINGER),
    )
    return Record(kind="rx", session="1", characteristic=0x2A18, data=value.encode(), position=number)


def _context(number: int) -> Record:
    value = GlucoseMeasurementContext(ContextFlags.MEAL, number, meal=Meal.FASTING)
    return Record(kind="rx", session="1", characteristic=0x2A34, data=value.encode(), position=1000 + number)


def _answer(code: int, opcode: int = 1) -> Record:
    return Record(kind="rx", session="1", characteristic=0x2A52, data=bytes((6, 0, opcode, code)))


def test_published_meter_records() -> None:
    batches, _, error = replayed(glucose.DRIVER, records(CAPTURES / "glucose.ndjson"))
    found = [item for item in readings(batches) if isinstance(item, Glucose)]
    assert error is None
    assert [(str(g.concentration.value), g.concentration.unit) for g in found] == [("5.9", "mmol/L"), ("119", "mg/dL")]
    assert [str(g.device_time) for g in found] == ["2019-08-21T09:31:13", "2020-07-14T21:08:05"]
    assert found[1].context == {"exercise": "900 s at 80 %"}
    assert batches[-1].mark == {"sequence_number": 4, "base_time": [2020, 7, 14, 11, 6, 5], "next_wanted": 5}


def test_first_contact_asks_for_everything() -> None:
    _, link, _ = replayed(glucose.DRIVER, [_opening(), _measurement(1), _answer(1)])
    assert asked(link) == ["0101"]


MARK = {"sequence_number": 3, "base_time": [2026, 3, 1, 7, 3, 0], "next_wanted": 4}


def test_nothing_new_is_seen_from_the_last_record() -> None:
    """The last record first; if it is the one we know, that is all."""
    batches, link, error = replayed(glucose.DRIVER, [_opening(MARK), _measurement(3), _answer(1)])
    assert error is None
    assert asked(link) == ["0106"]
    assert batches[-1].mark == MARK


def test_news_is_asked_for_from_the_mark_on() -> None:
    _, link, _ = replayed(glucose.DRIVER, [_opening(MARK), _measurement(5), _answer(1), _measurement(4), _measurement(5), _answer(1)])
    assert asked(link) == ["0106", "0103010400"]


def test_a_meter_that_counts_from_one_again_is_read_whole() -> None:
    """Its last number lies behind the mark: it was reset."""
    batches, link, _ = replayed(glucose.DRIVER, [_opening(MARK), _measurement(1, day=9), _answer(1), _measurement(1, day=9), _answer(1)])
    assert asked(link) == ["0106", "0101"]
    assert batches[-1].mark == {"sequence_number": 1, "base_time": [2026, 3, 9, 7, 1, 0], "next_wanted": 2}


def test_a_meter_whose_time_went_back_is_read_whole() -> None:
    mark = {**MARK, "base_time": [2026, 3, 20, 7, 3, 0]}
    _, link, _ = replayed(glucose.DRIVER, [_opening(mark), _measurement(7), _answer(1), _answer(6)])
    assert asked(link) == ["0106", "0101"]


def test_the_same_number_at_another_time_is_another_meter_life() -> None:
    mark = {**MARK, "base_time": [2026, 2, 20, 7, 3, 0]}
    _, link, _ = replayed(glucose.DRIVER, [_opening(mark), _measurement(3), _answer(1), _answer(6)])
    assert asked(link) == ["0106", "0101"]


def test_a_meter_without_last_record_is_asked_from_the_mark_on() -> None:
    _, link, error = replayed(glucose.DRIVER, [_opening(MARK), _answer(4), _measurement(4), _answer(1)])
    assert error is None
    assert asked(link) == ["0106", "0103010400"]


def test_a_meter_without_filters_is_asked_for_everything() -> None:
    _, link, error = replayed(glucose.DRIVER, [_opening(MARK), _answer(4), _answer(9), _measurement(4), _answer(1)])
    assert error is None
    assert asked(link) == ["0106", "0103010400", "0101"]


def test_a_context_may_come_before_its_measurement() -> None:
    batches, _, _ = replayed(glucose.DRIVER, [_opening(), _context(1), _measurement(1, announces=True), _answer(1)])
    found = readings(batches)
    assert [item.meal for item in found if isinstance(item, Glucose)] == ["fasting"]


def test_an_announced_context_is_waited_for_and_asked_for_again() -> None:
    """The reading goes out without it at the end; the next download begins at it; then it is the same reading with more."""
    batches, _, _ = replayed(glucose.DRIVER, [_opening(), _measurement(1), _measurement(2, announces=True), _measurement(3), _answer(1)])
    found = [item for item in readings(batches) if isinstance(item, Glucose)]
    assert [item.sequence_number for item in found] == [1, 3, 2]
    mark = batches[-1].mark
    assert mark is not None
    assert mark["next_wanted"] == 2
    again, link, _ = replayed(
        glucose.DRIVER,
        [
            _opening(dict(mark)),
            _measurement(3),
            _answer(1),
            _measurement(2, announces=True),
            _context(2),
            _measurement(3),
            _answer(1),
        ],
    )
    assert asked(link) == ["0106", "0103010200"]
    late = [item for item in readings(again) if isinstance(item, Glucose) and item.sequence_number == 2]
    assert [(item.key, item.meal) for item in late] == [(found[2].key, "fasting")]
    assert again[-1].mark is not None
    assert again[-1].mark["next_wanted"] == 4


def test_a_unit_switch_keeps_the_key() -> None:
    """The same record in mol/L is a new version, not a new reading."""
    milligrams = _measurement(1)
    value = GlucoseMeasurement.decode(milligrams.data)
    moles = replace(value, flags=value.flags | Flags.MOLES_PER_LITRE, concentration=Decimal("0.0056"))
    first = readings(replayed(glucose.DRIVER, [_opening(), milligrams, _answer(1)])[0])
    second = readings(replayed(glucose.DRIVER, [_opening(), replace(milligrams, data=moles.encode()), _answer(1)])[0])
    assert first[0].key == second[0].key


def test_two_equal_values_in_one_minute_stay_two() -> None:
    first = _measurement(1)
    value = GlucoseMeasurement.decode(first.data)
    twin = replace(first, data=replace(value, sequence_number=2).encode(), position=2)
    found = readings(replayed(glucose.DRIVER, [_opening(), first, twin, _answer(1)])[0])
    assert len({item.key for item in found}) == 2


def test_a_meter_that_falls_silent_gives_what_it_had_and_keeps_the_mark() -> None:
    batches, _, error = replayed(glucose.DRIVER, [_opening(MARK), _measurement(5), _answer(1), _measurement(4, announces=True)])
    assert isinstance(error, Silent)
    assert {item.sequence_number for item in readings(batches)} == {4, 5}
    assert all(batch.mark is None for batch in batches)


def test_a_failed_procedure_is_told_and_keeps_what_came() -> None:
    batches, _, error = replayed(glucose.DRIVER, [_opening(), _measurement(1), _answer(8)])
    assert isinstance(error, Confused)
    assert "procedure not completed" in str(error)
    assert [item.sequence_number for item in readings(batches)] == [1]


def test_records_without_a_number_give_no_reading_but_move_the_mark() -> None:
    bare = Record(
        kind="rx", session="1", characteristic=0x2A18, data=GlucoseMeasurement(Flags(0), 8, DateTime(2026, 3, 2, 1, 1, 1)).encode()
    )
    batches, _, _ = replayed(glucose.DRIVER, [_opening(), bare, _answer(1)])
    assert readings(batches) == []
    assert batches[-1].mark is not None
    assert batches[-1].mark["sequence_number"] == 8


def _permitted(mark: dict[str, object] | None = None) -> Record:
    return replace(_opening(mark), extra={**_opening(mark).extra, "policy": {"forget": True}})


def test_deleting_is_last_and_spares_what_waits_for_its_context() -> None:
    """Only with the owner's word, only up to the record before the first that is not whole yet."""
    given = [_measurement(1), _measurement(2, announces=True), _answer(1), _answer(1, opcode=2)]
    _, link, _ = replayed(glucose.DRIVER, [_opening(), *given])
    assert asked(link) == ["0101"]
    _, link, error = replayed(glucose.DRIVER, [_permitted(), *given])
    assert error is None
    assert asked(link) == ["0101", "0202010100"]


def test_a_device_that_will_not_delete_is_told() -> None:
    _, _, error = replayed(glucose.DRIVER, [_permitted(), _measurement(1), _answer(1), _answer(2, opcode=2)])
    assert isinstance(error, Confused)


def test_a_body_scale_says_it_in_one_packet_or_two() -> None:
    """Two packets are one reading; a failed measurement is none; a weight is taken from here only where there is no other."""
    given = records(CAPTURES / "body-composition.ndjson")
    first, second, third = readings(replayed(weight_scale.DRIVER, given)[0])
    assert isinstance(first, BodyComposition)
    assert isinstance(second, BodyComposition)
    assert isinstance(third, BodyComposition)
    assert (first.fat, first.weight) == (Quantity(Decimal("25.0"), "%"), Quantity(Decimal("80.000"), "kg"))
    assert (second.key.kind, second.user_index, second.basal_metabolism) == ("episode", 5, Quantity(Decimal(1600), "kJ"))
    assert (third.fat, third.muscle_mass) == (Quantity(Decimal("25.0"), "%"), Quantity(Decimal("10.000"), "kg"))
    assert (str(third.device_time), third.user_index) == ("2024-01-02T03:04:05", 12)
    both = replace(given[0], extra={**given[0].extra, "chars": ["2A9C", "2A9D"]})
    [other, *_] = readings(replayed(weight_scale.DRIVER, [both, *given[1:]])[0])
    assert isinstance(other, BodyComposition)
    assert other.weight is None


def test_half_a_body_reading_is_the_same_record_as_the_whole() -> None:
    """The link went between the packets: what was said counts, and the whole one later is its next version."""
    given = records(CAPTURES / "body-composition.ndjson")
    [half] = readings(replayed(weight_scale.DRIVER, [given[0], given[4]])[0])
    [whole] = readings(replayed(weight_scale.DRIVER, [given[0], given[4], given[5]])[0])
    assert isinstance(half, BodyComposition)
    assert isinstance(whole, BodyComposition)
    assert half.key == whole.key
    assert half.muscle_mass is None
    assert whole.muscle_mass is not None
    [pounds] = readings(replayed(weight_scale.DRIVER, [given[0], given[4], replace(given[5], data=bytes.fromhex("2110fa00d007"))])[0])
    assert pounds == half, "a second packet in another unit belongs to no first one"


def test_halves_of_two_people_are_not_joined() -> None:
    """A second half that was lost or damaged: the next reading's first half is not taken for it."""
    given = records(CAPTURES / "body-composition.ndjson")
    first, second = given[4], given[5]
    other = replace(first, data=bytes.fromhex("06102c01e80701020305060f"), position=90)
    rest = replace(second, data=bytes.fromhex("20102c01e803"), position=91)
    for between in ([], [replace(second, data=b"\x20\x10\xfa")]):
        found = readings(replayed(weight_scale.DRIVER, [given[0], first, *between, other, rest])[0])
        said = [(item.user_index, item.fat, item.muscle_mass) for item in found if isinstance(item, BodyComposition)]
        assert said == [
            (12, Quantity(Decimal("25.0"), "%"), None),
            (15, Quantity(Decimal("30.0"), "%"), Quantity(Decimal("5.000"), "kg")),
        ]


def test_a_damaged_second_half_ends_its_reading() -> None:
    """Also where neither says who and when."""
    given = records(CAPTURES / "body-composition.ndjson")
    octets = ("0010fa00", "2010fa", "10102c01f401", "20102c01e803")
    frames = [replace(given[4], data=bytes.fromhex(text), position=90 + n) for n, text in enumerate(octets)]
    found = readings(replayed(weight_scale.DRIVER, [given[0], *frames])[0])
    said = [(item.fat, item.muscle, item.muscle_mass) for item in found if isinstance(item, BodyComposition)]
    assert said == [
        (Quantity(Decimal("25.0"), "%"), None, None),
        (Quantity(Decimal("30.0"), "%"), Quantity(Decimal("50.0"), "%"), Quantity(Decimal("5.000"), "kg")),
    ]


def test_a_scale_by_name_only_is_told() -> None:
    """Xiaomi's scales advertise these services and have neither measurement."""
    given = records(CAPTURES / "body-composition.ndjson")
    bare = replace(given[0], extra={**given[0].extra, "chars": ["2A2B"]})
    _, _, error = replayed(weight_scale.DRIVER, [bare])
    assert isinstance(error, Confused)
