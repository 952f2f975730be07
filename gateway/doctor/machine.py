"""The hub itself: power, disk, clock, and what else runs on it. What is read stands below `root`, as the kernel shows it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from gateway.doctor.finding import Finding

WORN_LIFE = 9
"""Of `life_time`, in tenths: 80 to 90 % of what the maker promises are used up."""
UNDER_VOLTAGE_NOW, UNDER_VOLTAGE_SINCE = 1 << 0, 1 << 16
_THROTTLED = "sys/devices/platform/soc/soc:firmware/get_throttled"
_REPLACE = "copy what is there (`health-gateway backup`), and put it on a new card (`health-gateway restore`)"


def text(path: Path) -> str | None:
    """None where it cannot be read."""
    try:
        return path.read_text("utf-8", "replace").strip("\0 \n")
    except OSError:
        return None


def number(path: Path) -> int | None:
    try:
        return int(text(path) or "", 0)
    except ValueError:
        return None


def running(root: Path) -> set[str]:
    """Names of programs, as the kernel has them: 15 letters at most."""
    return {name for path in root.glob("proc/[0-9]*/comm") if (name := text(path))}


def power(root: Path) -> Iterator[Finding]:
    """A Raspberry Pi tells whether its supply is too weak; then USB and radio fail first."""
    said = text(root / _THROTTLED)
    if said is None:
        return
    try:
        bits = int(said, 16)
    except ValueError:
        return
    cure = "use the power supply that belongs to the board, and a short, thick cable; put USB devices on a hub with its own supply"
    if bits & UNDER_VOLTAGE_NOW:
        yield Finding("power", "problem", "the voltage is too low right now", cure)
    elif bits & UNDER_VOLTAGE_SINCE:
        yield Finding("power", "warning", "the voltage has been too low since the last start", cure)
    else:
        yield Finding("power", "ok", "the voltage has been high enough since the last start")


def card(root: Path) -> Iterator[Finding]:
    """Cards and eMMC count how worn they are; ext4 counts the errors that it has met."""
    for path in sorted(root.glob("sys/block/mmcblk*")):
        lives = [int(one, 16) for one in (text(path / "device/life_time") or "").split() if one.startswith("0x")]
        ending = number(path / "device/pre_eol_info") or 0
        if max(lives, default=0) >= WORN_LIFE or ending > 1:
            yield Finding("card", "warning", f"{path.name} is nearly worn out", _REPLACE)
        elif lives:
            yield Finding("card", "ok", f"{path.name} has used up about {max(lives) * 10} % of its life")
    for path in sorted(root.glob("sys/fs/ext4/*/errors_count")):
        if count := number(path):
            yield Finding("card", "problem", f"the file system on {path.parent.name} has met {count} errors", _REPLACE)


def disk(state: Path, reserve_mb: int) -> Iterator[Finding]:
    place = next((path for path in (state, *state.parents) if path.exists()), Path("/"))
    found = os.statvfs(place)
    free, whole = found.f_bavail * found.f_frsize >> 20, found.f_blocks * found.f_frsize >> 20
    if found.f_flag & os.ST_RDONLY:
        yield Finding("disk", "problem", f"{place} is mounted read-only", "the kernel does that when a disk fails: look at `dmesg`")
    elif free < min(reserve_mb, whole // 20):
        cure = "make room, or let old things go: disk.keep_days, disk.keep_mb"
        yield Finding("disk", "problem", f"{free} MB are free at {place}, less than the reserve: no session begins", cure)
    else:
        yield Finding("disk", "ok", f"{free} MB are free at {place}")


def clock(root: Path, *, synchronized: bool, zone: str, offset_minutes: int) -> Iterator[Finding]:
    if synchronized:
        yield Finding("clock", "ok", "synchronized")
    else:
        cure = "see that the hub reaches the network; `timedatectl set-ntp true`, then `timedatectl timesync-status`"
        yield Finding("clock", "warning", "not synchronized: what devices without a clock say waits until it is", cure)
    if not any(root.glob("sys/class/rtc/rtc*")):
        yield Finding("clock", "ok", "there is none with a battery: after a power cut it is wrong until the network has told it")
    if zone == "UTC" and not offset_minutes:
        cure = "timedatectl set-timezone Europe/Berlin, or wherever you live"
        said = "UTC, as a fresh image has it: what devices say is filed hours off if you live elsewhere"
        yield Finding("time zone", "warning", said, cure)
    else:
        yield Finding("time zone", "ok", f"{zone}, {offset_minutes / 60:+g} h from UTC now")
