"""The invariants of the raw log, each by its number in `gateway.intake`."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from drivers.kit.capture import CaptureError, Record, line, parse
from gateway.intake import Intake, read, segments


def record(number: int, kind: str = "rx") -> Record:
    return Record(kind=kind, session="s", characteristic=0x2A35, data=number.to_bytes(4, "little"), time=1.5 + number, boottime=2.5)


def numbers(directory: Path, start: int = 0) -> list[int]:
    return [int.from_bytes(r.data, "little") for r in read(directory, start) if isinstance(r, Record)]


def test_1a_written_before_append_returns(tmp_path: Path) -> None:
    """A killed process loses nothing that append returned for."""
    code = (
        "import os, signal, sys; from pathlib import Path; from gateway.intake import Intake; "
        "from tests.gateway.test_intake import record\n"
        "log = Intake(Path(sys.argv[1]))\n"
        "for n in range(50): log.append(record(n))\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False, cwd=Path(__file__).parents[2])
    assert done.returncode == -signal.SIGKILL
    assert numbers(tmp_path) == list(range(50))


async def test_1b_on_the_medium_before_flush_returns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Flush waits for fdatasync, once for everybody, and not at all when nothing is new."""
    synced: list[int] = []
    real = os.fdatasync

    def noted(fd: int) -> None:
        synced.append(os.fstat(fd).st_size)
        real(fd)

    log = Intake(tmp_path)
    monkeypatch.setattr(os, "fdatasync", noted)
    for number in range(10):
        log.append(record(number))
    await log.flush()
    assert synced == [log.position]
    await log.flush()
    assert len(synced) == 1


async def test_1c_on_the_medium_soon_in_any_case(tmp_path: Path) -> None:
    """Nobody has to wait for it."""
    log = Intake(tmp_path)
    keeping = asyncio.create_task(log.keep_durable())
    log.append(record(0))
    assert log.durable < log.position
    async with asyncio.timeout(5):
        while log.durable < log.position:  # noqa: ASYNC110 - a file has no event
            await asyncio.sleep(0.01)
    keeping.cancel()


def test_2_positions_are_octets_over_all_segments(tmp_path: Path) -> None:
    log = Intake(tmp_path, segment_bytes=300)
    positions = [log.append(record(n)) for n in range(20)]
    log.close()
    assert len(segments(tmp_path)) > 3
    sizes = [len(line(record(n))) for n in range(20)]
    assert positions == [sum(sizes[:n]) for n in range(20)]
    assert positions == [r.position for r in read(tmp_path) if isinstance(r, Record)]
    assert numbers(tmp_path, positions[13]) == list(range(13, 20))
    again = Intake(tmp_path, segment_bytes=300)
    assert again.append(record(20)) > positions[-1]
    again.close()
    assert numbers(tmp_path) == list(range(21))


@pytest.mark.parametrize("bit", range(0, 640, 7))
def test_3_damage_to_a_line_hides_no_other(tmp_path: Path, bit: int) -> None:
    """Flip any bit of the middle line: the others are all there, and the damage is told with its position."""
    log = Intake(tmp_path)
    positions = [log.append(record(n)) for n in range(5)]
    log.close()
    path = segments(tmp_path)[0][1]
    data = bytearray(path.read_bytes())
    where = positions[2] + (bit // 8) % (positions[3] - positions[2])
    data[where] ^= 1 << bit % 8
    path.write_bytes(data)
    found = numbers(tmp_path)
    assert [n for n in found if n != 3] == [0, 1, 4] or found == [0, 1, 3, 4]
    assert any(isinstance(item, CaptureError) and positions[1] < item.position < positions[4] for item in read(tmp_path))


def test_4_half_a_line_is_closed_not_written_over(tmp_path: Path) -> None:
    log = Intake(tmp_path)
    log.append(record(0))
    log.append(record(1))
    log.close()
    path = segments(tmp_path)[0][1]
    path.write_bytes(path.read_bytes()[:-9])
    again = Intake(tmp_path)
    again.append(record(2))
    again.close()
    assert numbers(tmp_path) == [0, 2]
    assert sum(isinstance(item, CaptureError) for item in read(tmp_path)) == 1


def test_2_positions_are_not_given_twice_after_segments_were_taken_away(tmp_path: Path) -> None:
    log = Intake(tmp_path)
    first, last = log.append(record(0)), log.append(record(1))
    log.close()
    for _start, path in segments(tmp_path):
        path.unlink()
    again = Intake(tmp_path)
    again.begin_behind(last)
    assert again.append(record(2)) > last > first
    end = again.position
    again.begin_behind(last)
    assert again.position == end, "nothing to do"
    again.close()
    assert numbers(tmp_path) == [2]


def test_5_a_failed_write_reaches_the_caller(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk: the frame counts as not taken, and the half line does not spoil the next."""
    log = Intake(tmp_path)
    log.append(record(0))
    real = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: real(fd, data[:10]))
    with pytest.raises(OSError, match="part of a record"):
        log.append(record(1))
    monkeypatch.undo()
    position = log.append(record(2))
    log.close()
    assert numbers(tmp_path) == [0, 2]
    assert position in [r.position for r in read(tmp_path) if isinstance(r, Record)]


def test_6_a_line_is_its_record() -> None:
    """What is written is what is read; a line without a checksum was written by hand and is taken."""
    for kind in ("rx", "rd", "wr", "idle", "end"):
        given = record(7, kind)
        again = parse(line(given))
        assert (again.kind, again.characteristic, again.time, again.boottime) == (kind, 0x2A35, 8.5, 2.5)
        assert again.data == (given.data if kind in ("rx", "rd", "wr") else b"")
    assert parse(b'{"k":"rx","u":"2a35","d":"00 01"}').data == b"\x00\x01"


@pytest.mark.parametrize(
    "raw", [b"", b"[]", b"{}", b'{"k":"rx","d":"zz"}', b"\xff\xfe", b'{"k":"rx","t":"x"}', b"{}\tzz", b'{"k":1}\t00000000']
)
def test_what_is_no_record_is_told(raw: bytes) -> None:
    with pytest.raises(CaptureError):
        parse(raw)
