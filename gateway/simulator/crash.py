"""Being killed at a chosen point, for the tests that prove that nothing is lost by it."""

from __future__ import annotations

import os
import signal

from gateway import crashpoints


def arm(spec: str) -> None:
    """`sink-written:3`: kill -9 of this process the third time that point is reached."""
    point, _, count = spec.partition(":")
    left = int(count or 1)

    def listener(reached: crashpoints.Point) -> None:
        nonlocal left
        if reached == point:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    crashpoints.listen(listener)
