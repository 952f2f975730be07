"""Where secrets are: in files, or handed over by systemd; and what TLS is made of."""

from __future__ import annotations

import os
import ssl
from collections.abc import Mapping
from pathlib import Path


class Unusable(ValueError):
    """A file that cannot be used; in a sentence that names it."""


def located(path: Path, environment: Mapping[str, str] = os.environ) -> Path:
    """A bare name is a systemd credential, if there is one of that name."""
    directory = environment.get("CREDENTIALS_DIRECTORY")
    if directory and path.parent == Path() and (Path(directory) / path).exists():
        return Path(directory) / path
    return path


def secret(path: Path) -> str:
    """The line in a file. Raises `Unusable`."""
    try:
        return located(path).read_text(encoding="utf-8").strip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise Unusable(f"{path} cannot be read: {getattr(error, 'strerror', None) or 'it is no text'}") from error


def tls_context(ca: Path | None, certificate: Path | None = None, key: Path | None = None) -> ssl.SSLContext:
    """For a client: whose word counts (the system's authorities if `ca` is left out), and who we are. Raises `Unusable`."""
    what = ca
    try:
        context = ssl.create_default_context(cafile=str(located(ca)) if ca else None)
        # Python 3.13 also wants key identifiers, which authorities made at home seldom write; earlier ones do not ask.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        if certificate is not None:
            what = certificate
            context.load_cert_chain(str(located(certificate)), str(located(key)) if key else None, password=_no_passphrase)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise Unusable(f"{what or 'the system certificates'}: not usable for TLS: {reason}") from error
    return context


def _no_passphrase() -> str:
    raise ValueError("the key is locked with a passphrase; the daemon has nobody to ask for it")
