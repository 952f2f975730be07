"""Credentials files as `nsc` writes them: a user's token (JWT), and the seed of the key with which the server's question is signed."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

from gateway.credentials import Unusable

_SEED_OCTETS = 36
"""Two of prefix, 32, two of check sum: what `SU…` is in base32."""


def callbacks(path: Path, text: str) -> dict[str, Any]:
    """What the client library wants of the text of this file. Raises `Unusable`."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415 - 8 MB, for those who have such a file

    lines = [line.strip() for line in text.splitlines()]
    token = next((line for line in lines if line.startswith("eyJ")), None)
    seed = next((line for line in lines if line.startswith("SU")), "")
    try:
        octets = base64.b32decode(seed + "=" * (-len(seed) % 8))
        if token is None or len(octets) != _SEED_OCTETS:
            raise ValueError
    except ValueError as error:
        raise Unusable(f"{path} is no credentials file: it wants a user's JWT and seed, as `nsc` writes them") from error
    key = Ed25519PrivateKey.from_private_bytes(octets[2:34])
    return {
        "user_jwt_cb": lambda: bytearray(token.encode()),
        "signature_cb": lambda nonce: base64.b64encode(key.sign(nonce.encode())),
    }
