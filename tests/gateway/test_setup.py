"""A first configuration by question and answer."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from gateway.cli import root
from gateway.cli.common import Failed
from gateway.cli.listening import Heard
from gateway.config import Config, load
from gateway.config_sinks import FileSection, HomeAssistantSection
from gateway.setting_up import render

ROOT = Path(__file__).parents[2]
CUFF = Heard("C1:22:33:44:55:66", "Cuff", "Blood pressure monitor", -60)
SCALE = Heard("C1:22:33:44:55:77", None, "Scale", None)
STRANGER = Heard("C1:22:33:44:55:88", "Lamp", None, -30)


@pytest.fixture
def air(monkeypatch: pytest.MonkeyPatch) -> list[Heard]:
    """What is heard; each twice, as devices are."""
    found: list[Heard] = []

    def listen(_seconds: float, tell: Callable[[Heard], None]) -> None:
        for heard in [*found, *found]:
            tell(heard)

    monkeypatch.setattr("gateway.cli.setup.listen", listen)
    return found


def answered(path: Path, *answers: str) -> Result:
    return CliRunner().invoke(root, ["setup", "-c", str(path)], input="".join(f"{answer}\n" for answer in answers))


def test_people_devices_and_home_assistant(tmp_path: Path, air: list[Heard]) -> None:
    air += [CUFF, STRANGER, SCALE]
    path = tmp_path / "etc" / "config.toml"
    people = ["anna", "nobody", "anna", "ben", ""]
    devices = ["y", "y", "Cuff in the hall", "anna", "y", "Scale", "everybody"]
    done = answered(path, *people, *devices, "homeassistant", "ha.lan", "hub", "hush", "n", "y")
    assert done.exit_code == 0, done.output
    assert "Lamp" not in done.output
    assert "hush" not in done.output
    config = load(path)
    assert [person.id for person in config.person] == ["anna", "ben"]
    assert [(one.address, one.name, one.person) for one in config.device] == [
        (CUFF.address, "Cuff in the hall", "anna"),
        (SCALE.address, "Scale", None),
    ]
    section = config.sink["homeassistant"]
    assert isinstance(section, HomeAssistantSection)
    assert (section.host, section.username) == ("ha.lan", "hub")
    assert section.password_file is not None
    assert section.password_file.read_text() == "hush\n"
    assert {file.stat().st_mode & 0o777 for file in (path, section.password_file)} <= {0o600, 0o640}
    assert config.gateway.sign
    text = path.read_text()
    assert text.count("# Everything it measures belongs to this person") == 1
    assert "\n# The broker's name or address\nhost = " in text
    assert "hush" not in text


def test_a_file_and_no_device(tmp_path: Path, air: list[Heard]) -> None:
    path = tmp_path / "config.toml"
    done = answered(path, "", "n", "file", "n")
    assert done.exit_code == 0, done.output
    assert "No device is listed yet" in done.output
    assert load(path).sink == {"file": FileSection(type="file")}
    again = answered(path)
    assert again.exit_code == 1
    assert f"Error: {path} exists already; name another file with -c, or move it away" in again.output


def test_the_example_of_an_installation_is_put_aside(tmp_path: Path, air: list[Heard]) -> None:
    path = tmp_path / "config.toml"
    example = (ROOT / "config.example.toml").read_text()
    path.write_text(example)
    bad = answered(path, "", "n", "webhook", "ftp://x", "n")
    assert "nothing was written" in bad.output
    assert path.read_text() == example
    assert answered(path, "anna", "", "n", "file", "n").exit_code == 0
    assert (tmp_path / "config.toml.example").read_text() == example
    assert [person.id for person in load(path).person] == ["anna"]
    path.write_text(example + "# mine\n")
    assert "exists already" in answered(path).output


def test_who_gives_up_leaves_nothing(tmp_path: Path, air: list[Heard]) -> None:
    path = tmp_path / "config.toml"
    done = answered(path, "anna", "", "n", "mqtt", "broker.lan", "hub")
    assert done.exit_code == 1
    assert "Aborted!" in done.output
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_is_told_and_nothing_is_written(tmp_path: Path, air: list[Heard]) -> None:
    path = tmp_path / "config.toml"
    done = answered(path, "", "n", "webhook", "ftp://x", "n")
    assert done.exit_code == 1
    assert "sink.webhook.url" in done.output
    assert "nothing was written" in done.output
    assert list(tmp_path.iterdir()) == []
    done = answered(tmp_path / "file" / "config.toml", "", "n", "file", "n")
    assert done.exit_code == 0
    done = answered(tmp_path / "file" / "config.toml" / "config.toml", "", "n", "file", "n")
    assert "Not a directory; nothing was written" in done.output or "File exists; nothing was written" in done.output


def test_without_an_adapter_it_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def listen(_seconds: float, _tell: Any) -> None:
        raise Failed("there is no Bluetooth adapter")

    monkeypatch.setattr("gateway.cli.setup.listen", listen)
    done = answered(tmp_path / "config.toml", "anna", "", "y", "file", "n")
    assert done.exit_code == 0
    assert "there is no Bluetooth adapter; devices can be added to the file later" in done.output


@pytest.mark.parametrize("name", ["Änna", 'a "quoted" one', "back\\slash", "tab\tline\nfeed", "💓", "\x7f\x1f", "'"])
def test_whatever_is_chosen_is_read_back(name: str) -> None:
    chosen: dict[str, Any] = {
        "person": [{"id": name}],
        "device": [{"address": "C1:22:33:44:55:66", "name": name, "users": {"1": name}}],
        "sink": {name: {"type": "file", "rotate_mb": 3}},
    }
    assert tomllib.loads(render(chosen)) == chosen
    assert Config.model_validate(tomllib.loads(render(chosen))).device[0].name == name
