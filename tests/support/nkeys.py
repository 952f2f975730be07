"""Keys and tokens of NATS's own kind, as `nsc` makes them: an operator, an account, a user."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

OPERATOR, ACCOUNT, USER, SEED = 14 << 3, 0, 20 << 3, 18 << 3


class Key:
    def __init__(self, kind: int) -> None:
        self._kind, self._key = kind, Ed25519PrivateKey.generate()
        self.public = _text(bytes([kind]) + self._key.public_key().public_bytes_raw())

    @property
    def seed(self) -> str:
        """The kind lies across the first two octets."""
        return _text(bytes([SEED | self._kind >> 5, (self._kind & 31) << 3]) + self._key.private_bytes_raw())

    def token(self, subject: Key, name: str, said: dict[str, Any]) -> str:
        claims = {
            "jti": hashlib.sha256(name.encode()).hexdigest(),
            "iat": 1,
            "iss": self.public,
            "name": name,
            "sub": subject.public,
            "nats": said,
        }
        parts = [_web(json.dumps(part).encode()) for part in ({"typ": "JWT", "alg": "ed25519-nkey"}, claims)]
        return ".".join([*parts, _web(self._key.sign(".".join(parts).encode()))])


def _text(octets: bytes) -> str:
    return base64.b32encode(octets + binascii.crc_hqx(octets, 0).to_bytes(2, "little")).decode().rstrip("=")


def _web(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).decode().rstrip("=")


def credentials(path: Path, token: str, seed: str) -> Path:
    path.write_text(
        f"-----BEGIN NATS USER JWT-----\n{token}\n------END NATS USER JWT------\n\n"
        "************************* IMPORTANT *************************\nNKEY Seed printed below can be used to sign and prove identity.\n\n"
        f"-----BEGIN USER NKEY SEED-----\n{seed}\n------END USER NKEY SEED------\n"
    )
    return path
