"""Laws over every driver of a device with a cable, beside those of all drivers."""

from __future__ import annotations

import pytest

from drivers import MAIN, CableDriver
from gateway import registry
from gateway.loading import LoadedCable
from profiles.framing import contec_wide, freestyle_hid, lifescan, taidoc

REGISTRY = registry.load()
DRIVERS = [pytest.param(item, id=item.driver.name) for item in REGISTRY.cables]
ERASING = {
    # What the makers' protocols have to erase or change a meter. Sources: as the drivers'.
    "onetouch-ultraeasy": [lifescan.written(bytes.fromhex("051a"), link) for link in range(4)],
    "onetouch-verio": [lifescan.written(bytes.fromhex("031a"))],
    "onetouch-ultra2": [b"\x11\rDMZ\r", b"\x11\rDMZ", b"DMZ\r"],
    "taidoc": [taidoc.written(0x52)],
    "contour": [b"ABC\x02W|", b"ABC\x02Q|", b"W|"],
    "contec-cms50": [bytes.fromhex("7d81ae8080808080"), b"\xf6\xf6\xf6", b"\xf5\xf5"],
    "beurer-bm58": [bytes((command,)) for command in range(256) if command not in (0xAA, 0xA4, 0xA2, 0xA3, 0xF7)],
    "beurer-serial": [bytes((command,)) for command in range(256) if command not in (0xAA, 0xA4, 0xA2, 0xA3, 0xF7)],
    "omron-hem790": [b"\x05CLR00", b"\x05END\xff\xff", b"\x08GME\0\0\0\0", b"\x05SRL01", b"\x02\0\0", b"\x07STM\0\0\0\0"],
    # AE erases what is recorded; A3 to AB ask, AD greets: what is not needed is not sent.
    "contec-cms50-new": [contec_wide.written(command) for command in range(256) if command not in (0xA1, 0xA2, 0xAF)],
    "freestyle-lite": [b"$colq", b"colq", b"clear", b"$tim,1,1,26,0,0"],
    "freestyle-optium": [b"$colq", b"$tim,1,1,26,0,0", b"$clear", b"xmem"],
    **{
        name: [freestyle_hid.written(kind, text) for kind in (0x60, 0x21) for text in (b"$date", b"$resetpatient", b"$clear", b"$ptname,X")]
        + [freestyle_hid.written(kind) for kind in range(256) if kind not in (0x04, 0x05, 0x15, 0x01)]
        for name in ("freestyle-neo", "freestyle-insulinx", "freestyle-libre")
    },
    "nonin": [b"\x02\x70\x02\x02\x08\x03", b""],
    "pos-scale": [bytes((2, 1)), bytes((2, 2))],
    "accu-chek-report": [b"", b"x"],
    "phd": [],
    "phd-tcp": [],
}


@pytest.mark.parametrize("loaded", DRIVERS)
def test_what_erases_cannot_be_sent(loaded: LoadedCable) -> None:
    """Not even by a driver that wanted to: it is on no list."""
    for data in ERASING[loaded.driver.name]:
        for channel in (MAIN, 3, 4, 5):
            assert loaded.driver.allowed(channel, data) is None, data.hex()


@pytest.mark.parametrize("loaded", DRIVERS)
def test_what_sets_a_clock_is_declared(loaded: LoadedCable) -> None:
    """So that the link refuses it without the owner's word."""
    setting = {
        "onetouch-ultraeasy": (MAIN, lifescan.written(bytes.fromhex("05200100000000"))),
        "onetouch-verio": (3, lifescan.written(bytes.fromhex("03200100000000"))),
        "onetouch-ultra2": (MAIN, b"\x11\rDMT01/01/26 00:00:00\r"),
        "taidoc": (MAIN, taidoc.written(0x33)),
        **{f"freestyle-{name}": (MAIN, freestyle_hid.written(0x60, b"$date,1,2,26")) for name in ("neo", "insulinx", "libre")},
        "phd": (MAIN, bytes.fromhex("e700001a0018000101070012 0000 0c17 000c 2026010100000000 00000000")),
    }
    if loaded.driver.name in setting:
        command = loaded.driver.allowed(*setting[loaded.driver.name])
        assert command is not None
        assert command.changes


def test_clearing_a_store_is_declared_as_forgetting() -> None:
    phd: CableDriver = REGISTRY.cable_by_name["phd"].driver
    command = phd.allowed(MAIN, bytes.fromhex("e7000014001200010107000c01000c0c0006000100020000"))
    assert command is not None
    assert command.forgets
    confirmation = phd.allowed(MAIN, bytes.fromhex("e700001e001c80010201001601000001c6130d21000c001000000000000000030080"))
    assert confirmation is not None
    assert confirmation.confirms


def test_no_two_drivers_claim_a_plug_that_is_not_anybody_s() -> None:
    claimed = [plug for item in REGISTRY.cables for plug in item.driver.plugs if not plug.generic]
    assert len(set(claimed)) == len(claimed)


def test_this_knows_every_driver() -> None:
    assert {item.driver.name for item in REGISTRY.cables} == set(ERASING)
