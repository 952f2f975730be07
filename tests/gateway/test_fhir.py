"""Things as FHIR: by the guide's rules, by R4's own definitions, and as the device displayed them."""

from __future__ import annotations

import asyncio
import copy
import json
import tempfile
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from fhir.resources.R4B import get_fhir_model_class

from gateway.exports.fhir import identifier
from gateway.exports.fhir.bundle import Transaction
from gateway.exports.fhir.observations import NoForm
from gateway.exports.fhir.parties import Home, phd
from gateway.exports.fhir.terms import written
from gateway.filing import Filing
from gateway.journal import Journal
from gateway.replay import work_off
from tests.support import golden
from tests.support.fhir_rules import is_coincident, problems, profiles
from tests.support.replaying import CAPTURES, records

HOME = Home("c0ffee00", "1.2.3", patient_system="urn:oid:2.999.1.2.3")
Thing = dict[str, Any]


async def _things(path: Path) -> list[Thing]:
    with tempfile.TemporaryDirectory() as place:
        journal = Journal(Path(place) / "journal.db")
        await work_off(records(path), golden.REGISTRY, Filing(journal, ZoneInfo("Europe/Berlin")))
        found = [json.loads(row.body) for row in journal.everything()]
        journal.close()
        return found


def made(*things: Thing, home: Home = HOME, before: tuple[str, ...] = ()) -> Thing:
    transaction = Transaction(home)
    for thing in things:
        transaction.add(thing if thing["type"] == "device" else {"person": "anna", **thing}, before)
    return transaction.bundle()


def resources(bundle: Thing, kind: str = "Observation") -> list[Thing]:
    return [entry["resource"] for entry in bundle["entry"] if entry["resource"]["resourceType"] == kind]


@pytest.fixture(scope="module")
def cuff() -> Thing:
    """A reading of a cuff that is 53 seconds behind."""
    found = asyncio.run(_things(CAPTURES / "blood-pressure.ndjson"))
    return next(one for one in found if one["when"]["quality"] == "corrected" and one["type"] == "blood-pressure")


@pytest.mark.parametrize("path", golden.every(), ids=golden.name)
async def test_what_any_driver_reads_keeps_to_the_guide_and_to_r4(path: Path) -> None:
    """Alone and all together. `fhir.resources` ships R4B, whose Observation, Device, Patient and Bundle take what R4's take, and more
    that is not used here.
    """
    forms: list[Thing] = []
    for thing in await _things(path):
        try:
            alone = made(thing)
        except NoForm:
            assert thing["type"] == "exercise-samples"
            continue
        assert problems(alone) == []
        forms.append(thing)
    together = made(*forms)
    assert problems(together) == []
    text = written(together)
    for entry in json.loads(text, parse_float=Decimal)["entry"]:
        get_fhir_model_class(entry["resource"]["resourceType"]).model_validate(entry["resource"])
    get_fhir_model_class("Bundle").model_validate_json(text)
    assert len(resources(together, "Patient")) <= 1


def test_a_blood_pressure_is_what_the_guide_s_example_is(cuff: Thing) -> None:
    bundle = made(cuff | {"status": ["irregular_pulse", "bit_7"]})
    main, pulse, status = (one for one in resources(bundle) if not is_coincident(one))
    [moment] = [one for one in resources(bundle) if is_coincident(one)]
    assert [one["code"]["coding"][0]["code"] for one in (main, pulse, status, *main["component"])] == [
        *("150020", "149546", "8410608", "150021", "150022")
    ]
    assert main["code"]["coding"][1] == {"system": "http://loinc.org", "code": "85354-9"}
    assert main["effectiveDateTime"] == "2020-01-20T08:43:53+01:00"
    assert (
        written(main["component"][0]["valueQuantity"])
        == '{"value":127.0,"unit":"mm[Hg]","system":"http://unitsofmeasure.org","code":"mm[Hg]"}'
    )
    assert [one["code"]["coding"][0]["code"] for one in status["component"]] == ["8410608.2"]
    assert (moment["effectiveDateTime"], moment["valueDateTime"]) == ("2024-06-15T16:18:20+01:00", "2024-06-15T16:17:27+01:00")
    seconds = 632_824_980  # 2020-01-20 08:43:00, as the cuff said it, since 2000
    assert main["identifier"][0] == {"system": identifier.SYSTEM, "value": f"C10000000001-anna-urn:oid:2.999.1.2.3-150020-{seconds}"}


