"""`capture` and what it takes out when a capture is to be shown."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from drivers.kit.capture import Record, line, parse_all
from gateway.cli import root
from gateway.redaction import redacted
from tests.gateway.test_btsnoop import ADDRESS, conversation, written

SECRETS = ("SN-4711", "anna", "Bed", "012345", "aabbcc", ADDRESS, "system-id:secret")


def session(name: str = "s1", address: str = ADDRESS) -> list[Record]:
    settings = {"address": address, "name": "Bed", "person": "anna", "consent": {"1": 4711}, "bindkey": "aabbcc"}
    extra = {
        "a": address,
        "drv": "weight-scale",
        "label": "Scale",
        "mark": {"n": 5},
        "policy": {"consent": {"1": 4711}},
        "settings": settings,
    }
    return [
        Record(kind="open", session=name, extra=extra | {"settings": settings}),
        Record(kind="id", session=name, extra={"identity": "system-id:secret"}),
        Record(kind="rd", session=name, characteristic=0x2A25, data=b"SN-4711"),
        Record(kind="rd", session=name, characteristic=0x2A8A, data=b"anna"),
        Record(kind="wr", session=name, characteristic=0x2A9F, data=bytes.fromhex("020167120000")[:4]),
        Record(kind="rx", session=name, characteristic=0x2A9D, data=bytes.fromhex("00f401")),
        Record(kind="rd", session=name, characteristic=0x2A99, data=bytes.fromhex("07000000")),
    ]


def test_nothing_says_whose_it_is_and_everything_that_a_driver_needs_stays() -> None:
    kept = list(redacted([*session(), *session("s2", "C1:00:00:00:00:99"), *session("s3")]))
    text = b"".join(map(line, kept)).decode()
    for secret in SECRETS:
        assert secret not in text
        assert secret.encode().hex() not in text
    assert [record.kind for record in kept[:7]] == [record.kind for record in session()]
    assert kept[0].extra["mark"] == {"n": 5}
    assert kept[0].extra["drv"] == "weight-scale"
    assert kept[2].data == b"0000000"
    assert kept[4].data == bytes.fromhex("02010000"), "what is asked, and of which user"
    assert kept[5].data == bytes.fromhex("00f401"), "the reading"
    assert kept[6].data == bytes.fromhex("07000000")
    addresses = [record.extra["a"] for record in kept if record.kind == "open"]
    assert addresses == ["C0:00:00:00:00:01", "C0:00:00:00:00:02", "C0:00:00:00:00:01"], "who is who can still be told"


def run(*arguments: str, code: int = 0) -> str:
    result = CliRunner().invoke(root, ["capture", *arguments])
    assert result.exit_code == code, result.output
    return result.output


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "config.toml"
    path.write_text(f'[gateway]\nstate = "{tmp_path}/state"\n[[device]]\naddress = "{ADDRESS}"\n')
    (tmp_path / "state" / "intake").mkdir(parents=True)
    return path


def records(path: Path) -> list[Record]:
    found = list(parse_all(path.read_bytes().splitlines(keepends=True)))
    assert all(isinstance(record, Record) for record in found)
    return [record for record in found if isinstance(record, Record)]


def test_a_phone_s_log_becomes_a_capture_that_replay_reads(tmp_path: Path, config: Path) -> None:
    snoop, out = tmp_path / "btsnoop_hci.log", tmp_path / "capture.log"
    snoop.write_bytes(written(conversation(), 1002))
    run("--device", ADDRESS.lower(), "--from", str(snoop), "--driver", "blood-pressure", "--out", str(out), "-c", str(config))
    assert [record.kind for record in records(out)] == ["open", "rd", "rx", "end"]
    assert out.stat().st_mode & 0o777 == 0o600
    result = CliRunner().invoke(root, ["replay", str(out)])
    assert result.exit_code == 0, result.output
    kinds = [json.loads(text)["kind"] for text in result.output.splitlines()]
    assert "BloodPressure" in kinds


def test_the_last_conversation_with_a_device(tmp_path: Path, config: Path) -> None:
    log, out = tmp_path / "state" / "intake" / "intake-0000000000000000.log", tmp_path / "capture.log"
    late = Record(kind="rx", session="s3+", characteristic=0x2A9D, data=b"\x01")
    everything = [*session("s1"), *session("s2", "C1:00:00:00:00:99"), *session("s3"), session("s3+")[0], late]
    log.write_bytes(b"".join(map(line, everything)))
    run("--device", ADDRESS, "--last", "--redact", "--out", str(out), "-c", str(config))
    assert {record.session for record in records(out)} == {"s3", "s3+"}
    assert "anna" not in out.read_text()


def test_a_log_of_a_year_is_not_read_for_its_last_minute(tmp_path: Path, config: Path) -> None:
    intake, out = tmp_path / "state" / "intake", tmp_path / "capture.log"
    for number, name in ((0, "s1"), (5000, "s2"), (9000, "other")):
        address = ADDRESS if name != "other" else "C1:00:00:00:00:99"
        (intake / f"intake-{number:016}.log").write_bytes(b"".join(map(line, session(name, address))))
    (intake / "intake-0000000000000000.log").chmod(0)
    opened: list[str] = []
    original = Path.open

    def watched(self: Path, *arguments: object, **options: object) -> object:
        opened.append(self.name)
        return original(self, *arguments, **options)  # type: ignore[call-overload]  # passed through

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "open", watched)
        run("--device", ADDRESS, "--last", "--out", str(out), "-c", str(config))
    assert {record.session for record in records(out)} == {"s2"}
    assert "intake-0000000000000000.log" not in opened


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--last"], "no conversation with"),
        ([], "does not run"),
        (["--from", "{snoop}"], "name the --driver"),
        (["--from", "{config}", "--driver", "glucose"], "no btsnoop file"),
        (["--from", "{other}", "--driver", "glucose"], "nothing of"),
        (["--from", "{blind}", "--driver", "glucose"], "knew its services before"),
    ],
)
def test_what_stands_in_the_way_is_told(tmp_path: Path, config: Path, arguments: list[str], said: str) -> None:
    places = {"config": config, "snoop": tmp_path / "snoop", "other": tmp_path / "other", "blind": tmp_path / "blind"}
    places["snoop"].write_bytes(written(conversation(), 1002))
    places["other"].write_bytes(written([], 1002))
    packets = [packet for packet in conversation() if packet[1][9:10] != b"\x07"]
    places["blind"].write_bytes(written([*packets[:1], *packets[-5:]], 1002))
    out = tmp_path / "capture.log"
    output = run("--device", ADDRESS, "--out", str(out), "-c", str(config), *(text.format(**places) for text in arguments), code=1)
    assert said in output
    assert not out.exists()


def test_a_driver_that_is_being_written_need_not_be_known_yet(tmp_path: Path, config: Path) -> None:
    """The phone's log comes first, the driver after it."""
    snoop, out = tmp_path / "snoop", tmp_path / "capture.ndjson"
    snoop.write_bytes(written(conversation(), 1002))
    said = run("--device", ADDRESS, "--out", str(out), "-c", str(config), "--from", str(snoop), "--driver", "acme-bp7")
    assert "acme-bp7 is no driver of this hub" in said
    assert records(out)[0].extra["drv"] == "acme-bp7"
    assert records(out)[0].extra["source"] == "btsnoop: snoop"
    told = tmp_path / "told.ndjson"
    source = ("--source", "display: 120 over 80", "--redact")
    run("--device", ADDRESS, "--out", str(told), "-c", str(config), "--from", str(snoop), "--driver", "acme-bp7", *source)
    assert records(told)[0].extra["source"] == "display: 120 over 80"


def test_no_file_is_written_over(tmp_path: Path, config: Path) -> None:
    out = tmp_path / "capture.log"
    out.write_text("mine")
    assert "exists already" in run("--device", ADDRESS, "--last", "--out", str(out), "-c", str(config), code=1)
    assert out.read_text() == "mine"


def test_an_address_that_is_none_is_told(tmp_path: Path) -> None:
    assert "no Bluetooth address" in run("--device", "cuff", "--last", "--out", str(tmp_path / "x"), code=2)
