"""A support archive: what somebody needs who wants to help, without health values, secrets, names and addresses."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import tarfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel

_ADDRESS = re.compile(r"\b((?:[0-9A-Fa-f]{2}[:-]){3})((?:[0-9A-Fa-f]{2}[:-]){2}[0-9A-Fa-f]{2})\b")
_USER_IN_URL = re.compile(r"(?<=://)[^/@\s]+@")
HIDDEN = "(hidden)"


class Discretion:
    """The same name is replaced by the same other one, so that what belongs together can still be seen."""

    def __init__(self, names: Mapping[str, Sequence[str]]) -> None:
        """`names`: by kind, which they are called by, with a number."""
        self._called = {name: f"{kind}-{number}" for kind, some in names.items() for number, name in enumerate(some, 1)}
        found = "|".join(re.escape(name) for name in sorted(self._called, key=len, reverse=True))
        self._names = re.compile(rf"(?<![\w-])(?:{found})(?![\w-])") if found else None

    def __call__(self, text: str) -> str:
        text = _ADDRESS.sub(_maker_alone, _USER_IN_URL.sub("", text))
        return text if self._names is None else self._names.sub(lambda match: self._called[match[0]], text)


def _maker_alone(match: re.Match[str]) -> str:
    """Of an address the maker's half, and three octets that say whether two are the same."""
    rest = hashlib.sha256(match[0].upper().replace("-", ":").encode()).hexdigest()[:6]
    return f"{match[1]}{rest[:2]}:{rest[2:4]}:{rest[4:]}"


def without_secrets(section: BaseModel) -> dict[str, Any]:
    """Of a configuration; what a model does not show of itself is hidden."""
    found: dict[str, Any] = {}
    for name, field in type(section).model_fields.items():
        value = getattr(section, name)
        found[name] = HIDDEN if not field.repr and value else _shown(value)
    return found


def _shown(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return without_secrets(value)
    if isinstance(value, Mapping):
        return {str(key): _shown(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_shown(one) for one in value]
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def write(target: Path, files: Iterable[tuple[str, str]], discretion: Discretion) -> None:
    """Names and texts, for its owner alone. Raises `OSError`, also if the file is there already."""
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file, tarfile.open(fileobj=file, mode="w:gz") as archive:
        for name, text in files:
            data = discretion(text).encode("utf-8", "replace")
            entry = tarfile.TarInfo(f"{target.name.split('.')[0]}/{name}")
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))


def as_json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, default=str) + "\n"