def test_a_name_says_what_the_device_said_and_nothing_of_the_gateway() -> None:
    of = identifier.observation
    assert (
        of("74E8FFFEFF051C00", "x", 149530, "2021-11-22T11:56:00", supplemental=(150588,)) == "74E8FFFEFF051C00-x-149530-690897360-150588"
    )
    device = "74E8FFFEFF051C00"
    assert of(device, "x", 149530, "2021-11-22T11:56:00", supplemental=(150588,)) == f"{device}-x-149530-690897360-150588"
    assert of(device, "x", 149530, "2018-11-13T17:59:03", algorithm="stu1") == f"{device}-x-149530-20181113175903.00"
    assert of("D", "x", 1, "2021-11-22T11:56:30", seconds=Decimal("1.000")) == "D-x-1-690897390..1.000"
    assert of("D", "x", 1, "0000-11-22T11:56:30") is None
    assert of("D", "x", 1, None) is None
    assert identifier.device_part("system-id:74e8fffeff051c00", "C1:00:00:00:00:01") == "74E8FFFEFF051C00"
    assert identifier.device_part("serial:ACME:BP:1", "c1:00:00:00:00:01") == "C10000000001"
    assert len(identifier.device_part("serial:ACME:BP:1", "serial:ACME:BP:1")) == 16


def _observed(entry: Thing) -> bool:
    return entry["resource"]["resourceType"] == "Observation" and not is_coincident(entry["resource"])


def test_two_gateways_name_it_alike(cuff: Thing) -> None:
    other = Home("0badcafe", "9.9", patient_system="urn:oid:2.999.1.2.3")
    first, second = ([one["request"] for one in made(cuff, home=home)["entry"] if _observed(one)] for home in (HOME, other))
    assert first == second


def test_two_readings_of_one_minute_are_two(cuff: Thing) -> None:
    """The guide's name says the same of both; the other name must be known, too, before a server says that it has one already."""

    def criteria(name: str) -> list[str]:
        return [one["request"]["ifNoneExist"] for one in made(cuff | {"id": name})["entry"] if _observed(one)]

    first, second = criteria("a" * 32), criteria("b" * 32)
    assert not set(first) & set(second)
    exact = copy.deepcopy(cuff)
    exact["when"]["device_time"] = "2020-01-20T08:43:01"
    [main, *_] = [one["request"]["ifNoneExist"] for one in made(exact)["entry"] if _observed(one)]
    assert main.count("identifier=") == 1
    assert main.startswith(f"identifier={identifier.SYSTEM}|C10000000001-anna-")


def test_equal_readings_with_the_very_same_stamp_are_as_many(cuff: Thing) -> None:
    """The first has the guide's name; each is found again by its own, in whatever transaction."""
    twin = {**copy.deepcopy(cuff), "id": "7" * 32}
    twin["provenance"]["ordinal"] = 1
    first, second = (next(entry["request"]["ifNoneExist"] for entry in made(one)["entry"] if _observed(entry)) for one in (cuff, twin))
    assert "PhdBaseObservation" in first
    assert "PhdBaseObservation" not in second
    assert twin["id"] in second


def test_what_a_url_reads_otherwise_is_encoded(cuff: Thing) -> None:
    bundle = made(cuff | {"person": "anna + ben & co"})
    assert problems(bundle) == []
    assert all(" " not in entry["request"].get("ifNoneExist", "") for entry in bundle["entry"])


