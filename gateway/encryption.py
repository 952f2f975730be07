"""Encryption of what is stored: the text of things and of the raw log by AES-256-GCM, names made of what a device said by AES-SIV.

A text becomes `encrypted:KEY:…`, KEY being the name of the key and `…` the base64 of nonce (12 octets), ciphertext and tag; so what is
stored is text as before, with its checksum, and can be repaired and copied by those who have no key. The ids of things, the digests of
their contents and what signatures are made of are hashes of what was measured, and who may guess can test a guess by them. By AES-SIV
(RFC 5297) they become others, the same one for the same, so that the journal can still look them up.

The key file holds 32 octets as 64 hexadecimal digits. Both keys are derived from them (HKDF-SHA256).
"""

from __future__ import annotations

import hashlib
import os
import secrets
import stat
from base64 import b64decode, b64encode
from binascii import Error as NoBase64
from collections.abc import Iterable
from pathlib import Path

from drivers.kit.capture import ENCRYPTED
from gateway.credentials import Unusable, located, secret
from gateway.errors import StateError

MARK = ENCRYPTED
KEY_OCTETS = 32
_NONCE_OCTETS = 12


class Damaged(ValueError):
    """It is not what was encrypted with this key."""


class Locked(StateError):
    """It is encrypted with a key that nobody has named."""


class Key:
    """No `master`: nothing is encrypted, everything is as it is."""

    def __init__(self, master: bytes = b"") -> None:
        """`master`: 32 octets. Raises `ValueError` for any other number of them."""
        self.name = hashlib.sha256(b"health-gateway at rest name\0" + master).hexdigest()[:16] if master else ""
        self._head = MARK + self.name.encode() + b":"
        if master:
            self._begin(master)

    def _begin(self, master: bytes) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM, AESSIV  # noqa: PLC0415 - 8 MB of memory, for those who encrypt
        from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415 - likewise
        from cryptography.hazmat.primitives.kdf.hkdf import HKDF  # noqa: PLC0415 - likewise

        if len(master) != KEY_OCTETS:
            raise ValueError(f"a key has {KEY_OCTETS} octets")
        self._gcm = AESGCM(HKDF(SHA256(), KEY_OCTETS, None, b"health-gateway at rest AES-256-GCM").derive(master))
        self._siv = AESSIV(HKDF(SHA256(), 2 * KEY_OCTETS, None, b"health-gateway at rest AES-SIV").derive(master))

    def encrypt(self, text: bytes) -> bytes:
        if not self.name:
            return text
        nonce = os.urandom(_NONCE_OCTETS)
        return self._head + b64encode(nonce + self._gcm.encrypt(nonce, text, self._head))

    def decrypt(self, stored: bytes) -> bytes:
        """Raises `Damaged`."""
        if not self.name:
            return stored
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - for those who encrypt

        try:
            if not stored.startswith(self._head):
                raise Damaged
            octets = b64decode(stored[len(self._head) :], validate=True)
            return self._gcm.decrypt(octets[:_NONCE_OCTETS], octets[_NONCE_OCTETS:], self._head)
        except (InvalidTag, NoBase64, ValueError) as error:
            raise Damaged from error

    def encrypt_text(self, text: str) -> str:
        return self.encrypt(_octets(text)).decode("ascii") if self.name else text

    def decrypt_text(self, stored: str) -> str:
        """Raises `Damaged`."""
        return self.decrypt(_octets(stored)).decode("utf-8", "surrogateescape") if self.name else stored

    def mask(self, name: bytes) -> bytes:
        return self._siv.encrypt(name, None) if self.name and name else name

    def unmask(self, stored: bytes) -> bytes:
        """Raises `Damaged`."""
        if not self.name or not stored:
            return stored
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - for those who encrypt

        try:
            return self._siv.decrypt(stored, None)
        except (InvalidTag, ValueError) as error:
            raise Damaged from error

    def mask_text(self, name: str) -> str:
        return b64encode(self.mask(_octets(name))).decode("ascii") if self.name else name

    def unmask_text(self, stored: str) -> str:
        """Raises `Damaged`."""
        if not self.name:
            return stored
        try:
            return self.unmask(b64decode(_octets(stored), validate=True)).decode("utf-8", "surrogateescape")
        except NoBase64 as error:
            raise Damaged from error


def _octets(text: str) -> bytes:
    """Whatever became of them where they were stored."""
    return text.encode("utf-8", "surrogateescape")


PLAIN = Key()


class Keys:
    """`current`: what is stored from now on is encrypted with it. `older`: what was stored may be encrypted with one of these."""

    def __init__(self, current: Key = PLAIN, older: Iterable[Key] = ()) -> None:
        self.current = current
        self._named = {key.name: key for key in (*older, current)} | {"": PLAIN}

    def named(self, name: str) -> Key:
        """Raises `Locked`."""
        if name not in self._named:
            raise Locked(f"what is stored is encrypted with the key {name}; name its file in at_rest.key_file or at_rest.old_key_files")
        return self._named[name]

    def of(self, stored: bytes) -> Key:
        """With which this text was encrypted. Raises `Locked`."""
        return self.named(stored.split(b":", 2)[1].decode("ascii", "replace") if stored.startswith(MARK) else "")


NO_KEYS = Keys()


def read_keys(current: Path | None, older: Iterable[Path] = ()) -> Keys:
    """From their files. Raises `Unusable`."""
    return Keys(_read(current) if current else PLAIN, [_read(path) for path in older])


def _read(path: Path) -> Key:
    text = secret(path)
    place = located(path)
    if place == path and (mode := stat.S_IMODE(place.stat().st_mode)) & 0o077:
        raise Unusable(f"{path} can be read by others (mode {mode:o}): chmod 600 {path}")
    try:
        return Key(bytes.fromhex(text) if text else b"no key")
    except ValueError as error:
        raise Unusable(f"{path} holds no key of 64 hexadecimal digits; `health-gateway new-key` makes one") from error


def make_key(path: Path) -> str:
    """A new one, for its owner alone; returns its name. Raises `OSError`, also if the file is there already."""
    master = secrets.token_bytes(KEY_OCTETS)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(master.hex() + "\n")
        file.flush()
        os.fsync(descriptor)
    return Key(master).name
