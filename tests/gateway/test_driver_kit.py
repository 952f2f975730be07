"""`driver new`, `test`, `serve` and `try`, and the shelf: as a device maker uses them."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gateway import registry
from gateway.cli import root
from gateway.loading import trusted_files
from gateway.newdriver import gatt_frame
from tests.gateway.test_btsnoop import ADDRESS, att, complete, gone, written


def run(*words: str, **kwargs: str) -> Result:
    return CliRunner().invoke(root, list(words), **kwargs)  # type: ignore[arg-type]


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A new package; its driver is `acme_bp7_driver/bp_7.py`."""
    made = run("driver", "new", "acme-bp7", "--maker", "ACME", "--model", "BP 7", "--into", str(tmp_path / "made"))
    assert made.exit_code == 0, made.output
    return tmp_path / "made" / "acme_bp7_driver" / "bp_7.py"


def test_a_new_package_passes_and_says_so(package: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    done = run("driver", "test", str(package), "--report", str(report))
    assert done.exit_code == 0, done.output
    assert "19 of 19 laws hold; captures: 1, frames: 4" in done.output
    said = json.loads(report.read_text())
    assert (said["driver"], said["vocabulary"]) == ("acme-bp7", "1.0")
    assert {law["holds"] for law in said["laws"]} == {True}
    assert json.loads(run("driver", "test", str(package), "--json").stdout)["laws"] == said["laws"]


def test_a_broken_law_is_named_with_what_breaks_it(package: Path) -> None:
    package.write_text(package.read_text().replace("Source:", "From:"))
    done = run("driver", "test", str(package))
    assert done.exit_code == 1
    assert "BROKEN  story" in done.output
    assert "does not say where the facts come from" in done.output


def test_a_capture_from_elsewhere_counts_too(package: Path, tmp_path: Path) -> None:
    torn = tmp_path / "mine.ndjson"
    torn.write_text(
        '{"k":"open","s":"1","drv":"acme-bp7","chars":["FFF1"],"source":"mine"}\nno record\n{"k":"rx","s":"9","u":"FFF1","d":"00"}\n'
    )
    done = run("driver", "test", str(package), "--capture", str(torn))
    assert done.exit_code == 1
    assert "mine.ndjson: at byte" in done.output
    assert "a session without a beginning" in done.output
    assert "mine.ndjson gives no reading" in done.output


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("new", "ACME", "--maker", "A", "--model", "B"), "no name for a driver"),
        (("new", "acme", "--maker", 'A"""', "--model", "B"), "letters, digits and spaces"),
        (("test", "nobody"), "there is no driver 'nobody'"),
        (("test", "/nowhere/x.py"), "/nowhere/x.py: no such file"),
        (("serve", "nobody"), "there is no driver 'nobody'"),
        (("try", "nobody"), "there is no driver 'nobody'"),
    ],
)
def test_what_cannot_be_done_is_told_in_a_sentence(words: tuple[str, ...], why: str, tmp_path: Path) -> None:
    done = run("driver", *words, *(("--into", str(tmp_path / "x")) if words[0] == "new" else ()))
    assert done.exit_code == 1
    assert why in done.output
    assert not (tmp_path / "x").exists()


def test_nothing_is_written_over(package: Path) -> None:
    before = package.read_text()
    done = run("driver", "new", "other", "--maker", "A", "--model", "B", "--into", str(package.parents[1]))
    assert "is not empty" in done.output
    assert package.read_text() == before


