"""Credentials files as `nsc` writes them: a user's token (JWT), and the seed of the key with which the server's question is signed."""

from __future__ import annotations

import base64
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

_SEED_OCTETS = 36
"""Two of prefix, 32, two of check sum: what `SU…` is in base32."""


def callbacks(text: str) -> dict[str, Any]:
    """What the client library wants of them. Raises `ValueError`."""
    lines = [line.strip() for line in text.splitlines()]
    token = next((line for line in lines if line.startswith("eyJ")), None)
    seed = next((line for line in lines if line.startswith("SU")), "")
    octets = base64.b32decode(seed + "=" * (-len(seed) % 8))
    if token is None or len(octets) != _SEED_OCTETS:
        raise ValueError("no credentials")
    key = Ed25519PrivateKey.from_private_bytes(octets[2:34])
    return {
        "user_jwt_cb": lambda: bytearray(token.encode()),
        "signature_cb": lambda nonce: base64.b64encode(key.sign(nonce.encode())),
    }
