"""Proof of where a thing comes from: a key of the gateway's own, and a chain of signatures over the octets that are stored and sent.

The statement about thing number `n` is SHA-256 over `LABEL`, n in eight octets, the statement before it (32 octets of zero for the first,
and behind a gap) and the SHA-256 of the thing's octets. Its Ed25519 signature (RFC 8032) is made once, in the transaction that stores the
thing. So one thing can be verified alone, given n and the statement before it, and a row of them shows what was taken out, put in or moved.
The entries of the audit log stand in such a chain too, with a label of their own, signed or not.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from gateway.errors import StateError
from gateway.whole import write_whole

LABEL, AUDIT_LABEL = b"health-gateway thing 1\0", b"health-gateway audit 1\0"
NONE = bytes(32)
KEY_FILE, PUBLIC_FILE = "gateway.key", "gateway.pub"


class Proof(NamedTuple):
    """Beside a thing. `key`: which key signed, by the first half of the SHA-256 of its public octets, in hexadecimal; empty if none did."""

    key: str
    previous: bytes
    signature: bytes


class Signed(NamedTuple):
    """What is verified: a thing's number and octets, and what stands beside them."""

    n: int
    body: bytes
    proof: Proof | None
    purged: bool = False
    """There was a thing of this number; its owner has had it erased."""


def statement(n: int, previous: bytes, body: bytes, label: bytes = LABEL) -> bytes:
    return hashlib.sha256(label + n.to_bytes(8, "big") + previous + hashlib.sha256(body).digest()).digest()


def key_id(public: bytes) -> str:
    return hashlib.sha256(public).hexdigest()[:32]


class Signer:
    def __init__(self, seed: bytes) -> None:
        """`seed`: 32 octets. Raises `ValueError` for any other number of them."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415 - 8 MB of memory, for those who sign

        self._private = Ed25519PrivateKey.from_private_bytes(seed)
        self.public = self._private.public_key().public_bytes_raw()
        self.key = key_id(self.public)

    def sign(self, said: bytes) -> bytes:
        return self._private.sign(said)


def signer_of(state: Path) -> Signer:
    """With the key in the state directory, which is made at the first time. Raises `StateError`."""
    path = state / KEY_FILE
    try:
        if not path.exists():
            write_whole(path, secrets.token_hex(32).encode())
        signer = Signer(bytes.fromhex(path.read_text().strip()))
        (state / PUBLIC_FILE).write_text(signer.public.hex() + "\n")
    except OSError as error:
        raise StateError(f"{path}: {error.strerror}") from error
    except ValueError as error:
        raise StateError(f"{path} holds no key: put it back from a backup, or take it away for a new one") from error
    return signer


def public_key(path: Path) -> bytes:
    """Of a file as `PUBLIC_FILE` is. Raises `ValueError` and `OSError`."""
    found = bytes.fromhex(path.read_text().strip())
    if len(found) != len(NONE):
        raise ValueError("is no public key")
    return found


def signature_problem(public: bytes, n: int, body: bytes, proof: Proof) -> str | None:
    """What is wrong with the signature of one thing alone, if anything."""
    return checker(public)(proof, statement(n, proof.previous, body))


@dataclass(slots=True)
class Verdict:
    """`head`: the last statement, by which a later look finds whether something was cut off."""

    things: int = 0
    signed: int = 0
    head_n: int = 0
    head: bytes = NONE
    purged: int = 0

    @property
    def mark(self) -> str:
        return f"{self.head_n}:{self.head.hex()}"


def verify(
    things: Iterable[Signed], public: bytes | None, verdict: Verdict, *, mark: str | None = None, label: bytes = LABEL
) -> Iterator[str]:
    """A sentence for everything that is wrong. `things` in their order, without any left out; `verdict` is filled in.

    `public`: None to look at the chain alone. `mark`: what an earlier verdict said. Raises `ValueError` if that is none.
    """
    fits = checker(public)
    wanted, head = _marked(mark) if mark is not None else (0, NONE)
    last, after_purged = 0, False
    for thing in things:
        verdict.things += 1
        if thing.n != last + 1:
            yield f"{thing.n} does not follow {last}: {'something was moved' if thing.n <= last else 'something is missing between them'}"
        last = max(last, thing.n)
        if thing.purged:
            verdict.purged += 1
            verdict.things -= 1
            after_purged = True
            continue
        if verdict.signed and (thing.proof is None or not thing.proof.key):
            yield f"{thing.n} is not signed, though what came before it is"
        if thing.proof is None:
            continue
        said = statement(thing.n, thing.proof.previous, thing.body, label)
        if thing.proof.key:
            verdict.signed += 1
            if (problem := fits(thing.proof, said)) is not None:
                yield f"{thing.n} {problem}"
        # What a purged thing said nobody can reckon any more: what stands behind it says it.
        if not after_purged and thing.proof.previous != (verdict.head if thing.n == verdict.head_n + 1 else NONE):
            yield f"{thing.n} was written behind something else than what stands before it"
        if thing.n == wanted and said != head:
            yield f"{thing.n} is not what it was when it was looked at before"
        verdict.head_n, verdict.head, after_purged = thing.n, said, False
    if wanted > last:
        yield f"it ends at {last}, though it reached {wanted} before: the end was cut off"


def checker(public: bytes | None) -> Callable[[Proof, bytes], str | None]:
    """What is wrong with a signature, if anything."""
    if public is None:
        return lambda _proof, _said: None
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - as above
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey  # noqa: PLC0415 - as above

    key, mine = Ed25519PublicKey.from_public_bytes(public), key_id(public)

    def fits(proof: Proof, said: bytes) -> str | None:
        if proof.key != mine:
            return f"is signed with another key ({proof.key})"
        try:
            key.verify(proof.signature, said)
        except InvalidSignature:
            return "is not what was signed"
        return None

    return fits


def _marked(mark: str) -> tuple[int, bytes]:
    number, _, head = mark.partition(":")
    if not number.isdecimal() or len(head) != 2 * len(NONE):
        raise ValueError("a mark is what `verify` printed before: a number, a colon and 64 hexadecimal digits")
    return int(number), bytes.fromhex(head)
