"""A decoder with three faults, each behind what chance alone would hardly pass: the loop has to find them before it is believed."""

from __future__ import annotations

CRASHES = 3


def decode(data: bytes) -> int:  # noqa: PLR0911 - its branches are what it is for
    if len(data) < 4:
        raise ValueError("too short")
    if data[0] == 0xA5:
        if data[1] == 0x5A:
            if data[2] == 0xC3:
                return 1 // (data[3] & 0)
            return 1
        return 0
    if data[0] & 1:
        count = data[1]
        if count > 2:
            if data[2] == count:
                return data[3 + count]
            return 2
        return 3
    depth = 0
    for octet in data:
        if octet != 0x7E:
            break
        depth += 1
        if depth == 6:
            raise RuntimeError("six deep")
    return depth
