"""`make e2e-vm`: a virtual machine with Debian's kernel and bluetoothd, in which the installed gateway reads a cuff and a meter.

    python -m tests.e2e [--suite bookworm|trixie] [--scenario scenario|cables|service|trials|wake] [--runs N] [--seed S]

The machine's image is built once for each lock and recipe, and kept in the user's cache. What a failed run leaves (logs, the radio's
traffic as btsnoop, the state) stays in a directory that is named. A machine that does not even start is started once more, and that
is told.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.e2e import meter

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
LOCK = ROOT / "requirements.lock"
RECIPE = (HERE / "build-guest", *(HERE / "guest" / name for name in ("init", "under-systemd", "guest.service")), LOCK)
SECONDS = 600
MEMORY_MB = 1024
NOT_STARTED = 125
KERNEL = "console=ttyS0 quiet loglevel=4 mitigations=off nokaslr panic=-1 tsc=reliable random.trust_cpu=on"


def image(suite: str) -> Path:
    """The directory with the machine's kernel and disk; built if it is not there."""
    key = hashlib.sha256(b"".join(path.read_bytes() for path in RECIPE)).hexdigest()[:16]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "health-gateway"
    found = cache / f"guest-{suite}-{key}"
    if not (found / "root.img").exists():
        for old in cache.glob(f"guest-{suite}-*"):
            shutil.rmtree(old)
        began = time.monotonic()
        subprocess.run([str(HERE / "build-guest"), str(found), str(LOCK), suite], check=True, env=os.environ | {"PYTHON": sys.executable})
        print(f"built the virtual machine in {time.monotonic() - began:.0f} s; it is kept in {found}", flush=True)
    return found


def furnish(share: Path) -> None:
    """The product as its wheel installs it, and the test, compiled: in the machine that would take seconds."""
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check")
    with tempfile.TemporaryDirectory() as wheels:
        subprocess.run([*pip, "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", wheels, str(ROOT)], check=True)
        [wheel] = Path(wheels).glob("*.whl")
        subprocess.run([*pip, "install", "-q", "--no-deps", "--no-compile", "--target", str(share / "site"), str(wheel)], check=True)
    for name in ("support", "campaign", "e2e"):
        shutil.copytree(ROOT / "tests" / name, share / "site" / "tests" / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "tests" / "__init__.py", share / "site" / "tests")
    subprocess.run([sys.executable, "-m", "compileall", "-q", str(share / "site")], check=True)


def package(suite: str, share: Path) -> None:
    """The Debian package, for a machine that installs it."""
    built = subprocess.run([str(ROOT / "systemd" / "debian" / "build"), suite], check=True, capture_output=True, text=True)
    shutil.copy(ROOT / built.stdout.splitlines()[-1], share)


def boot(machine: Path, share: Path, scenario: str, seed: int) -> int:
    """Run the scenario; its exit status, or `NOT_STARTED`."""
    (share / "status").unlink(missing_ok=True)
    (share / "out").mkdir(exist_ok=True)
    (share / "seconds").write_text(str(SECONDS - 20))
    # The share is slow to import from; memory is not.
    (share / "command").write_text(f"cp -r site /tmp/site && PYTHONPATH=/tmp/site exec python3 -m tests.e2e.guest.{scenario} {seed}\n")
    kvm = os.access("/dev/kvm", os.W_OK) and any(flag in Path("/proc/cpuinfo").read_text() for flag in (" vmx", " svm"))
    console = share / "out" / "console.log"
    with (share / "out" / "qemu.log").open("wb") as errors, meter.at_host() as adapter:
        subprocess.run(
            [
                *("timeout", str(SECONDS), "qemu-system-x86_64", "-M", "q35", "-smp", "1", "-m", str(MEMORY_MB)),
                *(("-accel", "kvm", "-cpu", "host") if kvm else ("-accel", "tcg", "-cpu", "max,la57=off")),
                *("-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"),
                *("-kernel", str(machine / "vmlinuz"), "-initrd", str(machine / "initrd")),
                *("-append", f"{KERNEL} guest=systemd systemd.getty_auto=0" if scenario == "service" else KERNEL),
                *("-drive", f"file={machine / 'root.img'},format=raw,if=virtio,snapshot=on"),
                *("-virtfs", f"local,path={share},mount_tag=share,security_model=none"),
                *(adapter if scenario in ("cables", "service") else ()),
                *("-device", "virtio-serial-pci", "-chardev", "stdio,id=out,signal=off", "-device", "virtconsole,chardev=out"),
                *("-chardev", f"file,id=console,path={console}", "-serial", "chardev:console"),
                *("-object", "rng-random,id=rng,filename=/dev/urandom", "-device", "virtio-rng-pci,rng=rng"),
            ],
            stdin=subprocess.DEVNULL,
            stderr=errors,
            check=False,
        )
    status = share / "status"
    return int(status.read_text()) if status.exists() else NOT_STARTED


def run(machine: Path, site: Path, scenario: str, seed: int) -> bool:
    place = Path(tempfile.mkdtemp(prefix="health-gateway-e2e-"))
    shutil.copytree(site, place / "site")
    began = time.monotonic()
    status = boot(machine, place, scenario, seed)
    if status == NOT_STARTED and not (place / "out" / "daemon.log").exists():
        print("the virtual machine did not start; once more", flush=True)
        (place / "out").rename(place / "out-first")
        status = boot(machine, place, scenario, seed)
    said = "passed" if status == 0 else f"FAILED (status {status}); see {place}"
    print(f"{scenario}, seed {seed}: {said} in {time.monotonic() - began:.0f} s", flush=True)
    if status == 0:
        shutil.rmtree(place)
    return status == 0


def main() -> int:
    options = argparse.ArgumentParser(prog="python -m tests.e2e")
    options.add_argument("--suite", default="bookworm", choices=("bookworm", "trixie"))
    options.add_argument("--scenario", default="scenario", choices=("scenario", "cables", "service", "trials", "wake"))
    options.add_argument("--runs", type=int, default=1)
    options.add_argument("--seed", type=int, default=secrets.randbits(16))
    given = options.parse_args()
    machine = image(given.suite)
    with tempfile.TemporaryDirectory() as built:
        furnish(Path(built))
        if given.scenario == "service":
            package(given.suite, Path(built) / "site")
        passed = sum(run(machine, Path(built) / "site", given.scenario, given.seed + number) for number in range(given.runs))
    print(f"{passed} of {given.runs} runs passed, {given.suite}")
    return 0 if passed == given.runs else 1


if __name__ == "__main__":
    sys.exit(main())
