"""The daemon, with a word on standard output whenever its intake log has come onto the disk.

python -m tests.e2e.guest.timed OPTIONS OF health-gateway run
"""

from __future__ import annotations

import sys
import time

from gateway.cli import main
from gateway.intake import Intake

_flush = Intake.flush_now


def flush_now(self: Intake) -> None:
    _flush(self)
    print(f"durable {self.durable} {time.time():.6f}", flush=True)


if __name__ == "__main__":
    Intake.flush_now = flush_now  # type: ignore[method-assign]  # watched, not changed
    sys.argv = ["health-gateway", "run", *sys.argv[1:]]
    main()
