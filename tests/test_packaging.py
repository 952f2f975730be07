"""What is shipped: the built wheel, installed into a fresh environment."""

from __future__ import annotations

import subprocess
import sys
import venv
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_the_wheel_holds_three_packages_and_nothing_else(tmp_path: Path) -> None:
    """`gateway`, `drivers` and `profiles` are its only top-level names, and the command starts from it."""
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path), str(ROOT)],
        check=True,
        capture_output=True,
    )
    wheel = next(tmp_path.glob("*.whl"))
    with zipfile.ZipFile(wheel) as archive:
        names = {name.split("/")[0] for name in archive.namelist()}
        files = archive.namelist()
    assert {name for name in names if not name.endswith(".dist-info")} == {"gateway", "drivers", "profiles"}
    assert any(name.endswith("licenses/LICENSE") for name in files)

    place = tmp_path / "fresh"
    venv.create(place, with_pip=False)
    python = place / "bin" / "python"
    site = subprocess.run(
        [str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], check=True, capture_output=True, text=True
    ).stdout.strip()
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    # What it depends on comes from here; the three packages themselves must come out of the wheel.
    libraries = next(path for path in sys.path if path.endswith("site-packages"))
    code = (
        f"import sys; sys.path.append({libraries!r})\n"
        "import drivers, gateway, profiles\n"
        f"assert all(m.__file__.startswith({site!r}) for m in (drivers, gateway, profiles)), drivers.__file__\n"
        "from gateway.cli import main; sys.argv = ['health-gateway', 'decode', '2A19', '32']; main()\n"
    )
    done = subprocess.run([str(python), "-c", code], check=False, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert '"level": 50' in done.stdout
