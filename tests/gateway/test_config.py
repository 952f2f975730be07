"""The configuration: every mistake at once, each with its line; the example is the documentation."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, TypeAdapter

from gateway import example
from gateway.config import Config, DeviceSection, GrantSection, PersonSection, load, parse
from gateway.config_sinks import SINKS
from gateway.errors import ConfigError
from gateway.locating import locate

EXAMPLE = Path(__file__).parents[2] / "config.example.toml"
PATH = Path("config.toml")

BAD = """\
[gateway]
state = "/var/lib/x"
sokcet = "/run/x"

[time]
trust = "maybe"

[[device]]
name = "cuff"
address = "AA:BB:CC:DD:EE:FF"
users = { 1 = "anna" }

[[device]]
adress = "11:22:33:44:55:66"
forget = "perhaps"

[bluetooth]
idle_seconds = -1
"""


def problems(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse(PATH, text)
    return str(caught.value).splitlines()


def test_all_problems_at_once_each_with_its_line() -> None:
    found = problems(BAD)
    assert found[0].startswith("config.toml:3: gateway.sokcet: unknown key; did you mean 'socket'?")
    assert any(line.startswith("config.toml:6: time.trust: ") and "'maybe'" in line for line in found)
    assert any(line.startswith("config.toml:14: device.1.adress: unknown key; did you mean 'address'?") for line in found)
    assert any(line.startswith("config.toml:18: bluetooth.idle_seconds: ") for line in found)
    assert len(found) == 5


@pytest.mark.parametrize("way", ["", 'address = "AA:BB:CC:DD:EE:FF"\nport = "0403:6001"\n'])
def test_a_device_has_one_way_to_it(way: str) -> None:
    [said] = problems(f'[[device]]\nname = "x"\n{way}')
    assert said.startswith("config.toml:1: device.0: ")
    assert "an address (Bluetooth) or a port (cable), one of the two" in said


def test_two_devices_on_one_port() -> None:
    assert problems('[[device]]\nport = "0403:6001"\n[[device]]\nport = "0403:6001"\n') == [
        "config.toml:4: device.1.port: the same port as device 0"
    ]


def test_keys_that_contradict_each_other() -> None:
    found = problems("""\
[[person]]
id = "anna"
[[device]]
address = "AA:BB:CC:DD:EE:FF"
person = "ben"
[[device]]
address = "aa:bb:cc:dd:ee:ff"
users = { 300 = "anna", 2 = "carl" }
""")
    assert found == [
        "config.toml:5: device.0.person: no [[person]] has the id 'ben'",
        "config.toml:7: device.1.address: the same address as device 0",
        "config.toml:8: device.1.users.2: no [[person]] has the id 'carl'",
        "config.toml:8: device.1.users.300: a user number is 0 to 254",
    ]


@pytest.mark.parametrize(("text", "line"), [("[gateway\n", 1), ("a = 1\nb = \n", 2), ('x = "\n', 1), ("[[device]]\n[device]\n", 2)])
def test_broken_toml_has_its_line(text: str, line: int) -> None:
    assert problems(text)[0].startswith(f"config.toml:{line}: no valid TOML")


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        load(tmp_path / "none.toml")
    (tmp_path / "latin.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="not UTF-8"):
        load(tmp_path / "latin.toml")


def test_an_empty_file_is_all_defaults() -> None:
    assert parse(PATH, "") == Config()


def test_locate_finds_tables_arrays_and_keys() -> None:
    text = "[a]\nx = 1\n[[b]]\n[[b]]\ny = 2\n[b.c]\nz = 3\n"
    assert locate(text, ("a", "x")) == 2
    assert locate(text, ("b", 1, "y")) == 5
    assert locate(text, ("b", 1, "missing")) == 4
    assert locate(text, ("b", 1, "c", "z")) == 7
    assert locate(text, ("nowhere",)) is None


def test_the_example_is_valid_and_says_what_the_models_say() -> None:
    """Every key stands in the example with its description; whoever adds one is reminded here."""
    text = EXAMPLE.read_text()
    load(EXAMPLE)
    flat = " ".join(line.lstrip("# ") for line in text.splitlines())

    def inside(annotation: Any) -> Iterator[type[BaseModel]]:
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            yield annotation
        for inner in getattr(annotation, "__args__", ()):
            yield from inside(inner)

    def walk(model: type[BaseModel]) -> None:
        for name, field in model.model_fields.items():
            if field.description:
                assert f"{name} = " in text, f"{name} is not in config.example.toml"
                assert field.description in flat, f"{name}: {field.description!r} is not in config.example.toml"
            for inner in inside(field.annotation):
                walk(inner)

    walk(Config)


def test_the_example_is_what_the_models_make() -> None:
    """`make example` writes it anew."""
    assert EXAMPLE.read_text() == example.render()


def test_every_example_is_a_value_that_its_key_may_have() -> None:
    """Those that are commented out as well."""
    shown: dict[str, dict[str, Any]] = {}
    where = ""
    for line in EXAMPLE.read_text().splitlines():
        if found := re.match(r"#?\[+([a-z_.]+)\]+$", line):
            where = found[1]
        elif re.match(r"#?\w+ = ", line):
            shown.setdefault(where, {}).update(tomllib.loads(line.removeprefix("#")))
    models: dict[str, type[BaseModel]] = {name: example._model(name) for name in example.SECTIONS}
    models |= {"person": PersonSection, "device": DeviceSection, "grant": GrantSection}
    models |= {f"sink.{name}": SINKS[kind] for name, (kind, _) in example.SINK_EXAMPLES.items()}
    assert set(shown) == set(models)
    assert {kind for kind, _ in example.SINK_EXAMPLES.values()} == set(SINKS)
    for name, model in models.items():
        assert set(shown[name]) == set(model.model_fields), name
        for key, value in shown[name].items():
            field = model.model_fields[key]
            kind: Any = Annotated[(field.annotation, *field.metadata)] if field.metadata else field.annotation
            TypeAdapter(kind).validate_python(value)


def test_a_key_without_default_and_example_is_found() -> None:
    class Lacking(BaseModel):
        key: str

    with pytest.raises(ValueError, match=r"Lacking\.key"):
        list(example._keys(Lacking, {}, said={}))


QUEUE = """\
[sink.archive]
type = "file"
[sink.queue]
type = "mqtt"
host = "broker"
"""


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ("prot = 1", "config.toml:6: sink.queue.prot: unknown key; did you mean 'port'?"),
        ("port = 70000", "config.toml:6: sink.queue.port: Input should be less than or equal to 65535 (is 70000)"),
        ('ca_file = "x"', "config.toml:6: sink.queue.ca_file: is of no use without tls = true"),
        (
            'protocol = "3.1.1"\nack = "receiver"',
            'config.toml:7: sink.queue.ack: receipts need MQTT 5: set protocol = "5" or ack = "broker"',
        ),
        ('tls = true\nkey_file = "k"', "config.toml:7: sink.queue.key_file: is of no use without certificate_file"),
        ('username = "a"\nusername_file = "b"', "config.toml:7: sink.queue.username_file: the user is given twice, here and by username"),
        ('topic = "a/+"', "config.toml:6: sink.queue.topic: String should match pattern"),
        ("[sink.x]\ntype = 'ftp'", "config.toml:6: sink.x: "),
    ],
)
def test_a_mistake_in_a_sink_is_told_with_its_line(more: str, told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(Path("config.toml"), QUEUE + more + "\n")
    assert told in str(caught.value)
