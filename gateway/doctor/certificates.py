"""Certificates that the configuration names: until when they are good."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from gateway.credentials import located
from gateway.doctor.finding import Finding

SOON = timedelta(days=30)
LOOPBACK = ("127.0.0.1", "::1", "localhost")
_KEYS = ("ca_file", "certificate_file")


def certificates(sinks: Mapping[str, Any], now: datetime) -> Iterator[Finding]:
    """`sinks`: sections by name."""
    for name, section in sinks.items():
        for key in _KEYS:
            path = getattr(section, key, None)
            if isinstance(path, Path):
                yield from _one(f"sink {name}", key, path, now)


def page(section: Any, now: datetime) -> Iterator[Finding]:
    """Of the local page: whether whoever is in the network can read along."""
    if section.listen == "off":
        return
    if section.certificate_file is not None:
        yield from _one("page", "certificate_file", section.certificate_file, now)
    elif section.listen.rpartition(":")[0].strip("[]") not in LOOPBACK:
        cure = "give page.certificate_file and page.key_file; or listen at 127.0.0.1, and reach it by `ssh -L 8460:127.0.0.1:8460`"
        yield Finding("page", "warning", f"at {section.listen} everybody in the network can read along, passwords included", cure)


def _one(area: str, key: str, path: Path, now: datetime) -> Iterator[Finding]:
    from cryptography.x509 import load_pem_x509_certificates  # noqa: PLC0415 - 8 MB, for those who have some

    try:
        found = load_pem_x509_certificates(located(path).read_bytes())
    except (OSError, ValueError) as error:
        said = getattr(error, "strerror", None) or "there is no certificate in it"
        yield Finding(area, "problem", f"{path}: {said}", f"put the file there that {key} means")
        return
    ends = min(one.not_valid_after_utc for one in found)
    day = f"{ends:%Y-%m-%d}"
    if ends < now:
        yield Finding(area, "problem", f"{path} expired on {day}", "get a new one from whoever issued it")
    elif ends < now + SOON:
        yield Finding(area, "warning", f"{path} expires on {day}", "get a new one from whoever issued it")
    else:
        yield Finding(area, "ok", f"{path} is good until {day}")
