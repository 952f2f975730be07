"""Other people's frames through our drivers, by the command: `replay --frames`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from gateway.cli import root


def asked(*lines: str | dict[str, Any]) -> list[dict[str, Any]]:
    text = "".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines)
    done = CliRunner().invoke(root, ["replay", "--frames", "-"], input=text)
    assert done.exit_code == 0, done.output
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_frames_are_answered_by_readings() -> None:
    [one, two, three] = asked(
        {"driver": "hoffen", "frames": [{"dir": "tx", "hex": "00"}, {"hex": "fa00002003010000"}]},
        {"driver": "weight-scale", "frames": [{"hex": "00e803", "uuid": "2A9D"}]},
        {"driver": "renpho-es26bb", "frames": [{"hex": "00001400000100001f4001f400"}]},
    )
    assert one["ok"]
    assert [(reading["kind"], reading["weight"]) for reading in one["readings"]] == [("Weight", {"value": "80", "unit": "kg"})]
    assert one["readings"][0]["frame"]["characteristic"] == "FFB2"
    assert two["readings"][0]["weight"] == {"value": "5.000", "unit": "kg"}
    assert (three["readings"], three["rejected"][0]["error"]) == ([], "Frame.checksum at byte 12 of 13: does not fit")


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("no JSON", "no JSON object"),
        ("[]", "no JSON object"),
        ("[" * 100_000, "no JSON object"),
        ({"driver": "nobody", "frames": []}, "there is no driver 'nobody'"),
        ({"driver": "hoffen"}, '"frames" is no list'),
        ({"driver": "hoffen", "frames": [1]}, "frame 0 is no object"),
        ({"driver": "hoffen", "frames": [{"hex": "xy"}]}, "frame 0 has no octets"),
        ({"driver": "hoffen", "frames": [{}]}, "frame 0 has no octets"),
        ({"driver": "hoffen", "frames": [{"hex": "00", "uuid": "none"}]}, "frame 0 has a uuid that is none"),
    ],
)
def test_what_cannot_be_answered_says_why_and_stops_nothing(line: str | dict[str, Any], why: str) -> None:
    [refused, answered] = asked(line, {"driver": "hoffen", "frames": []})
    assert not refused["ok"]
    assert why in refused["error"]
    assert answered == {"ok": True, "readings": [], "rejected": []}


def test_a_capture_is_not_read_from_the_standard_input() -> None:
    done = CliRunner().invoke(root, ["replay", "-"], input="")
    assert done.exit_code == 2
    assert "--frames" in done.output


def test_a_file_will_do(tmp_path: Path) -> None:
    file = tmp_path / "frames.ndjson"
    file.write_text(json.dumps({"driver": "hoffen", "frames": [{"hex": "fa00002003010000"}]}) + "\n")
    done = CliRunner().invoke(root, ["replay", "--frames", str(file)])
    assert json.loads(done.stdout)["ok"]
