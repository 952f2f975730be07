"""Ascensia (Bayer) Contour USB, Next, Next USB, Next One, Plus and Next Link: HID reports that carry E1381 frames of E1394 records.

Flow: EOT has the meter begin with ENQ; every frame is acknowledged, a damaged one asked for again; H says who it is and what its clock
shows, each R is a result; it ends with L and EOT. Newer ones send no EOT. No command is sent, only EOT, ACK and NAK.
Source: glucometers-tech/glucometerutils and its tests, tidepool-org/uploader; ASTM E1381-95 and E1394-97.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from decimal import Decimal, InvalidOperation

from drivers import (
    MAIN,
    Batch,
    CableDriver,
    CableLink,
    Command,
    Confused,
    DeviceClock,
    DeviceInfo,
    Frame,
    Glucose,
    Hid,
    Key,
    Ordinals,
    Plug,
    Quantity,
    Silent,
    Talk,
)
from profiles.framing import astm
from profiles.wire import DecodeError

PRODUCTS = (0x6002, 0x7410, 0x7350, 0x7800, 0x7900, 0x6200, 0x6300, 0x6210)
_UNITS = {"mg/dL": "mg/dL", "mmol/L": "mmol/L"}
_MEALS = {"B": "preprandial", "A": "postprandial", "F": "fasting"}
_ACK, _NAK, _EOT = (astm.report(bytes((one,))) for one in (astm.ACK, astm.NAK, astm.EOT))


class _Reports:
    """Reports, and the frames in them."""

    def __init__(self) -> None:
        self._framer = astm.Framer()

    def feed(self, data: bytes) -> Iterator[astm.Piece]:
        yield from self._framer.feed(astm.carried(data) if data else b"")


async def read(link: CableLink) -> AsyncGenerator[Batch]:
    talk, ordinals = Talk(link, _Reports(), repeat=_NAK), Ordinals()
    has_ended, is_asked, last = False, False, None
    await link.send(_EOT)  # its ENQ may be lost: Linux drops what a HID device says before somebody listens, and 50 ms longer
    while (said := await talk.next()) is not None:
        piece, frame = said
        if piece == astm.ENQ and is_asked:
            continue  # both it and our EOT have begun
        is_asked = piece == astm.ENQ
        if isinstance(piece, astm.Frame) and piece.number != last:  # one that comes again was not heard to be acknowledged
            if last is None and not piece.text.startswith("H|"):
                raise Confused("it goes on where it was interrupted, and does not say who it is: unplug it, and plug it in again")
            last = piece.number
            items = tuple(understood(link, piece, frame, ordinals))
            if items:
                yield Batch(items)
            has_ended = piece.text.startswith("L|") or piece.text == "L"
        if piece == astm.EOT or has_ended:
            await link.send(_ACK)
            break
        await link.send(_ACK)
    if not talk.said_anything:
        raise Silent("the meter says nothing: unplug it, and plug it in again")
    if not has_ended and talk.damaged:
        raise Confused("a damaged record was not said again")


def understood(link: CableLink, piece: astm.Frame, frame: Frame, ordinals: Ordinals) -> Iterator[DeviceInfo | DeviceClock | Glucose]:
    if piece.text.startswith("H|"):
        yield from header(piece.text, frame)
    elif piece.text.startswith("R|"):
        found = result(link, piece.text, frame, ordinals)
        if found is not None:
            yield found


def result(link: CableLink, text: str, frame: Frame, ordinals: Ordinals) -> Glucose | None:
    try:
        return reading(astm.result(text), text, frame, ordinals)
    except DecodeError as error:
        link.reject(frame, error)
        return None


def header(text: str, frame: Frame) -> Iterator[DeviceInfo | DeviceClock]:
    r"""`H|\^&||<password>|Bayer7390^01.10\01.04\04.02^7396-1234567^7403-|A=1^C=…|…|P|1|201209121541`"""
    fields = text.split("|")
    maker, _, rest = (fields[4] if len(fields) > 4 else "").partition("^")  # noqa: PLR2004 - the sender
    versions, _, serial = rest.partition("^")
    yield DeviceInfo(
        frame=frame,
        manufacturer="Ascensia",
        model=maker or None,
        firmware=versions or None,
        serial_number=serial.split("^")[0].split("-")[-1].strip() or None,
    )
    try:
        now = astm.stamp(fields[-1].strip())
    except ValueError:
        now = None
    if now is not None:
        yield DeviceClock(frame, now)


def reading(said: astm.Result, text: str, frame: Frame, ordinals: Ordinals) -> Glucose | None:
    """None for what is no glucose (insulin, carbohydrates), and for what has no number."""
    if said.test != "Glucose" or said.unit not in _UNITS or not {"<", ">"}.isdisjoint(said.markers):
        return None
    try:
        value = Decimal(said.value)
    except InvalidOperation as error:
        raise DecodeError("E1394 result", "value", 0, "is no number", text.encode()) from error
    if said.time is None:
        raise DecodeError("E1394 result", "time", 0, "is missing", text.encode())
    fields = text.split("|")
    # Not its sequence, which counts anew at every transfer, nor its meal, which may be marked later.
    measured = f"{fields[3]}|{fields[4]}|{'C' if 'C' in said.markers else ''}".encode()
    return Glucose(
        frame=frame,
        key=Key.content(said.time, None, measured, ordinals.next(said.time, measured)),
        device_time=said.time,
        concentration=Quantity(value, _UNITS[said.unit]),
        sample_type="control_solution" if "C" in said.markers else "capillary_whole_blood" if said.method == "B" else "capillary_plasma",
        meal=next((meal for mark, meal in _MEALS.items() if mark in said.markers), None),
    )


DRIVER = CableDriver(
    name="contour",
    label="Contour USB, Next, Next USB, Next One, Plus, Next Link (USB)",
    plugs=tuple(Plug(usb=(0x1A79, product)) for product in PRODUCTS),
    wire=Hid(),
    read=read,
    commands=tuple(Command(MAIN, one[:5]) for one in (_ACK, _NAK, _EOT)),
    once=True,
)