def test_a_later_version_takes_the_place_of_the_earlier_one(cuff: Thing) -> None:
    first, second = ([one for one in made(cuff | {"version": version})["entry"] if _observed(one)] for version in (1, 2))
    assert {one["request"]["method"] for one in first} == {"POST"}
    assert {one["request"]["method"] for one in second} == {"PUT"}
    assert [one["resource"]["identifier"] for one in first] == [one["resource"]["identifier"] for one in second]


def test_what_is_retracted_says_nothing_any_more(cuff: Thing) -> None:
    bundle = made(cuff | {"version": 2, "retracted": True})
    assert problems(bundle) == []
    found = resources(bundle)
    assert {one["status"] for one in found} == {"entered-in-error"}
    assert "127" not in written(bundle)


def test_what_was_somebody_else_s_is_entered_in_error_there(cuff: Thing) -> None:
    bundle = made(cuff | {"person": "ben", "version": 3}, before=("anna", "ben"))
    assert problems(bundle) == []
    whose = {one["subject"]["reference"]: one["status"] for one in resources(bundle) if not is_coincident(one)}
    those = [entry for entry in bundle["entry"] if entry["resource"]["resourceType"] == "Patient"]
    patients = {entry["fullUrl"]: entry["resource"]["identifier"][0]["value"] for entry in those}
    assert {patients[one]: status for one, status in whose.items()} == {"anna": "entered-in-error", "ben": "final"}
    urls = [one["request"]["url"] for one in bundle["entry"] if _observed(one)]
    assert len(set(urls)) == len(urls)


def test_a_patient_that_the_server_has_named_is_not_sent(cuff: Thing) -> None:
    bundle = made(cuff, home=Home("c0ffee00", "1", patients={"anna": "Patient/42"}))
    assert problems(bundle) == []
    assert resources(bundle, "Patient") == []
    main = resources(bundle)[1]
    assert main["subject"] == {"reference": "Patient/42"}
    assert "-42-150020-" in main["identifier"][0]["value"]


def test_simulated_things_are_marked(cuff: Thing) -> None:
    cuff = copy.deepcopy(cuff)
    cuff["provenance"]["simulated"] = True
    assert {one["meta"]["security"][0]["code"] for one in resources(made(cuff)) if not is_coincident(one)} == {"HTEST"}


def test_what_is_no_number_is_absent_with_a_reason() -> None:
    found = asyncio.run(_things(CAPTURES / "generic-health-sensor.ndjson"))
    thing = next(one for one in found if one["type"] == "coded-observation" and one["data"].get("value"))
    without = {**thing, "data": {**thing["data"], "value": None, "components": []}}
    [observation] = resources(made(without), "Observation")
    assert observation["dataAbsentReason"]["coding"][0]["code"] == "unknown"
    assert not any(name.startswith("value") for name in observation)
    assert problems(made(without)) == []


