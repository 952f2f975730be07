"""One thing per line with its signature beside it; `payload` is, octet for octet, what was signed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from gateway.provenance import Proof, Signed

KEYS = {"n", "payload"}


def lines(things: Iterable[Signed]) -> Iterator[str]:
    for thing in things:
        if thing.purged:
            yield json.dumps({"n": thing.n, "purged": True}) + "\n"
            continue
        said: dict[str, object] = {"n": thing.n, "payload": thing.body.decode("utf-8", "surrogateescape")}
        if thing.proof is not None:
            said |= {"key": thing.proof.key, "previous": thing.proof.previous.hex(), "signature": thing.proof.signature.hex()}
        yield json.dumps(said) + "\n"


def read(path: Path) -> Iterator[Signed]:
    """Raises `ValueError` with the line that is none, and `OSError`."""
    with path.open(encoding="utf-8", errors="surrogateescape") as file:
        for number, line in enumerate(file, 1):
            try:
                said = json.loads(line)
                if said == {"n": said["n"], "purged": True}:
                    yield Signed(int(said["n"]), b"", None, purged=True)
                    continue
                is_signed = said.keys() == KEYS | {"key", "previous", "signature"}
                if not is_signed and said.keys() != KEYS:
                    raise KeyError  # a name that is misspelled would pass for one that is not there
                proof = Proof(said["key"], bytes.fromhex(said["previous"]), bytes.fromhex(said["signature"])) if is_signed else None
                yield Signed(int(said["n"]), str(said["payload"]).encode("utf-8", "surrogateescape"), proof)
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise ValueError(f"line {number} is no line of a signed export") from error
