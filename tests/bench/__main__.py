"""`make bench [codec|window|journal]`."""

from __future__ import annotations

import platform
import sys

from gateway.cli.common import set_up_logging
from tests.bench import codec, journal, window

if __name__ == "__main__":
    set_up_logging("error", "console")
    wanted = sys.argv[1:] or ["codec", "window", "journal"]
    print(f"Python {platform.python_version()}, {platform.machine()}, {platform.system()} {platform.release()}")
    if "codec" in wanted:
        codec.run()
    if "window" in wanted:
        window.run()
    if "journal" in wanted:
        journal.run()
