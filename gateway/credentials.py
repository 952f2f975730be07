"""Where secrets are: in files, or handed over by systemd."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path


def located(path: Path, environment: Mapping[str, str] = os.environ) -> Path:
    """A bare name is a systemd credential, if there is one of that name."""
    directory = environment.get("CREDENTIALS_DIRECTORY")
    if directory and path.parent == Path() and (Path(directory) / path).exists():
        return Path(directory) / path
    return path
