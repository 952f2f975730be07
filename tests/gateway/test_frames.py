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
        {"driver": "hoffen", "frames": [{"hex": "fa00002003010000"}, {"dir": "tx", "hex": "fa00008403010000"}]},
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


def test_a_record_alone_is_answered_where_its_driver_knows_it() -> None:
    damaged, empty, short = asked(
        {"driver": "omron-hem-7322t", "bytes": "6558541a333fde1800004c00ba00"},
        {"driver": "omron-hem-7322t", "bytes": "e200000000000000000000000000"},
        {"driver": "omron-hem-7322t", "bytes": "65"},
    )
    assert damaged["rejected"] == [{"frame": 0, "error": "Omron record.time at byte 4 of 14: is none"}]
    assert (empty["readings"], empty["rejected"]) == ([], [])
    assert short["rejected"][0]["error"] == "Omron record.length at byte 1 of 1: is too short"


def test_what_a_test_gave_to_a_function_counts_once_and_advertisements_are_heard() -> None:
    [scale, body, other] = asked(
        {"driver": "weight-scale", "frames": [{"hex": "00e803", "via": "parseWeight"}, {"hex": "00e803", "via": "notify", "uuid": "2A9D"}]},
        {"driver": "xiaomi-body-scale", "frames": [{"hex": "002200000000000000f401803e", "via": "parseFrame"}]},
        {"driver": "mi-band", "frames": [{"hex": "0202017dffffffffffffffffffffffffff02aabbccddeeff", "via": "manufacturer_data"}]},
    )
    assert len(scale["readings"]) == 1
    assert body["readings"][0]["weight"]["value"] == "80.000"
    assert other["readings"][0]["rate"]["value"] == "125"


def test_a_conversation_that_does_not_go_on_says_why() -> None:
    [said] = asked({"driver": "weight-scale", "frames": [{"hex": "200201", "uuid": "2A9F"}]})
    assert said["readings"] == []
    assert "has no measurement there" in said["ended"]
