"""The journal in other shapes: `export --format …`. Each is a generator of text, so that a million things need no memory."""

from collections.abc import Callable, Iterable, Iterator

from gateway.exports import csv, healthvault_xml, ndjson
from gateway.journal import Row

FORMATS: dict[str, Callable[[Iterable[Row]], Iterator[str]]] = {
    "ndjson": ndjson.lines,
    "csv": csv.lines,
    "healthvault-xml": healthvault_xml.lines,
}
