"""Other people's octets against our framers, and what every framer must do."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from profiles.framing import astm, contec, contec_wide, freestyle_hid, freestyle_text, lifescan, nonin, taidoc
from profiles.framing.pieces import Lines
from profiles.wire import DecodeError

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "framing.json").read_text())["vectors"]


def plain(said: Any) -> dict[str, Any]:
    return {name: str(value) if name in ("time", "device_time", "timestamp") else value for name, value in said.items()}


def result(text: bytes) -> dict[str, Any]:
    said = astm.result(text.decode())
    return {
        "record": "R",
        "sequence": said.sequence,
        "test": said.test,
        "glucose_mg_dL": int(said.value),
        "reference_method": said.method,
        "markers": list(said.markers),
        "timestamp": str(said.time),
    }


def report(data: bytes) -> dict[str, Any]:
    """Of what a host sends: the layout is the same both ways."""
    [said] = freestyle_hid.Framer().feed(data)
    return {"message_type": said.kind, "command": said.data.decode()}


def answer(text: bytes) -> dict[str, Any]:
    said = freestyle_hid.answer(text)
    if not said.is_done:
        raise DecodeError("freestyle answer", "word", 0, "is no success", text)
    return {"reply": said.data.decode().strip()}


READ: dict[str, Callable[[bytes], dict[str, Any]]] = {
    "contec-live": lambda data: contec.live(data)._asdict(),
    "contec-recorded": lambda data: contec.recorded(data)._asdict(),
    "freestyle-time": lambda data: {"device_time": str(freestyle_text.moment(data.decode()))},
    "freestyle-report": report,
    "freestyle-answer": answer,
    "contour-result": result,
    "taidoc-time": lambda data: {"timestamp": str(taidoc.stamp(data))},
    "lifescan-crc": lambda data: {"crc16_ccitt": lifescan.crc(data)},
}


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: f"{vector['layout']} {vector['bytes']}")
def test_a_vector_reads_as_its_source_says(vector: dict[str, Any]) -> None:
    read, data = READ[vector["layout"]], bytes.fromhex(vector["bytes"])
    assert len(vector["source"]) > 10
    if vector.get("expect_error"):
        with pytest.raises(DecodeError):
            read(data)
    else:
        assert read(data) == vector["expect"]


STREAMS: dict[str, tuple[Callable[[], Any], bytes, int]] = {
    # Whole messages with damage between them, and how many come whole.
    "lifescan": (lifescan.Framer, lifescan.written(b"\x05\x06abc"), 1),
    "astm": (astm.Framer, astm.written(1, "R|8|^^^Glucose|133|mg/dL^P||B/X||201202052034"), 1),
    "taidoc": (taidoc.Framer, taidoc.written(0x26, b"\x10\x20\x30\x40", direction=taidoc.FROM_METER), 1),
    "contec": (contec.Framer, bytes.fromhex("8463054861"), 1),
    "nonin": (nonin.Framer, nonin.written(61, 97), 1),
    "nonin 7": (nonin.Framer, nonin.written(61, 97, data_format=7), 1),
    "nonin 8": (nonin.SlowFramer, nonin.written(301, 97, data_format=8), 1),
    "contec wide": (contec_wide.Framer, contec_wide.packed(1, bytes((7, 9, 5, 143, 97, 128, 0))), 1),
    "freestyle": (freestyle_text.Framer, freestyle_text.summed(b"\r\nA\r\nB\r\n"), 1),
    "lines": (Lines, b"P 001\r", 1),
}


@pytest.mark.parametrize("name", STREAMS)
def test_a_framer_is_fed_whole_octet_by_octet_and_with_a_tail(name: str) -> None:
    make, whole, count = STREAMS[name]
    expected = list(make().feed(whole))
    assert len(expected) == count
    one_by_one = make()
    assert [item for octet in whole for item in one_by_one.feed(bytes((octet,)))] == expected
    assert list(make().feed(whole + whole[:3])) == expected
    for size in range(len(whole)):
        assert list(make().feed(whole[:size])) == [], size


@pytest.mark.parametrize("name", ["lifescan", "astm", "taidoc", "freestyle"])
def test_a_bit_that_flips_is_found(name: str) -> None:
    """And what follows is read."""
    make, whole, _ = STREAMS[name]
    expected = list(make().feed(whole))
    for at in range(len(whole)):
        framer = make()
        found: list[object] = []
        data = whole[:at] + bytes((whole[at] ^ 0x01,)) + whole[at + 1 :] + whole
        for _ in range(len(data) + 1):
            try:
                found.extend(framer.feed(data))
                break
            except DecodeError:
                data = b""
        assert [item for item in found if item not in expected] == [], at


def test_a_list_says_how_long_it_is_and_its_sum() -> None:
    text = freestyle_hid.listed(["7,1,11,25,26,8,30,0,104", "9,2,11,25,26,8,31,0,9"])
    assert [fields[0] for fields in freestyle_hid.records(text)] == ["7", "9"]
    assert freestyle_hid.records(freestyle_hid.listed([])) == []
    for damaged in (text.replace(b"104", b"105"), text.replace(b"\r\n2,", b"\r\n3,"), text[text.index(b"\n") + 1 :], text[:-3], b""):
        with pytest.raises(DecodeError):
            freestyle_hid.records(damaged)


def test_an_answer_runs_over_many_reports_with_others_between_them() -> None:
    framer = freestyle_hid.Framer()
    text = freestyle_hid.ended(b"x" * 200 + b"\r\n")
    [first, *others] = freestyle_hid.reported(text)
    assert list(framer.feed(first)) == []
    assert list(framer.feed(freestyle_hid.written(freestyle_hid.KEEP_ALIVE).ljust(64, b"\0"))) == []
    [message] = [message for one in others for message in framer.feed(one)]
    assert message.data == b"x" * 200 + b"\r\n"
    with pytest.raises(DecodeError):
        list(framer.feed(b"\x60\x3f".ljust(64, b"x")))


def test_what_an_optium_says_behind_an_answer_is_in_no_sum() -> None:
    whole = freestyle_text.summed(b"\r\nA\r\n")
    assert len(list(freestyle_text.Framer().feed(b"CMD Fail!\r\n" + whole + b"CMD OK\r\n" + whole))) == 2


def test_a_packet_of_the_newer_contec_keeps_its_highest_bits() -> None:
    said = bytes((0x80, 1, 0xFF, 143, 97, 0, 0x90))
    assert contec_wide.packed(1, said) == bytes.fromhex("01cd80 81ff8fe18090")
    assert [packet.data for packet in contec_wide.Framer().feed(contec_wide.packed(1, said))] == [said]
    shorter = contec_wide.packed(0x0F, said[:4]) + contec_wide.packed(1, said)
    assert [packet.data for packet in contec_wide.Framer().feed(shorter)] == [said[:4], said]


def test_what_has_begun_in_one_format_goes_on_in_it() -> None:
    """Octets that would be a frame of the other are damage."""
    framer = nonin.Framer()
    assert len(list(framer.feed(nonin.written(61, 97)))) == 1
    assert framer.data_format == 2
    assert list(framer.feed(nonin.written(62, 98, data_format=7))) == []
    assert [packet.pulse_rate for packet in framer.feed(nonin.written(63, 99))] == [63]


def test_a_status_bit_of_a_slow_oximeter_is_no_pulse() -> None:
    [packet] = nonin.SlowFramer().feed(bytes((0x80 | 0x40 | 0x03, 0x7F, 0x7F, 0x00)))
    assert (packet.pulse_rate, packet.spo2, packet.is_disconnected) == (None, None, True)
