"""The short form of the soak: some seconds of it. The long one is `make soak MINUTES=30`."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path

from tests.soak.__main__ import grown
from tests.soak.world import MOST_FILES, MOST_MEGABYTES, MOST_TASKS, Sample

ROOT = Path(__file__).parents[2]


def test_nothing_is_lost_and_nothing_grows(tmp_path: Path) -> None:
    """In a process of its own: the bus's address is the environment's."""
    seed = random.SystemRandom().getrandbits(32)
    done = subprocess.run(
        [sys.executable, "-m", "tests.soak", "--minutes", "0.25", "--seed", str(seed), "--keep", str(tmp_path)],
        check=False,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=os.environ | {"PATH": f"{os.environ['PATH']}:/usr/sbin"},
    )
    log = (tmp_path / "daemon.log").read_text()[-3000:]
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr[-2000:]}\n{log}"
    assert "lost 0, doubled 0, merged 0" in done.stdout
    assert "Traceback" not in log


def test_what_grows_is_told() -> None:
    calm = [Sample(17, 12, 60)] * 8
    assert grown(calm) == []
    for more in (Sample(MOST_FILES + 1, 0, 0), Sample(0, MOST_TASKS + 1, 0), Sample(0, 0, MOST_MEGABYTES + 1)):
        later = Sample(17 + more.files, 12 + more.tasks, 60 + more.megabytes)
        assert len(grown(calm[:6] + [later] * 2)) == 1
    assert grown([Sample(50, 50, 90), *calm]) == [], "what it needs at the start is no growth"
