"""`driver new`: a package with a driver that keeps all laws at once, to write a device over."""

from __future__ import annotations

import json
import re
from importlib import resources
from pathlib import Path
from string import Template
from typing import Any

SHAPES = ("gatt", "profile", "cable")
NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_SERVICES = {"gatt": ["FFF0"], "profile": ["181D", "181B"]}
_CHARACTERISTICS = {"gatt": ["FFF1"], "profile": ["2A9D"], "cable": ["0000"]}


def write(into: Path, *, name: str, maker: str, model: str, shape: str) -> list[Path]:
    """The files written. Raises `FileExistsError` where there is one already, and `ValueError` for a name that is none."""
    if not NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no name for a driver: small letters, digits and hyphens, such as acme-bp7")
    if into.exists() and any(into.iterdir()):
        raise FileExistsError(f"{into} is not empty")
    for told in (maker, model):
        if not re.fullmatch(r"[\w .&+-]+", told):
            raise ValueError(f"{told!r}: letters, digits and spaces, please: it stands in the driver's own text")
    module = re.sub(r"\W", "_", model.lower()).strip("_")
    module = f"m{module}" if not module[:1].isalpha() else module
    package = name.replace("-", "_") + "_driver"
    words = {
        "name": name,
        "maker": maker,
        "model": model,
        "advertised": model,
        "module": module,
        "package": package,
        "distribution": f"{name}-driver",
    }
    files = {
        "pyproject.toml": _filled("pyproject.toml", words),
        "README.md": _filled("README.md", words),
        f"{package}/__init__.py": "",
        f"{package}/{module}.py": _filled(f"{shape}.py", words),
        f"{package}/catalog.json": json.dumps([_entry(shape, words)], indent=1) + "\n",
        f"{package}/captures/{name}.ndjson": "".join(json.dumps(one, separators=(",", ":")) + "\n" for one in _capture(shape, words)),
        "tests/test_driver.py": _filled("test.py", words),
    }
    made = []
    for path, text in files.items():
        where = into / path
        where.parent.mkdir(parents=True, exist_ok=True)
        where.write_text(text)
        made.append(where)
    return made


def _filled(template: str, words: dict[str, str]) -> str:
    return Template((resources.files(__name__) / "templates" / f"{template}.txt").read_text()).substitute(words)


def _entry(shape: str, words: dict[str, str]) -> dict[str, Any]:
    said = None if shape == "cable" else {"local_name": words["model"], "services": _SERVICES[shape]}
    return {"device": f"{words['maker']} {words['model']}", "maker": words["maker"], "driver": words["name"], "advertisement": said}


def _capture(shape: str, words: dict[str, str]) -> list[dict[str, Any]]:
    opening = {"k": "open", "s": "1", "a": "C0:00:00:00:00:01", "drv": words["name"], "t": 1_790_000_000, "chars": _CHARACTERISTICS[shape]}
    if shape == "cable":
        opening |= {"cable": True, "a": "usb-1-1"}
    opening["source"] = "the example of `health-gateway driver new`"
    place = {} if shape == "cable" else {"u": _CHARACTERISTICS[shape][0]}
    frames = {
        "gatt": [gatt_frame(0, 7000), gatt_frame(1, 8125), gatt_frame(0, 100), gatt_frame(1, 6340)],
        # Flags 02: with a time. Weights in 5 g, and by the example's difference a tenth of that.
        "profile": [bytes.fromhex("02 00 c8 ea07 03 01 07 1e 00"), bytes.fromhex("02 40 9c ea07 03 02 07 1f 00")],
        "cable": [f"{words['model']} SN123\r".encode(), b"2026-03-01T07:30:00,5.4\r", b"2026-03-01T12:05:00,", b"7.1\r", b"END\r"],
    }[shape]
    heard = [{"k": "rx", "s": "1", **place, "d": data.hex(), "t": 1_790_000_001 + at} for at, data in enumerate(frames)]
    return [opening, *heard, {"k": "idle", "s": "1", "t": 1_790_000_030}]


def gatt_frame(state: int, weight: int) -> bytes:
    octets = bytes((0xA5, state)) + weight.to_bytes(2, "big") + b"\0"
    return octets + bytes((sum(octets) & 0xFF,))
