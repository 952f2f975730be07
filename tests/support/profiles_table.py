"""Makes docs/profiles.md from the code: `python -m tests.support.profiles_table > docs/profiles.md`. A test compares the two."""

from __future__ import annotations

import contextlib
import inspect
import json
import re
import sys
from collections import Counter
from enum import IntEnum
from pathlib import Path
from types import ModuleType

from gateway import registry
from profiles.adv import FORMS
from profiles.gatt import (
    FILES,
    cgm_control,
    generic_health_sensor,
    insulin_delivery,
    physical_activity,
    record_access,
    user_control,
)
from profiles.operations import Operation
from profiles.wire import DecodeError, Layout

ROOT = Path(__file__).parents[2]
HEAD = """# What is read

Generated from the code (`python -m tests.support.profiles_table`); a test keeps it true. Every characteristic in it is decoded and encoded
by one field table, and `health-gateway decode UUID HEX` shows what octets mean. *Vectors* are octets with meanings from other people's
devices and tests (`tests/vectors/`); where there are none, the table follows the document alone, and its clauses are to be read again
before conformance is claimed. *Procedure* is what a driver may write there; all but the setting of clocks are tested over the virtual
radio with a link that is cut at every packet. *Driver* reads it into things; *virtual device* is what `demo` plays.

"""


def users(package: str) -> dict[str, set[str]]:
    """Module name to the words in it, of every file of a package."""
    return {path.stem: set(re.findall(r"\w+", path.read_text())) for path in sorted((ROOT / package).glob("*.py"))}


def sources(uuid: int) -> str:
    path = ROOT / "tests" / "vectors" / "gatt" / f"{uuid:04X}.json"
    if not path.exists():
        return ""
    found = Counter(vector["source"].split()[0].split("@")[0] for vector in json.loads(path.read_text())["vectors"])
    return f"{found.total()} ({', '.join(name for name, _ in found.most_common(2))})"


def named(layout: type[Layout], where: dict[str, set[str]]) -> str:
    return ", ".join(name.replace("_", " ") for name, said in where.items() if layout.__name__ in said)


def ways(layout: type[Layout]) -> str:
    """Tried with its vectors, or with zeros where there are none: what comes out must be read as the same again."""
    path = ROOT / "tests" / "vectors" / "gatt" / f"{layout.uuid:04X}.json"
    given = [bytes.fromhex(vector["bytes"]) for vector in json.loads(path.read_text())["vectors"]] if path.exists() else []
    for data in (*given, *(bytes(size) for size in range(1, 40))):
        with contextlib.suppress(DecodeError):
            value = layout.decode(data)
            return "yes, yes" if layout.decode(value.encode()) == value else "yes, no"
    return "no, no"


def procedures_of() -> dict[int, str]:
    """By characteristic: what the drivers may write to it, out of their allow-lists."""
    found: dict[int, dict[str, None]] = {}
    for item in registry.load().loaded:
        for command in item.driver.commands:
            opcodes = next((POINTS[uuid] for uuid in POINTS if uuid == command.characteristic), None)
            first = next(iter(command.octets), None)
            name = "set" if opcodes is None or first is None else opcodes(first).name.lower().replace("_", " ")
            found.setdefault(command.characteristic, {})[name] = None
    return {characteristic: ", ".join(names) for characteristic, names in found.items()}


POINTS: dict[int, type[IntEnum]] = {
    record_access.RecordAccessControlPoint.uuid: record_access.OpCode,
    user_control.UserControlPoint.uuid: user_control.OpCode,
    cgm_control.CGMSpecificOpsControlPoint.uuid: cgm_control.OpCode,
    generic_health_sensor.GHSControlPoint.uuid: generic_health_sensor.OpCode,
    physical_activity.PhysicalActivityMonitorControlPoint.uuid: physical_activity.OpCode,
    insulin_delivery.IDDRecordAccessControlPoint.uuid: insulin_delivery.RecordOpCode,
}


def page() -> str:
    drivers, devices = users("drivers/standard"), users("gateway/simulator")
    kit = users("drivers/kit")
    drivers["kit"] = kit["steps"] | kit["clocks"]
    procedures = procedures_of()
    lines = [HEAD]
    for file in FILES:
        layouts = [item for item in vars(file).values() if _is_table(item, file)]
        lines += [f"## {(file.__doc__ or '').splitlines()[0].split('. Source')[0].rstrip('.')}", ""]
        lines += ["| UUID | characteristic | decoded, encoded | vectors | procedure | driver | virtual device |", "| --- " * 7 + "|"]
        for layout in sorted(layouts, key=lambda layout: layout.uuid):
            name = layout.__name__ + (" (by opcode)" if issubclass(layout, Operation) else "")
            cells = (f"{layout.uuid:04X}", name, ways(layout), sources(layout.uuid), procedures.get(layout.uuid, ""))
            lines.append(f"| {' | '.join((*cells, named(layout, drivers), named(layout, devices)))} |")
        lines.append("")
    adv = Counter(vector["form"] for vector in json.loads((ROOT / "tests" / "vectors" / "adv.json").read_text())["vectors"])
    names = ", ".join(form.name for form in FORMS)
    lines += ["## Advertisements", "", f"Decoded: {names}. The driver `advertised` reads those that say when a reading is finished.", ""]
    lines += ["| vectors of | count |", "| --- | --- |", *(f"| {name} | {count} |" for name, count in sorted(adv.items()))]
    return "\n".join(lines) + "\n"


def _is_table(item: object, file: ModuleType) -> bool:
    return inspect.isclass(item) and issubclass(item, Layout) and item.uuid != 0 and item.__module__ == file.__name__


if __name__ == "__main__":
    sys.stdout.write(page())
