"""What the vendor drivers make of single octets, at the edges, and what they send."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import pytest

from drivers import DeviceInfo, Glucose, Intermediate, OxygenSaturation, Weight
from drivers.kit.capture import Record
from drivers.vendor import dexcom_g5, jumper_jpd500f, nonin_3230, omron_memory, viatom_o2, viatom_pc60fw
from gateway import registry
from gateway.conformance.case import Case, Replayed
from gateway.frames import answer
from profiles.framing import omron_wlp, viatom
from profiles.wire import DecodeError
from tests.support.replaying import CAPTURES, records

REGISTRY = registry.load()


def told(name: str, characteristic: int, frames: Sequence[bytes]) -> Replayed:
    opening = Record(kind="open", session="1", time=1.7e9, extra={"drv": name, "chars": [f"{characteristic:04X}"]})
    said = [
        Record(kind="rx", session="1", characteristic=characteristic, data=data, time=1.7e9 + at, position=at)
        for at, data in enumerate(frames, 1)
    ]
    return Case(REGISTRY.radio_by_name[name], (), (), REGISTRY).replay([opening, *said])


def oximetry(name: str, characteristic: int, *frames: bytes) -> list[tuple[int, int]]:
    """The values that went into the reading."""
    readings = told(name, characteristic, frames).readings
    if not readings:
        return []
    [one] = readings
    assert isinstance(one, OxygenSaturation)
    spo2, pulse = one.series
    return [(int(a), int(b)) for a, b in zip(spo2.values, pulse.values, strict=True)]


# -- scales ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "frames", "kilograms", "ohm"),
    [
        ("koogeek-s1", ["55aa55aa0307010000030f01d6de"], "78.3", 470),
        ("vitafit-vt701", ["5a0a26100200002121340aaa", "5a0b261100000000000185b8aa"], "85", 389),
        ("soehnle", ["090107ea0b1a0c1e0003170000019a"], "79.1", 410),
        ("hutbit", ["ac0203490000ca16", "ac02fd0107d0cba0"], "84.1", 2000),
        ("hutbit", ["ac0203490000ca16", "ac02fd0107d1cba1"], "84.1", None),
        ("taylor-bia", ["ac27008d2f52"], "77.65", None),
        ("taylor-bia", ["ac27008d2f"], None, None),
        ("renpho-msc04", ["55aa240006011100002553b300"], "95.55", None),
        ("renpho-msc04", ["55aa2400060111000025"], None, None),
        ("renpho-msc04", ["55aa24010601110000255370"], None, None),
        ("robi-s9", ["030800a300012dc2000000000000000000000013"], "77.25", None),
    ],
)
async def test_a_scale_says_its_weight_and_impedance(name: str, frames: list[str], kilograms: str | None, ohm: int | None) -> None:
    said = await answer(REGISTRY, {"driver": name, "frames": [{"hex": one} for one in frames]})
    if kilograms is None:
        assert said.found == []
        return
    [weight] = said.found
    assert isinstance(weight, Weight)
    assert weight.weight.value == Decimal(kilograms)
    assert (weight.impedance.value if weight.impedance else None) == ohm


@pytest.mark.parametrize(
    ("name", "frame", "kilograms"),
    [
        ("hutbit", "ac0203480000ce19", "84"),
        ("vitafit-vt701", "5a0a26100100002121437eaa", "85.15"),
        ("koogeek-s1", "55aa55aa0201000000032001f4d5", "80"),
    ],
)
async def test_a_weight_that_moves_is_on_its_way(name: str, frame: str, kilograms: str) -> None:
    [said] = (await answer(REGISTRY, {"driver": name, "frames": [{"hex": frame}]})).found
    assert isinstance(said, Intermediate)
    assert said.quantity.value == Decimal(kilograms)


async def test_a_final_weight_of_robi_comes_where_it_comes() -> None:
    frame = "030800a300012dc2000000000000000000000013"
    for place, count in (("FFB3", 1), ("FFB2", 1), ("FFB1", 0)):
        assert len((await answer(REGISTRY, {"driver": "robi-s9", "frames": [{"hex": frame, "uuid": place}]})).found) == count


# -- oximeters ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("octets", "said"),
    [
        ("5f3e0000000000", (95, 62)),
        ("643e0000000000", (100, 62)),
        ("013e0000000000", (1, 62)),
        ("653e0000000000", None),
        ("003e0000000000", None),
        ("5f000000000000", None),
        ("5f3eff00000000", None),
        ("5f3efe00000000", (95, 62)),
    ],
)
def test_a_ring_says_what_is_now(octets: str, said: tuple[int, int] | None) -> None:
    data = bytes.fromhex(octets) + bytes((81, 0))
    done = told("viatom-o2", viatom_o2.TELL, [viatom.told(viatom_o2.NOW, data)] * 5)
    # Asked once, and once more after a silence, in which nothing came.
    assert [data for _, data, _ in done.link.commands] == [bytes.fromhex("aa17e8000000001b")] * 2
    values = oximetry("viatom-o2", viatom_o2.TELL, *[viatom.told(viatom_o2.NOW, data)] * 5)
    assert values == ([] if said is None else [said] * 5)
    [info] = [item for batch in done.batches for item in batch.items if isinstance(item, DeviceInfo)]
    assert (info.manufacturer, info.battery) == ("Viatom", 81)


def test_a_short_answer_of_a_ring_is_set_aside() -> None:
    short = told("viatom-o2", viatom_o2.TELL, [viatom.told(viatom_o2.NOW, b"\x5f\x3e\x00\x00\x00\x00\x00")] * 5)
    assert short.readings == []
    assert len(short.link.rejected) == 5


def test_a_ring_is_asked_again_after_each_silence_and_let_go_when_it_does_not_answer() -> None:
    """A night is a reading a minute, not one for each answer."""
    answer_ = viatom.told(viatom_o2.NOW, bytes.fromhex("5f3e00000000005100"))
    given = [Record(kind="open", session="1", time=1.7e9, extra={"drv": "viatom-o2", "chars": [f"{viatom_o2.TELL:032X}"]})]
    for number in range(13):
        at = 1.7e9 + 10 * number
        given.append(Record(kind="rx", session="1", characteristic=viatom_o2.TELL, data=answer_, time=at, position=number + 1))
        given.append(Record(kind="idle", session="1", time=at + 9))
    done = Case(REGISTRY.radio_by_name["viatom-o2"], (), (), REGISTRY).replay(given)
    assert len(done.link.commands) == 14
    assert [one.samples for one in done.readings if isinstance(one, OxygenSaturation)] == [6, 6, 1]


def pc60(spo2: int, pulse: int) -> bytes:
    octets = bytes.fromhex("aa550f0801") + bytes((spo2,)) + pulse.to_bytes(2, "little") + bytes((34, 0, 0))
    return octets + bytes((viatom.crc8(octets),))


def test_a_pc60_says_its_values_once_a_second() -> None:
    frames = [pc60(100, 300), pc60(1, 61), pc60(101, 62), pc60(0, 63), pc60(96, 0), pc60(96, 64)[:11], pc60(96, 65) + b"\x00"]
    assert oximetry("viatom-pc60fw", viatom_pc60fw.TELL, *frames) == [(100, 300), (1, 61), (96, 65)]
    damaged = told("viatom-pc60fw", viatom_pc60fw.TELL, [pc60(96, 64)[:-1] + b"\x00"])
    [(_, error)] = damaged.link.rejected
    assert str(error) == "PC-60FW frame.crc at byte 11 of 12: does not fit"


def test_a_jumper_says_its_values_and_a_waveform() -> None:
    values = [(66, 97), (1, 1), (254, 100), (255, 97), (0, 97), (66, 101), (66, 0)]
    frames = [bytes((0x81, pulse, spo2, 31)) for pulse, spo2 in values]
    assert oximetry("jumper-jpd500f", jumper_jpd500f.TELL, *frames, b"\x80" + bytes(10), frames[0] + b"\0") == [
        (97, 66),
        (1, 1),
        (100, 254),
    ]


def test_a_nonin_says_its_values_unless_it_searches() -> None:
    def frame(status: int, spo2: int, pulse: int) -> bytes:
        return bytes((10, status, 0xE0, 0, 50, 0, 1, spo2)) + pulse.to_bytes(2, "big")

    frames = [
        frame(0x02, 96, 300),
        frame(0x0A, 95, 72),
        frame(0x02, 127, 72),
        frame(0x02, 126, 72),
        frame(0x02, 96, 511),
        frame(0x02, 96, 510),
    ]
    frames += [frame(0x02, 0, 72), frame(0x02, 1, 1), frame(0x02, 96, 0), frame(0x10, 94, 71)]
    expected = [(96, 300), (126, 72), (96, 510), (1, 1), (94, 71)]
    assert oximetry("nonin-3230", nonin_3230.TELL, *frames) == expected


# -- glucose --------------------------------------------------------------------------------------------------------


def test_a_transmitter_is_asked_in_order_and_answered() -> None:
    given = records(CAPTURES / "dexcom-g5.ndjson")
    done = Case(REGISTRY.radio_by_name["dexcom-g5"], (), (), REGISTRY).replay(given)
    written = [(characteristic, data.hex()) for characteristic, data, _ in done.link.commands]
    assert written == [
        (dexcom_g5.AUTHENTICATION, "01" + "00" * 8 + "02"),
        (dexcom_g5.AUTHENTICATION, "04" + "00" * 8),
        (dexcom_g5.CONTROL, "24e664"),
        (dexcom_g5.CONTROL, "305336"),
    ]
    [glucose] = done.readings
    assert isinstance(glucose, Glucose)
    assert glucose.concentration.value == Decimal(204)
    assert (glucose.sample_type, dict(glucose.context)) == ("interstitial_fluid", {"trend": "-0.1 mg/dL/min"})


# -- Omron's cuffs --------------------------------------------------------------------------------------------------


def omron(*frames: tuple[int, bytes], key: str | None = None) -> Replayed:
    """The beginning of a conversation with a HEM-7600T."""
    extra = {"drv": "omron-hem-7600t", "chars": [], "policy": {"bindkey": key} if key else {}}
    said = [
        Record(kind="rx", session="1", characteristic=place, data=data, time=1.7e9 + at, position=at)
        for at, (place, data) in enumerate(frames, 1)
    ]
    opening = Record(kind="open", session="1", time=1.7e9, extra=extra)
    return Case(REGISTRY.radio_by_name["omron-hem-7600t"], (), (), REGISTRY).replay([opening, *said])


UNLOCKED = (omron_memory.UNLOCK, bytes.fromhex("8100"))
STARTED = (omron_memory.HEAR[0], omron_wlp.told(omron_wlp.START | omron_wlp.ANSWER, 0, b""))


def block(address: int, data: bytes) -> list[tuple[int, bytes]]:
    whole = omron_wlp.told(omron_wlp.READ | omron_wlp.ANSWER, address, data)
    return [(omron_memory.HEAR[at // 16], whole[at : at + 16]) for at in range(0, len(whole), 16)]


def asked(done: Replayed) -> list[str]:
    return [data.hex() for _, data, _ in done.link.commands]


def test_a_cuff_is_unlocked_with_its_key_or_the_usual_one() -> None:
    assert asked(omron(UNLOCKED))[0] == "01" + "deadbeaf12341234" * 2
    assert asked(omron(UNLOCKED, key="00112233445566778899aabbccddeeff"))[0] == "0100112233445566778899aabbccddeeff"
    refused = omron((omron_memory.UNLOCK, bytes.fromhex("8101")))
    assert "does not permit" in str(refused.error)
    assert "does not answer the key" in str(omron().error)
    elsewhere = omron((omron_memory.HEAR[0], b"\x81\x00"), UNLOCKED)
    assert asked(elsewhere)[1] == "0800000000100018"


def test_a_damaged_answer_is_asked_for_again_and_another_one_is_passed_over() -> None:
    first = omron_wlp.asked(omron_wlp.READ, 0x02AC, 56).hex()
    record = bytes.fromhex("6558541a331ade1800004c00ba00")
    good = block(0x02AC, record + b"\xff" * 42)
    damaged = [*good[:-1], (good[-1][0], good[-1][1][:-1] + b"\x55")]
    other = block(0x02AD, record + b"\xff" * 42)
    short = block(0x02AC, record)
    done = omron(UNLOCKED, STARTED, *damaged, *other, *short, *good)
    assert asked(done)[2:5] == [first, first, omron_wlp.asked(omron_wlp.READ, 0x02AC + 56, 56).hex()]
    assert len(done.link.rejected) == 1
    assert len(done.readings) == 1
    assert "press its Bluetooth button" in str(done.error)
    never = omron(UNLOCKED, STARTED, *damaged * 3)
    assert "its answers are damaged" in str(never.error)
    assert asked(never)[2:] == [first] * 3


def test_an_empty_place_and_the_edges_of_a_record() -> None:
    record = bytes.fromhex("6558541a331ade1800004c00ba00")
    assert omron_memory.little(bytes((0xE2,)) + record[1:]) is None
    highest = omron_memory.little(bytes((0xE1,)) + record[1:])
    assert highest is not None
    assert highest.systolic == 250
    late = omron_memory.little(bytes(record[:6]) + bytes.fromhex("ff18") + record[8:])  # 63 s
    assert late is not None
    assert (late.time.minutes, late.time.seconds) == (35, 59)
    assert omron_memory.big(bytes.fromhex("5be21a4819d71b42000014006996")) is None
    with pytest.raises(DecodeError, match="pressures"):
        omron_memory.little(bytes((0x3F,)) + record[1:])  # 88 over 88
