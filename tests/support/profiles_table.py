"""Makes docs/profiles.md from the code: `python -m tests.support.profiles_table > docs/profiles.md`. A test compares the two."""

from __future__ import annotations

import inspect
import json
import re
import sys
from collections import Counter
from pathlib import Path
from types import ModuleType

from profiles.adv import FORMS
from profiles.gatt import FILES
from profiles.operations import Operation
from profiles.wire import Layout

ROOT = Path(__file__).parents[2]
HEAD = """# What is read

Generated from the code (`python -m tests.support.profiles_table`); a test keeps it true. Every characteristic in it is decoded and encoded
by one field table, and `health-gateway decode UUID HEX` shows what octets mean. *Vectors* are octets with meanings from other people's
devices and tests (`tests/vectors/`); where there are none, the table follows the document alone, and its clauses are to be read again
before conformance is claimed. *Driver* reads it into things; *virtual device* is what `demo` plays.

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


def page() -> str:
    drivers, devices = users("drivers/standard"), users("gateway/simulator")
    drivers["kit"] = users("drivers/kit")["steps"]
    lines = [HEAD]
    for file in FILES:
        layouts = [item for item in vars(file).values() if _is_table(item, file)]
        lines += [f"## {(file.__doc__ or '').splitlines()[0].split('. Source')[0].rstrip('.')}", ""]
        lines += ["| UUID | characteristic | vectors | driver | virtual device |", "| --- | --- | --- | --- | --- |"]
        for layout in sorted(layouts, key=lambda layout: layout.uuid):
            name = layout.__name__ + (" (by opcode)" if issubclass(layout, Operation) else "")
            lines.append(f"| {layout.uuid:04X} | {name} | {sources(layout.uuid)} | {named(layout, drivers)} | {named(layout, devices)} |")
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
