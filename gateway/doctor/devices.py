"""Radio and cables: whether the kernel has them, whether we may use them, and who else does."""

from __future__ import annotations

import grp
import os
import pwd
from collections.abc import Iterator
from pathlib import Path

from gateway.doctor.finding import Finding
from gateway.doctor.machine import number, running, text
from gateway.service import USER

OLDEST = (5, 66)
"""Of bluetoothd, that the gateway is tried with (Debian 12)."""
RULES = ("etc/udev/rules.d", "usr/lib/udev/rules.d", "lib/udev/rules.d")
SEIZING = {
    "ModemManager": "takes serial adapters for modems, and writes to them",
    "brltty": "takes serial adapters for Braille displays",
}


def radio(root: Path, adapter: str | None) -> Iterator[Finding]:
    found = sorted(path.name for path in root.glob("sys/class/bluetooth/hci*") if ":" not in path.name)
    if not found:
        cure = "plug one in; on a Raspberry Pi take `dtoverlay=disable-bt` out of config.txt; `dmesg | grep -i bluetooth` says more"
        yield Finding("adapter", "problem", "the kernel knows no Bluetooth adapter", cure)
        return
    if adapter is not None and adapter not in found:
        yield Finding("adapter", "problem", f"there is no {adapter}", f"put one of these into bluetooth.adapter: {', '.join(found)}")
    blocked = list(_blocked(root))
    yield from blocked
    if not blocked:
        yield Finding("adapter", "ok", ", ".join(found))


def _blocked(root: Path) -> Iterator[Finding]:
    for path in sorted(root.glob("sys/class/rfkill/rfkill*")):
        if text(path / "type") == "bluetooth":
            if number(path / "hard"):
                yield Finding("adapter", "problem", "it is switched off by a key or switch of the machine", "switch it on there")
            elif number(path / "soft"):
                yield Finding("adapter", "problem", "it is blocked", "rfkill unblock bluetooth")


def service(root: Path, version: str | None) -> Iterator[Finding]:
    """`version`: what `bluetoothctl --version` says."""
    if "bluetoothd" not in running(root):
        yield Finding("bluetoothd", "problem", "it does not run", "apt install bluez; systemctl enable --now bluetooth")
        return
    parts = tuple(int(part) for part in (version or "").rpartition(" ")[2].split(".") if part.isdigit())
    if parts and parts < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        cure = "use a release of your distribution that has a newer one"
        yield Finding("bluetoothd", "warning", f"{version} is older than {oldest}, the oldest that the gateway is tried with", cure)
    else:
        yield Finding("bluetoothd", "ok", ".".join(map(str, parts)) or "it runs")


def cables(root: Path) -> Iterator[Finding]:
    """Nothing where nothing is plugged in that could be a health device's."""
    if not any(node for kind in ("ttyUSB", "ttyACM", "hidraw") for node in root.glob(f"dev/{kind}*")):
        return
    has_rules = any("health-gateway" in path.name for place in RULES for path in (root / place).glob("*.rules"))
    seizing = sorted(SEIZING.keys() & running(root))
    if has_rules:
        yield Finding("cables", "ok", "the udev rules are there")
        return
    cure = "copy systemd/health-gateway.udev to /etc/udev/rules.d/60-health-gateway.rules; `udevadm control --reload`; plug it in again"
    for name in seizing:
        yield Finding("cables", "warning", f"{name} runs: it {SEIZING[name]}; the udev rules that keep it off are not there", cure)
    if not seizing:
        yield Finding("cables", "warning", "the udev rules are not there: only root may open what is plugged in", cure)


def account(state: Path) -> Iterator[Finding]:
    """That the service's user may write where it must. Nothing is said where there is no such user: then somebody runs it by hand."""
    try:
        user = pwd.getpwnam(USER)
    except KeyError:
        return
    groups = set(os.getgrouplist(USER, user.pw_gid))
    missing = [name for name in ("dialout",) if _group(name) not in groups | {None}]
    if missing:
        cure = f"usermod -aG {','.join(missing)} {USER}; systemctl restart health-gateway"
        yield Finding("account", "warning", f"the user {USER} is not in {', '.join(missing)}: it may not open serial meters", cure)
    try:
        others = [path for path in (state, *state.iterdir()) if path.stat().st_uid != user.pw_uid]
    except OSError:
        return
    if others:
        cure = f"chown -R {USER}: {state}"
        yield Finding("account", "problem", f"{others[0]} does not belong to {USER}: somebody ran a command as another user", cure)
    elif not missing:
        yield Finding("account", "ok", f"{USER} may do what it must")


def _group(name: str) -> int | None:
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        return None
