"""The journal in other shapes."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import os
from pathlib import Path
from typing import Any

import pytest
from lxml import etree
from pydantic import TypeAdapter

from gateway.api import functions
from gateway.exports import healthvault_xml
from gateway.normalize import codes
from gateway.normalize.things import BY_NAME, TYPES
from gateway.simulator.play import play
from gateway.sinks.file import FileSink

SCHEMA = etree.XMLSchema(etree.parse(Path(__file__).parents[1] / "vectors" / "healthvault.xsd"))
ORIGINALS = os.environ.get("HEALTHVAULT_XSD")
"""A directory with HealthVault's own schemas, for those who have them: the test then asks them, too."""
NAMESPACES = {
    "blood-pressure": ("bp", "urn:com.microsoft.wc.thing.BloodPressure"),
    "weight": ("weight", "urn:com.microsoft.wc.thing.weight"),
    "body-composition": ("body-composition", "urn:com.microsoft.wc.thing.body-composition"),
    "blood-glucose": ("blood-glucose", "urn:com.microsoft.wc.thing.BloodGlucose"),
    "heart-rate": ("heart-rate", "urn:com.microsoft.wc.thing.heart-rate"),
    "blood-oxygen-saturation": ("blood-oxygen-saturation", "urn:com.microsoft.wc.thing.blood-oxygen-saturation"),
    "vital-signs": ("vital-signs", "urn:com.microsoft.wc.thing.vital-signs"),
    "exercise": ("exercise", "urn:com.microsoft.wc.thing.exercise"),
    "exercise-samples": ("exercise-samples", "urn:com.microsoft.wc.thing.exercise-samples"),
    "diabetes-insulin-injection-use": ("insulin-injection-use", "urn:com.microsoft.wc.thing.insulin-injection-use"),
    "app-specific": ("application", "urn:com.microsoft.wc.thing.application"),
    "device": ("device", "urn:com.microsoft.wc.thing.equipment"),
}


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    state = tmp_path_factory.mktemp("exports")
    asyncio.run(play(state, seed=5, seconds=7, sinks={"file": FileSink(state / "things.ndjson")}))
    return state / "journal.db"


def things(journal: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in functions.export(journal, "ndjson", None)]


def assert_valid_by_the_originals(info: Any, directory: Path) -> None:
    """The root of each thing is moved into its schema's target namespace, and nothing else."""
    for thing in info:
        element = etree.fromstring(etree.tostring(thing.find("data-xml")[0]))
        file, namespace = NAMESPACES[element.tag]
        element.tag = f"{{{namespace}}}{element.tag}"
        etree.XMLSchema(etree.parse(directory / f"{file}.xsd")).assertValid(etree.fromstring(etree.tostring(element)))


def test_the_virtual_devices_show_every_thing_type(journal: Path) -> None:
    assert {thing["type"] for thing in things(journal)} == set(BY_NAME)


def test_every_thing_fits_its_published_schema(journal: Path) -> None:
    """What is handed out can be read back by the model that the JSON Schema is made from, to the same text."""
    for line in functions.export(journal, "ndjson", None):
        thing = json.loads(line)
        model = BY_NAME[thing["type"]].model_validate_json(line)
        assert json.loads(model.model_dump_json(by_alias=True, exclude_none=True)) == thing
        assert thing["schema"] == 1
        assert thing["provenance"]["simulated"] is True


def test_no_number_is_a_json_float(journal: Path) -> None:
    """Measured values are strings with their digits."""
    for thing in things(journal):
        for value in thing["data"].values():
            if isinstance(value, dict) and "display" in value:
                assert isinstance(value["value"], str)
                assert isinstance(value["display"]["value"], str)


def test_the_json_schema_names_every_type() -> None:
    for model in TYPES:
        schema = TypeAdapter(model).json_schema(mode="serialization", by_alias=True)
        assert {"schema", "id", "version", "type", "when", "data"} <= set(schema["properties"])


