"""`make bench`, or `python -m tests.bench drain` and the like."""

from __future__ import annotations

import platform
import sys

from gateway.cli.common import set_up_logging
from tests.bench import cables, characteristics, codec, drain, idle, journal, matching, page, records, scale, window

if __name__ == "__main__":
    set_up_logging("error", "console")
    benches = {
        "codec": codec.run,
        "matching": matching.run,
        "characteristics": characteristics.run,
        "window": window.run,
        "journal": journal.run,
        "records": records.run,
        "cables": cables.run,
    }
    benches |= {"drain": drain.run, "scale": scale.run, "idle": idle.run, "page": page.run}
    print(f"Python {platform.python_version()}, {platform.machine()}, {platform.system()} {platform.release()}")
    for name in sys.argv[1:] or benches:
        benches[name]()
