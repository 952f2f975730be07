"""`python -m tests.support.directory`: what the captures show of each device, for those who have no captures; and docs/devices.md."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from gateway import registry
from gateway.conformance import case_beside
from gateway.directory import FACTS, entries, facts_of, stored

PAGE = Path(__file__).parents[2] / "docs" / "devices.md"
HEAD = """# Devices

Made by `make directory` of the drivers, `drivers/catalog.json` and what the captures of the tests give; `make test` tells when it is
behind. On the hub, `health-gateway devices WORDS` searches it. What is missing, and why: [wanted](wanted.md).

Read "tested by" before you buy: a *virtual device* or *constructed octets* are ours, made by the specification; *published vectors* are
octets of other people's tests and captures, most of them of real devices; *a real device* is a report like those that
`health-gateway devices report` writes. Tell us of yours.

| maker | device | known by | reads | stored records | clock | users | tested by | driver |
| --- | --- | --- | --- | --- | --- | --- | --- | --- |
"""


def known() -> str:
    """The text of `drivers/facts.json`."""
    loaded = registry.load()
    found = {name: stored(facts_of(case_beside(item, loaded))) for name, item in sorted(loaded.by_name.items())}
    return json.dumps(found, indent=1) + "\n"


def page() -> str:
    """The text of docs/devices.md."""
    loaded = registry.load()
    lines = []
    for one in entries(loaded):
        facts = one.facts
        names = ", ".join(f"`{name}`" if " " not in name else name for name in one.names)
        cells = [one.maker or "any", one.device, f"{one.transport}: {names}", ", ".join(facts.reads), "yes" if facts.stored else "no"]
        cells += [facts.clock, "yes" if facts.users else "no", ", ".join(facts.tested), f"[`{one.driver}`](#{one.driver})"]
        lines.append("| " + " | ".join(cells) + " |")
    told = ["", "## What each driver does", ""]
    for name, item in sorted(loaded.by_name.items()):
        flow, source = (" ".join(part.split()) for part in item.story.split("Flow:")[1].split("Source:"))
        told += [f"### {name}", "", f"{item.driver.label}. {flow[:1].upper()}{flow[1:]}", "", f"Source: {source}", ""]
    return HEAD + "\n".join([*lines, *told]).rstrip() + "\n"


def main() -> int:
    FACTS.write_text(known())
    PAGE.write_text(page())
    return 0


if __name__ == "__main__":
    sys.exit(main())
