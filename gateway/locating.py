"""Where in a TOML file something stands that is wrong with it: its parser does not say."""

from __future__ import annotations

import re


def locate(text: str, loc: tuple[int | str, ...]) -> int | None:
    """The line of the deepest part of a pydantic location that can be found in TOML `text`."""
    want, best, current, counts = list(loc), 0, list[int | str](), dict[tuple[str, ...], int]()
    for number, line in enumerate(text.splitlines(), 1):
        if table := re.match(r"\s*\[\[\s*([^\]]+?)\s*\]\]", line):
            key = _parts(table[1])
            counts[key] = counts.get(key, -1) + 1
            current = [*key, counts[key]]
        elif table := re.match(r"\s*\[\s*([^\]]+?)\s*\]", line):
            current = [*_parts(table[1])]
            parent = (current[0],) if current else ()
            if parent in counts and len(current) > 1:
                current.insert(1, counts[parent])  # type: ignore[index]  # a tuple of one text
        elif pair := re.match(r"""\s*([A-Za-z0-9_\-."']+)\s*=""", line):
            here = [*current, *_parts(pair[1])]
            if here == want[: len(here)]:
                return number
            continue
        else:
            continue
        if current == want[: len(current)]:
            best = number
    return best or None


def _parts(dotted: str) -> tuple[str, ...]:
    return tuple(part.strip().strip("\"'") for part in dotted.split("."))