@pytest.mark.parametrize(("bits", "word"), [("0000", "Y"), ("8000", "N")])
def test_the_regulation_bit_and_the_certificate_are_told(bits: str, word: str) -> None:
    """Cleared is regulated. The list of IEEE 11073-20601: one entry of Continua's with version and interfaces, one with the bit."""
    data = f"0002001202010008070000010002400f02020002{bits}"
    ref = {"identity": "system-id:FE:ED:AB:EE:DE:AD:77:C3", "address": "C1:00:00:00:00:01", "name": "x"}
    device = phd(ref, "weight-scale", {"regulatory": data})
    assert [one["value"] for one in device["version"]] == ["unknown", "7.0"]
    interfaces, regulated = device["property"]
    assert interfaces["valueCode"] == [{"text": "16399"}]
    assert regulated["type"]["coding"][0]["code"] == "532354.0"
    assert regulated["valueCode"][0]["coding"][0]["code"] == word
    assert get_fhir_model_class("Device").model_validate(device)
    for cut in range(len(data) // 2):
        phd(ref, "weight-scale", {"regulatory": data[: 2 * cut]})


def test_what_has_no_code_claims_no_profile() -> None:
    found = asyncio.run(_things(CAPTURES / "insulin-delivery.ndjson"))
    [bolus] = [one for one in found if one["type"] == "insulin-injection-use"]
    for one in resources(made(bolus)):
        assert profiles(one) == []
        assert one["code"]["text"].startswith("Insulin bolus")
        assert one["valueQuantity"]["code"] == "[iU]"


def _samples(offsets: list[str], values: list[str]) -> Thing:
    found = [one for one in asyncio.run(_things(golden.CABLES / "contec-cms50.ndjson")) if one["type"] == "exercise-samples"]
    thing = next(one for one in found if one["data"]["name"] == "oxygen-saturation")
    return {**thing, "data": {**thing["data"], "offsets": offsets, "values": values}}


def test_samples_lie_on_a_grid_and_gaps_are_said() -> None:
    [one] = resources(made(_samples(["0.00", "1.00", "3.00"], ["97", "96", "95.0"])))
    assert one["valueSampledData"]["data"] == "97 96 E 95.0"
    assert one["valueSampledData"]["period"] == 1000
    assert one["effectivePeriod"]["end"] > one["effectivePeriod"]["start"]
    with pytest.raises(NoForm, match="uneven moments"):
        made(_samples(["0.000", "0.812", "1.633", "2.401"], ["1", "2", "3", "4"]))


BREAKS: list[tuple[str, Callable[[Thing], Any]]] = [
    ("A1", lambda made: made.update(type="batch")),
    ("A2", lambda made: made["entry"][-1]["resource"]["subject"].update(reference="urn:uuid:gone")),
    ("A3/A4", lambda made: made["entry"][0]["request"].update(ifNoneExist="identifier=urn:x|y")),
    ("A5", lambda made: made["entry"][0]["request"].update(ifNoneExist="identifier=urn:x|a+4")),
    ("A6", lambda made: made["entry"][0]["resource"].update(id="1")),
    ("B2", lambda made: made["entry"][-1]["resource"]["identifier"][0].update(value="C1-00-anna-149546-1")),
    ("C1", lambda made: made["entry"][-1]["resource"].update(extension=[])),
    ("C3", lambda made: made["entry"][-1]["resource"].update(category=[])),
    ("C4", lambda made: made["entry"][-1]["resource"]["code"]["coding"][0].update(code="18474")),
    ("C6", lambda made: made["entry"][-1]["resource"].update(effectiveDateTime="2020-01-20T08:43:53")),
    ("C7", lambda made: made["entry"][-1]["resource"].update(dataAbsentReason={})),
    ("D1", lambda made: made["entry"][-1]["resource"]["valueQuantity"].update(system="x")),
    ("G1", lambda made: next(iter(resources(made, "Device")))["identifier"][0].update(value="c1:00:00:00:00:01")),
    ("G2", lambda made: next(iter(resources(made, "Device"))).update(modelNumber="")),
    ("H", lambda made: resources(made, "Device")[1].update(property=[])),
    ("I1", lambda made: resources(made, "Patient")[0]["identifier"][0].update(system="")),
    ("F1", lambda made: next(one for one in resources(made) if is_coincident(one)).update(status="preliminary")),
    (
        "B5",
        lambda made: next(one for one in resources(made) if is_coincident(one)).update(
            identifier=[{"system": identifier.SYSTEM, "value": "y"}]
        ),
    ),
]


@pytest.mark.parametrize(("clause", "change"), BREAKS, ids=[clause for clause, _ in BREAKS])
def test_the_rules_see_what_they_must(clause: str, change: Callable[[Thing], Any], cuff: Thing) -> None:
    bundle = copy.deepcopy(made(cuff))
    assert problems(bundle) == []
    change(bundle)
    assert any(problem.startswith(clause) for problem in problems(bundle)), problems(bundle)
