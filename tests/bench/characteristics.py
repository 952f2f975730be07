"""Every characteristic that bluetooth-sig decodes as well, beside it: the longest vector that both can read."""

from __future__ import annotations

import importlib.metadata
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from profiles.gatt import layouts
from tests.bench.measure import interleaved, per_call

VECTORS = Path(__file__).parents[1] / "vectors" / "gatt"
CALLS = 4000


def run() -> None:
    from bluetooth_sig.gatt.characteristics.registry import CharacteristicRegistry  # noqa: PLC0415 - only where it is compared

    version = importlib.metadata.version("bluetooth-sig")
    print(f"one value of each characteristic, in us, medians of 5, interleaved; bluetooth-sig {version}")
    print(f"  {'':<40} {'health-gateway':>14} {'bluetooth-sig':>14} {'times as fast':>14}")
    slower = []
    for table in sorted(layouts(), key=lambda table: table.uuid):
        uuid = table.uuid
        other = CharacteristicRegistry.get_characteristic(f"{uuid:04X}")
        found = _readable(uuid, table.decode, other)
        if found is None:
            continue
        ours, theirs = _pair(table.decode, other, found)
        print(f"  {uuid:04X} {table.__name__:<35} {ours:14.2f} {theirs:14.2f} {theirs / ours:14.1f}")
        slower += [table.__name__] if ours > theirs else []
    print(f"  slower: {', '.join(slower) or 'none'}")


def _readable(uuid: int, decode: Callable[[bytes], object], other: Any) -> bytes | None:
    path = VECTORS / f"{uuid:04X}.json"
    if other is None or not path.exists():
        return None
    vectors = {bytes.fromhex(vector["bytes"]) for vector in json.loads(path.read_text())["vectors"]}
    for data in sorted(vectors, key=len, reverse=True):
        try:
            decode(data)
            other.parse_value(bytearray(data))
        except Exception:  # noqa: BLE001 - whatever either finds wrong with it, another is tried
            continue
        return data
    return None


def _pair(decode: Callable[[bytes], object], other: Any, data: bytes) -> tuple[float, float]:
    theirs = bytearray(data)
    found = interleaved(
        {"ours": lambda: per_call(lambda: decode(data), CALLS), "theirs": lambda: per_call(lambda: other.parse_value(theirs), CALLS // 10)}
    )
    return found["ours"], found["theirs"]
