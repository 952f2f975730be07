"""What framers share: they take octets as they come, and give whole messages; what cannot be one is named and passed over."""

from __future__ import annotations

import re
from collections.abc import Iterator

from profiles.wire import DecodeError

MOST_WAITING = 1 << 16


class Lines:
    """Text that ends its lines with CR, LF or both. Lines are given without their ends, and none that is empty."""

    def __init__(self) -> None:
        self._kept = b""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Raises `DecodeError` where a line does not come to its end; it is dropped then."""
        *whole, self._kept = re.split(rb"[\r\n]", self._kept + data)
        yield from (line for line in whole if line)
        if len(self._kept) > MOST_WAITING:
            lost, self._kept = self._kept, b""
            raise DecodeError("line", "end", len(lost), "does not come to its end", lost)
