"""What is fuzzed: the decoders by family, with other people's octets to begin with."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.cli.sightings import sighting
from gateway.sealed import opener
from profiles import acom, adv
from profiles.acom_writer import encode
from profiles.describe import describe
from profiles.framing import astm, contec, contec_wide, freestyle_hid, freestyle_text, lifescan, nonin, taidoc
from profiles.framing.pieces import Lines
from profiles.gatt import FILES, insulin_history, layouts
from profiles.gatt.insulin_delivery import HistoryEvent, IDDHistoryData, IDDRecordAccessControlPoint
from profiles.phd import apdu as apdus
from profiles.phd.association import Association
from profiles.phd.manager import Manager
from profiles.segments import Reassembler, Segment, SegmentError, split
from profiles.wire import DecodeError, Layout

VECTORS = Path(__file__).parents[1] / "vectors"
CORPUS = Path(__file__).with_name("corpus")
KEY = "231d39c1d7cc1ab1aee224cd096db932"


@dataclass(frozen=True, slots=True)
class Family:
    target: Callable[[bytes], object]
    seeds: tuple[bytes, ...]
    allowed: tuple[type[Exception], ...] = (DecodeError,)


def _table_seeds(table: type[Layout], index: int) -> list[bytes]:
    path = VECTORS / "gatt" / f"{table.uuid:04X}.json"
    found = json.loads(path.read_text())["vectors"] if path.exists() else []
    return [bytes((index,)) + bytes.fromhex(vector["bytes"]) for vector in found] or [bytes((index,)) + bytes(20)]


def _tables(tables: list[type[Layout]]) -> Family:
    """The first octet chooses one of them. What is read is shown, and written again."""

    def target(data: bytes) -> None:
        table = tables[data[0] % len(tables)] if data else tables[0]
        value = table.decode(data[1:])
        describe(value)
        try:
            value.encode()
        except ValueError as error:
            if "11073" not in str(error):  # numbers that have no second spelling once an infinity sits there
                raise

    return Family(target, tuple(seed for index, table in enumerate(tables) for seed in _table_seeds(table, index)))


def _segments(data: bytes) -> None:
    """The first octet cuts the rest into segments of that size."""
    reassembler, size = Reassembler(largest=100), (data[0] % 20 + 1) if data else 1
    for at in range(1, len(data), size):
        whole, problem = reassembler.feed(Segment.of(data[at : at + size]))
        assert whole is None or len(whole) <= 100
        assert problem is None or isinstance(problem, SegmentError)


def _advertisement(data: bytes) -> None:
    """An octet for the kind and two for the identifier, then what is in it; half of them with a key."""
    identifier, rest = int.from_bytes(data[1:3], "little"), data[3:]
    where = "service_data" if data[:1] < b"\x80" else "manufacturer_data"
    seen = sighting({where: {f"{identifier:x}": rest.hex()}, "name": "IF_B7"}, "A4:C1:38:8D:18:B2")
    adv.decode(seen, opener(bytes.fromhex(KEY)) if data[:1] < b"\x40" else adv.no_key)


def _advertisement_seeds() -> tuple[bytes, ...]:
    found = []
    for vector in json.loads((VECTORS / "adv.json").read_text())["vectors"]:
        seen = sighting(vector["advertisement"], None)
        found += [b"\x00" + uuid.to_bytes(2, "little") + data for uuid, data in seen.service_data.items()]
        found += [b"\x80" + company.to_bytes(2, "little") + data for company, data in seen.manufacturer_data.items()]
    return tuple(found)


def _observation_seeds() -> tuple[bytes, ...]:
    numeric = bytes.fromhex("01 0c00 0100 5c4b0200 a017 6d0100ff".replace(" ", ""))
    bundle = b"\xff" + (len(numeric) + 4).to_bytes(2, "little") + b"\x20\x00\x03\x01" + numeric
    heads = [bytes((kind, 4, 0, 0, 0, 0, 0)) for kind in range(1, 9)]
    return (numeric, bundle, *heads)


def _observation(data: bytes) -> None:
    """What is read can be written, and read again."""
    said = acom.decode(data)
    try:
        written = encode(said)
    except ValueError as error:
        if "11073" not in str(error):  # as above
            raise
        return
    assert [one.value for one in acom.single(acom.decode(written))] == [one.value for one in acom.single(said)]


def _structures(data: bytes) -> None:
    """Octets of an advertisement, and those that are made of what they say."""
    said = adv.Sighting.of(data)
    again = adv.Sighting.of(said.octets)
    assert (again.service_data, again.manufacturer_data, again.address) == (said.service_data, said.manufacturer_data, said.address)


def _insulin(data: bytes) -> None:
    """An event of the history, protected or not, or an answer of its record access."""
    plain = insulin_history.unprotected(data[1:])[0] if data[:1] < b"\x80" else data[1:]
    if data[:1] < b"\x40":
        insulin_history.from_device(IDDRecordAccessControlPoint.decode(plain))
    else:
        insulin_history.event(IDDHistoryData.decode(plain))


def _insulin_seeds() -> tuple[bytes, ...]:
    event = IDDHistoryData(HistoryEvent.BOLUS_DELIVERED_PART_1, 1, 0, bytes(9)).encode()
    reference = IDDHistoryData(HistoryEvent.REFERENCE_TIME, 1, 0, bytes(10)).encode()
    answers = (bytes.fromhex("660f01000000"), bytes.fromhex("0f0f33f0"))
    return (
        *(b"\x41" + insulin_history.protected(one, 1) for one in (event, reference)),
        b"\xff" + event,
        *(b"\x01" + insulin_history.protected(one, 1) for one in answers),
    )


def _phd(data: bytes) -> None:
    """APDUs of one association, each with its length in front of it in the input: as heard, and as managed."""
    association, manager, stream = Association(), Manager(b"12345678"), apdus.Stream()
    with suppress(DecodeError):
        for apdu in stream.feed(data):
            with suppress(DecodeError):
                association.hear(apdu)
            try:
                step = manager.receive(apdu, 0.0)
            except DecodeError:
                step = manager.refuse(apdu)
            assert len(step.send) <= 16
    for _ in range(100):
        if manager.silent() is None:
            return
    raise AssertionError("the manager waits for ever")


def _phd_seeds() -> tuple[bytes, ...]:
    sessions = [json.loads(path.read_text()) for path in sorted((VECTORS / "phd").glob("*.json"))]
    return tuple(b"".join(bytes.fromhex(one["hex"]) for one in session["messages"] if one["from"] == "agent") for session in sessions)


NEWER = (nonin.SlowFramer, contec_wide.Framer)


def _framers(data: bytes) -> None:
    """The first octet chooses a framer, the second how the rest is cut: nothing is kept without end, and the cuts change nothing.
    What comes in reports cannot be cut otherwise.
    """
    if data[:1] == b"\xff":
        for said in _fed(freestyle_hid.Framer(), [data[at : at + freestyle_hid.SIZE] for at in range(1, len(data), freestyle_hid.SIZE)]):
            assert isinstance(said, freestyle_hid.Message)
            with suppress(DecodeError):
                freestyle_hid.records(said.data)
        return
    makes = (lifescan.Framer, astm.Framer, taidoc.Framer, contec.Framer, Lines, nonin.Framer, freestyle_text.Framer, *NEWER)
    make, size = makes[data[0] % len(makes)] if data else makes[0], data[1] % 7 + 1 if len(data) > 1 else 1
    whole, pieces = _fed(make(), [data[2:]]), _fed(make(), [data[at : at + size] for at in range(2, len(data), size)])
    assert whole == pieces


def _fed(framer: Any, parts: list[bytes]) -> list[object]:
    found: list[object] = []
    for part in parts:
        rest = part
        for _ in range(len(part) + 2):
            try:
                found.extend(framer.feed(rest))
                break
            except DecodeError:
                rest = b""
    return found


def _framer_seeds() -> tuple[bytes, ...]:
    texts = (
        lifescan.written(bytes.fromhex("050d02"), 3) + lifescan.written(b"\x05\x06abc"),
        b"\x05" + astm.written(1, "R|8|^^^Glucose|133|mg/dL^P||B/X||201202052034") + b"\x04",
        taidoc.written(0x26, b"\x10\x20\x30\x40", direction=taidoc.FROM_METER),
        bytes.fromhex("8463054861") * 3,
        b'P 001,"PVD12345Z","MG/DL " 0433\r\nF\r',
        nonin.written(61, 97),
        freestyle_text.summed(b"\r\nCJMV154-D0083\r\n1.43 -P\r\nApr  24 2014 17:57:00\r\n000\r\n"),
        nonin.written(301, 97, data_format=8) * 3,
        contec_wide.packed(1, bytes((7, 9, 5, 143, 97, 128, 0))) * 2,
    )
    listed = freestyle_hid.ended(freestyle_hid.listed(["7,1,11,25,26,8,30,0,104,0,0", "9,2,11,25,26,8,31,0,9,0,0"]))
    reports = b"\xff" + b"".join(freestyle_hid.reported(listed))
    return (*(bytes((index, 3)) + text for index, text in enumerate(texts)), reports)


def families() -> dict[str, Family]:
    made = {file.__name__.rpartition(".")[2]: _tables([t for t in layouts() if t.__module__ == file.__name__]) for file in FILES}
    made["segments"] = Family(_segments, tuple(b"\x07" + b"".join(split(bytes(range(40)), room)) for room in (3, 8, 50)), ())
    made["observations"] = Family(_observation, _observation_seeds())
    made["insulin_history"] = Family(_insulin, _insulin_seeds(), (DecodeError, ValueError))
    made["structures"] = Family(_structures, (bytes.fromhex("0303d2fc0816d2fc40060a0005ff57010203"),), ())
    made["phd"] = Family(_phd, _phd_seeds(), ())
    made["framers"] = Family(_framers, _framer_seeds(), ())
    made["advertisements"] = Family(_advertisement, _advertisement_seeds(), (DecodeError, adv.Unknown, adv.Locked))
    return made


def kept(name: str) -> tuple[bytes, ...]:
    """What earlier runs have found worth keeping."""
    path = CORPUS / f"{name}.txt"
    return tuple(map(bytes.fromhex, path.read_text().split())) if path.exists() else ()
