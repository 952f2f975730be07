"""What is shipped: the built wheel, installed into a fresh environment."""

from __future__ import annotations

import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def built(source: Path, into: Path) -> Path:
    into.mkdir()
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(into), str(source)], check=True, capture_output=True
    )
    return next(into.glob("*.whl"))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built(ROOT, tmp_path_factory.mktemp("wheel") / "dist")


class Fresh:
    """An environment with wheels in it. What they depend on comes from here; the packages themselves must come out of the wheels."""

    def __init__(self, place: Path, *wheels: Path) -> None:
        venv.create(place, with_pip=False)
        self._python, self._place = place / "bin" / "python", place
        told = subprocess.run(
            [str(self._python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], check=True, capture_output=True, text=True
        )
        self.site = told.stdout.strip()
        for one in wheels:
            with zipfile.ZipFile(one) as archive:
                archive.extractall(self.site)

    def gateway(self, *words: str) -> subprocess.CompletedProcess[str]:
        libraries = next(path for path in sys.path if path.endswith("site-packages"))
        code = (
            f"import sys; sys.path.append({libraries!r})\n"
            "import drivers, gateway, profiles\n"
            f"assert all(m.__file__.startswith({self.site!r}) for m in (drivers, gateway, profiles)), drivers.__file__\n"
            f"from gateway.cli import main; sys.argv = {['health-gateway', *words]!r}; main()\n"
        )
        return subprocess.run([str(self._python), "-c", code], check=False, capture_output=True, text=True, cwd=self._place, timeout=120)


def test_the_wheel_holds_three_packages_and_nothing_else(tmp_path: Path, wheel: Path) -> None:
    """`gateway`, `drivers` and `profiles` are its only top-level names, and the command starts from it."""
    with zipfile.ZipFile(wheel) as archive:
        names = {name.split("/")[0] for name in archive.namelist()}
        files = archive.namelist()
    assert {name for name in names if not name.endswith(".dist-info")} == {"gateway", "drivers", "profiles"}
    assert any(name.endswith("licenses/LICENSE") for name in files)
    fresh = Fresh(tmp_path / "fresh", wheel)
    done = fresh.gateway("decode", "2A19", "32")
    assert done.returncode == 0, done.stderr
    assert '"level": 50' in done.stdout
    shelf = fresh.gateway("devices", "omron", "hem-7322t")
    assert "blood pressure, pulse; stored records" in shelf.stdout, shelf.stderr


def test_a_makers_package_beside_the_wheel_is_found_tested_and_read(tmp_path: Path, wheel: Path) -> None:
    """Written, built and installed as a device maker does it, with nothing but what is installed."""
    fresh = Fresh(tmp_path / "fresh", wheel)
    made = fresh.gateway("driver", "new", "acme-bp7", "--maker", "ACME", "--model", "BP 7", "--into", str(tmp_path / "made"))
    assert made.returncode == 0, made.stderr
    package = built(tmp_path / "made", tmp_path / "dist")
    with zipfile.ZipFile(package) as archive:
        archive.extractall(fresh.site)
    assert "acme-bp7" in fresh.gateway("drivers").stdout
    tested = fresh.gateway("driver", "test", "acme-bp7")
    assert tested.returncode == 0, tested.stdout + tested.stderr
    assert "19 of 19 laws hold; captures: 1, frames: 4" in tested.stdout
    served = fresh.gateway("driver", "serve", "acme-bp7")
    assert served.returncode == 0, served.stderr
    assert "weight 81.25 kg" in served.stdout
    assert "ACME BP 7  [acme-bp7; Bluetooth; BP 7*]" in fresh.gateway("devices", "acme").stdout
