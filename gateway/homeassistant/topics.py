"""Names that topics and ids may have."""

from __future__ import annotations

import hashlib
import re


def slug(name: str) -> str:
    """For topics and ids. Two names never come to the same."""
    plain = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
    return plain if plain == name else f"{plain}_{hashlib.sha256(name.encode()).hexdigest()[:6]}".lstrip("_")
