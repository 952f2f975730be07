"""What comes from a queue, whatever queue it is; and whether it may be stored."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from gateway.provenance import Proof, key_id, public_key, signature_problem

MOST = 1 << 63


class Lost(Exception):
    """The queue cannot be reached; in a sentence."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """`done`: called once it is stored for good, with None, or will never be, with the reason."""

    payload: bytes
    n: int | None
    proof: Proof | None
    done: Callable[[str | None], None]


class Feed(Protocol):
    def batches(self, most: int) -> AsyncIterator[list[Arrived]]:
        """Connects. What is not `done` comes again, to us or to another. Raises `Lost`."""

    async def close(self) -> None: ...


def proof_of(told: Mapping[str, str]) -> tuple[int | None, Proof | None]:
    """Of what stands beside a thing: `n`, `key`, `previous`, `signature`; None, None if it is not all there."""
    try:
        n = int(told["n"])
        proof = Proof(told["key"], bytes.fromhex(told["previous"]), bytes.fromhex(told["signature"]))
    except (KeyError, ValueError):
        return None, None
    return (n, proof) if 0 < n < MOST else (None, None)


@dataclass(frozen=True, slots=True)
class Checked:
    arrived: Arrived
    thing: dict[str, Any]
    verified: bool


class Gate:
    """`keys`: public keys by their id; None if nobody verifies."""

    def __init__(self, keys: Mapping[str, bytes] | None, *, required: bool) -> None:
        self._keys, self._required = keys, required

    def check(self, arrived: Arrived) -> Checked | str:
        """Or why it is refused, in words without values."""
        try:
            thing = json.loads(arrived.payload)
            whole = isinstance(thing["id"], str) and isinstance(thing["version"], int) and isinstance(thing["when"]["time"], str)
            if not whole or not isinstance(thing["type"], str):
                raise ValueError
        except (ValueError, LookupError, TypeError):
            return "this is no thing"
        why = self._why_not(arrived)
        if why is not None and (self._required or why == "its signature is not what was signed"):
            return why
        return Checked(arrived, thing, self._keys is not None and why is None)

    def _why_not(self, arrived: Arrived) -> str | None:
        if self._keys is None:
            return None
        if arrived.proof is None or arrived.n is None or not arrived.proof.key:
            return "it is not signed"
        public = self._keys.get(arrived.proof.key)
        if public is None:
            return f"it is signed with a key that nobody here knows ({arrived.proof.key})"
        return "its signature is not what was signed" if signature_problem(public, arrived.n, arrived.payload, arrived.proof) else None


def keys_in(paths: Iterable[Path]) -> dict[str, bytes]:
    """By their id. Raises `ValueError` and `OSError`, which name the file."""
    found = {}
    for path in paths:
        try:
            public = public_key(path)
        except ValueError as error:
            raise ValueError(f"{path} {error}") from error
        found[key_id(public)] = public
    return found