def test_healthvault_xml_is_valid(journal: Path) -> None:
    """Against the facts of HealthVault's schemas; roots in no namespace; one thing per latest version."""
    root = etree.fromstring("".join(functions.export(journal, "healthvault-xml", None)).encode())
    SCHEMA.assertValid(root)
    if ORIGINALS is not None:
        assert_valid_by_the_originals(root, Path(ORIGINALS))
    assert len(root) == len({thing["id"] for thing in things(journal)})
    assert all("}" not in element.tag for element in root.iter())
    late = list(root.iter("measurement-context"))
    assert len(late) == 4, "the late context is in the latest version"


def test_the_facts_can_be_broken(journal: Path) -> None:
    """The schema refuses what HealthVault refuses: a fraction of 97, a missing type, a swapped order."""
    text = "".join(functions.export(journal, "healthvault-xml", None))
    assert not SCHEMA.validate(etree.fromstring(text.replace("<value>0.9700</value>", "<value>97</value>").encode()))
    root = etree.fromstring(text.encode())
    for kind in list(root.iter("glucose-measurement-type")):
        kind.getparent().remove(kind)
    assert not SCHEMA.validate(root)


def test_a_device_may_call_itself_anything(journal: Path) -> None:
    """Control characters and formulas in a device's texts do not break a file or a spreadsheet."""
    thing = next(t for t in things(journal) if t["type"] == "device")
    thing["data"]["model"] = "A\x00B\x1b<&"
    thing["device"]["name"] = "=HYPERLINK(1)"
    element = healthvault_xml.thing_element(thing)
    from xml.etree.ElementTree import fromstring, tostring  # noqa: PLC0415 - for this test

    assert fromstring(tostring(element, encoding="unicode")).find(".//model").text == "A\ufffdB\ufffd<&"  # type: ignore[union-attr]

    from gateway.exports import csv as as_csv  # noqa: PLC0415 - likewise
    from gateway.journal import Row  # noqa: PLC0415 - likewise

    rows = list(csv.DictReader(io.StringIO("".join(as_csv.lines([Row(1, "x", 1, "device", 2, json.dumps(thing))])))))
    assert rows[0]["device"] == "'=HYPERLINK(1)"


def test_csv_has_a_row_per_value(journal: Path) -> None:
    rows = list(csv.DictReader(io.StringIO("".join(functions.export(journal, "csv", None)))))
    pressures = [row for row in rows if row["type"] == "blood-pressure" and row["quantity"] == "systolic"]
    assert len(pressures) == 13
    assert {row["unit"] for row in pressures} == {"mm[Hg]"}
    assert all(row["id"] and row["time"] for row in rows)
    treadmill = {row["quantity"]: row for row in rows if row["type"] == "exercise" and row["displayed_unit"] in ("m", "kcal")}
    assert {"distance", "energy"} <= set(treadmill)
    assert (treadmill["energy"]["unit"], treadmill["energy"]["displayed_unit"]) == ("kJ", "kcal")


def test_since_leaves_out_what_was_taken_before(journal: Path) -> None:
    every = things(journal)
    some = [json.loads(line) for line in functions.export(journal, "ndjson", "2024-01-01")]
    assert 0 < len(some) < len(every)
    assert all(thing["when"]["time"] >= "2024-01-01" for thing in some)


def test_every_code_and_unit_is_in_the_one_table(journal: Path) -> None:
    """Codes and units of every thing that the virtual devices make."""
    listed = [*(item for item in vars(codes).values() if isinstance(item, codes.Code)), *codes.GLUCOSE.values(), *codes.DETAILS.values()]
    known = {(code.mdc, code.loinc) for code in listed}
    assert all(code.source for code in listed)
    made = [thing for thing in things(journal) if thing["type"] != "coded-observation"]  # those pass through what devices say
    said = [value for thing in made for value in (thing["data"] | thing["data"].get("details", {})).values()]
    measured = [value for value in said if isinstance(value, dict) and "display" in value]
    assert len(measured) > 50
    for value in measured:
        assert (value.get("mdc"), value.get("loinc")) in known
        assert {value["unit"], value["display"]["unit"]} <= codes.UNITS
