"""Exports that show things in a form of their own, with what was signed beside it: reading that back, and comparing the form with it.

A signature covers what it stands beside, not what is shown. So the whole file is made anew from what was signed, and must be the same. That
things were left out cannot be seen here: there are reasons to (`--since`, earlier versions), and a signed export for who wants to see it.
"""

from __future__ import annotations

import csv as text_csv
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Literal
from xml.etree.ElementTree import ParseError, iterparse

from gateway.exports import FORMATS
from gateway.exports.csv import COLUMNS
from gateway.journal import Row
from gateway.provenance import Proof, Signed, Verdict, checker, statement

Form = Literal["csv", "healthvault-xml"]


def form_of(path: Path) -> Form | None:
    """None for one that is in neither form. Raises `OSError`."""
    with path.open("rb") as file:
        first = file.readline(200)
    if first.startswith(b"<"):
        return "healthvault-xml"
    return "csv" if first.startswith(b"id,version,") else None


def verify(path: Path, form: Form, public: bytes, verdict: Verdict) -> Iterator[str]:
    """A sentence for everything that is wrong; `verdict.mark` says nothing here.

    Raises `ValueError` for a file that is not in this form, and `OSError`.
    """
    fits, last, is_well = checker(public), 0, True
    for thing in signed_in(path, form):
        verdict.things += 1
        if thing.proof is None:
            continue
        verdict.signed += 1
        if thing.n <= last:
            yield f"{thing.n} does not follow {last}: something was moved"
        last = thing.n
        if (problem := fits(thing.proof, statement(thing.n, thing.proof.previous, thing.body))) is not None:
            yield f"{thing.n} {problem}"
            is_well = False
    if verdict.signed < verdict.things:
        yield f"{verdict.things - verdict.signed} of them are not signed; what is shown was not compared"
        return
    # What was not signed by us need not be a thing at all.
    if is_well and (line := _first_difference(path, FORMATS[form](map(_row, signed_in(path, form))))) is not None:
        yield f"line {line} does not show what was signed"


def signed_in(path: Path, form: Form) -> Iterator[Signed]:
    """Things in their order; without a proof those that have none. Raises `ValueError` and `OSError`."""
    try:
        yield from (_in_csv if form == "csv" else _in_xml)(path)
    except (ParseError, text_csv.Error, LookupError, UnicodeError) as error:
        raise ValueError(f"it is no {form} of ours: {error}") from error


def _in_csv(path: Path) -> Iterator[Signed]:
    with path.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
        text_csv.field_size_limit(1 << 30)
        rows = text_csv.reader(file, strict=True)
        next(rows)
        last: tuple[str, str] | None = None
        for row in rows:
            said = dict(zip(COLUMNS, row, strict=True))
            thing = said["id"], said["version"]
            if thing != last:
                yield _signed(said, said["payload"])
            last = thing


def _in_xml(path: Path) -> Iterator[Signed]:
    for _, element in iterparse(path):  # noqa: S314 - expat bounds what entities may grow to
        if element.tag == "thing":
            found = element.find("data-xml/common/extension/signed")
            yield Signed(0, b"", None) if found is None else _signed(found.attrib, found.text or "")
            element.clear()


def _signed(said: Mapping[str, str], payload: str) -> Signed:
    if not said.get("signature"):
        return Signed(0, b"", None)
    proof = Proof(said["key"], bytes.fromhex(said["previous"]), bytes.fromhex(said["signature"]))
    return Signed(int(said["n"]), payload.encode("utf-8", "surrogateescape"), proof)


def _row(thing: Signed) -> Row:
    text = thing.body.decode("utf-8", "surrogateescape")
    said = json.loads(text)
    return Row(thing.n, said["id"], said["version"], said["type"], 0, text, thing.proof)


def _first_difference(path: Path, chunks: Iterator[str]) -> int | None:
    with path.open("rb") as file:
        number = 0
        for wanted in _lines(chunks):
            number += 1
            if file.readline() != wanted:
                return number
        return number + 1 if file.readline() else None


def _lines(chunks: Iterable[str]) -> Iterator[bytes]:
    for chunk in chunks:
        yield from chunk.encode("utf-8", "surrogateescape").splitlines(keepends=True)
