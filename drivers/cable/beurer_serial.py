"""Beurer BM65, BM58 and cuffs of Sanitas with a serial cable, which is a USB-serial adapter inside.

Flow: the words of the HID cable (`drivers.cable.beurer_bm58`), one octet each, at 4,800 baud: hello (AA, answered by 55), who it is, how
many records there are, and each of them behind an octet AC; goodbye (F7). It answers only after it was plugged in ("PC").
Source: atbrask.dk on the BM65; babo/bm58, DaveDavenport/BPM.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator

from drivers import GENERIC_CABLES, Batch, CableDriver, CableLink, Confused, DeviceInfo, Frame, Ordinals, Serial, Silent, Stranger
from drivers.cable.beurer_bm58 import COMMANDS, COUNT, GOODBYE, HELLO, IDENTITY, IDENTITY_SIZE, MOST_RECORDS, READY, RECORD, SIZE, reading
from profiles.wire import DecodeError

BEGINS = 0xAC


async def ask(link: CableLink, *octets: int, size: int) -> tuple[bytes, Frame]:
    """As many octets of answer. Raises `Silent`."""
    await link.send(bytes(octets))
    said = b""
    while (frame := await link.receive()) is not None:
        said += frame.data
        if len(said) >= size:
            return said, frame
    raise Silent('no answer: plug it in again, it must show "PC"')


async def read(link: CableLink) -> AsyncGenerator[Batch]:
    hello, _ = await ask(link, HELLO, size=1)
    if hello != bytes((READY,)):
        raise Stranger("no cuff of this kind")
    name, first = await ask(link, IDENTITY, size=IDENTITY_SIZE)
    text = bytes(octet for octet in name if 0x20 <= octet < 0x7F).decode().strip()  # noqa: PLR2004 - printable
    yield Batch((DeviceInfo(frame=first, manufacturer="Beurer", model=text or None),))
    count, _ = await ask(link, COUNT, size=1)
    ordinals = Ordinals()
    for index in range(1, min(count[0], MOST_RECORDS) + 1):
        said, frame = await ask(link, RECORD, index, size=1 + SIZE)
        if said[0] != BEGINS:
            raise Confused("its records do not begin as they should")
        try:
            found = reading(said[1:], frame, ordinals)
        except DecodeError as error:
            link.reject(frame, error)
            continue
        yield Batch((found,))
    await link.send(bytes((GOODBYE,)))


DRIVER = CableDriver(
    name="beurer-serial",
    label="Beurer BM65, BM58, Sanitas cuffs (serial cable)",
    plugs=GENERIC_CABLES,
    wire=Serial(baud=4800),
    read=read,
    commands=COMMANDS,
    once=True,
)