@pytest.mark.parametrize("shape", ["gatt", "profile", "cable"])
def test_a_new_package_is_read_from_its_virtual_device_end_to_end(shape: str, tmp_path: Path) -> None:
    """By the real gateway, in a process of its own: over a virtual radio, or behind a virtual cable."""
    command = [sys.executable, "-m", "gateway", "driver"]
    subprocess.run(
        [*command, "new", "acme", "--maker", "ACME", "--model", "X1", "--shape", shape, "--into", str(tmp_path / "made")],
        check=True,
        capture_output=True,
    )
    done = subprocess.run(
        [*command, "serve", str(tmp_path / "made" / "acme_driver" / "x1.py")], check=False, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert "capture 1: 2 of 2 records arrived" in done.stderr
    values = {"gatt": ["81.25 kg", "63.4 kg"], "profile": ["25.600 kg", "20.000 kg"], "cable": ["5.4 mmol/L", "7.1 mmol/L"]}[shape]
    assert len(done.stdout.splitlines()) >= 2
    for value in values:
        assert value in done.stdout


@pytest.mark.parametrize("name", ["omron-hem-7600t", "viatom-pc60fw", "xiaomi-mibeacon", "glucose"])
def test_drivers_of_the_tree_are_read_from_their_virtual_devices(name: str) -> None:
    """One that asks block by block, a service of 128 bits, an encrypted advertisement, a record access control point."""
    done = subprocess.run(
        [sys.executable, "-m", "gateway", "driver", "serve", name], check=False, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr


def test_a_device_that_does_not_say_all_is_told(package: Path) -> None:
    """Served by a driver that expects more than the gateway's has read: the readings are counted."""
    text = package.read_text()
    package.write_text(text.replace('local_name="BP 7*"', 'local_name="BQ 7*"'))
    done = subprocess.run(
        [sys.executable, "-m", "gateway", "driver", "serve", str(package), "--seconds", "4"],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert "0 of 2 records arrived" in done.stderr


def test_files_in_the_administrators_folder_are_drivers(package: Path, tmp_path: Path) -> None:
    """If nobody else may write there."""
    folder = tmp_path / "drivers"
    folder.mkdir(mode=0o755)
    (folder / "acme.py").write_text(package.read_text())
    (folder / "torn.py").write_text("x = 1\ndef broken(:\n")
    (folder / "_helper.py").write_text("raise KeyError\n")
    found = registry.load(folder=folder)
    assert "acme-bp7" in found.by_name
    assert [str(problem) for problem in found.problems] == [f"{folder}/torn.py:2: SyntaxError: invalid syntax"]
    (folder / "acme.py").chmod(0o664)
    (folder / "torn.py").unlink()
    found = registry.load(folder=folder)
    assert "acme-bp7" not in found.by_name
    assert [str(problem) for problem in found.problems] == [
        f"{folder}/acme.py may be written by others than its owner; it is not loaded: chown root, chmod go-w"
    ]
    (folder / "acme.py").chmod(0o644)
    for mode in (0o775, 0o757, 0o1777):
        folder.chmod(mode)
        found = registry.load(folder=folder)
        assert "acme-bp7" not in found.by_name
        assert "may be written by others" in str(found.problems[0])
    folder.chmod(0o755)
    assert "acme-bp7" in registry.load(folder=folder).by_name


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a file away")
def test_a_driver_of_somebody_elses_is_not_loaded(tmp_path: Path) -> None:
    folder = tmp_path / "drivers"
    folder.mkdir()
    (folder / "theirs.py").write_text("")
    os.chown(folder / "theirs.py", 12345, 12345)
    files, problems = trusted_files(folder)
    assert files == []
    assert "is not root's" in str(problems[0])
    assert trusted_files(folder, owner=12345) == ([folder / "theirs.py"], [])
    assert trusted_files(tmp_path / "nothing") == ([], [])


def test_the_shelf_is_searched_by_every_word() -> None:
    done = run("devices", "beurer", "serial")
    assert done.exit_code == 0, done.output
    assert "beurer-serial" in done.output
    assert "beurer-bf720" not in done.output
    found = json.loads(run("devices", "--json").stdout)
    assert len(found) >= 85
    assert {"device", "maker", "driver", "transport", "names", "facts"} <= found[0].keys()
    nothing = run("devices", "toaster")
    assert nothing.exit_code == 1
    assert "no device has toaster" in nothing.output


def test_a_driver_that_came_by_itself_is_on_the_shelf(package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from gateway.directory import entries  # noqa: PLC0415 - for this test

    made, loaded = registry.with_file(package)
    assert loaded.driver.name == "acme-bp7"
    [entry] = [one for one in entries(made) if one.driver == "acme-bp7"]
    assert (entry.maker, entry.device, entry.names, entry.facts.reads) == ("ACME", "ACME BP 7", ("BP 7*",), ("weight",))
    assert entry.facts.tested == ("constructed octets",)


def test_from_a_phones_log_to_a_passing_driver(package: Path, tmp_path: Path) -> None:
    """The log is the maker's app's, the driver is the example's, and the example's own capture is gone."""
    captures = package.parent / "captures"
    (captures / "acme-bp7.ndjson").unlink()
    frames = [gatt_frame(0, 8100), gatt_frame(1, 8130)]
    found = struct.pack("<HBHH", 0x11, 0x10, 0x12, 0xFFF1)
    packets = [
        ("E", complete()),
        (">", att(b"\x08" + struct.pack("<HHH", 1, 0xFFFF, 0x2803))),
        ("<", att(b"\x09\x07" + found)),
        *(("<", att(b"\x1b" + struct.pack("<H", 0x12) + frame)) for frame in frames),
        ("E", gone()),
    ]
    log = tmp_path / "btsnoop_hci.log"
    log.write_bytes(written(packets, 1002))
    out = captures / "phone.ndjson"
    done = run(
        "capture", "--device", ADDRESS, "--from", str(log), "--driver", "acme-bp7", "--out", str(out), "--source", "display: 81.3 kg"
    )
    assert done.exit_code == 0, done.output
    assert "display: 81.3 kg" in out.read_text().splitlines()[0]
    tested = run("driver", "test", str(package))
    assert tested.exit_code == 0, tested.output
    assert "19 of 19 laws hold; captures: 1, frames: 2" in tested.output
