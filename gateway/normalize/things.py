"""Things: the record's words, one model per health thing-type of Microsoft HealthVault.

The JSON Schemas of `health-gateway schema` are made from these models. Decimals are JSON strings; `SCHEMA` counts up
whenever a reader of the old schema could be misled.
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer

SCHEMA = 1

Number = Annotated[Decimal, PlainSerializer(lambda value: format(value, "f"), return_type=str, when_used="json")]


class Model(BaseModel):
    # Values that do not fit must not get into a log by way of an error's text.
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, populate_by_name=True)


class Quality(StrEnum):
    """How `when.time` was come by, worst to best."""

    TIME_PENDING = "time-pending"
    DEVICE_CLOCK_INVALID = "device-clock-invalid"
    RECEIVED = "received"
    DEVICE_UNCHECKED = "device-unchecked"
    CORRECTED = "corrected"
    DEVICE_SYNCHRONIZED = "device-synchronized"


class When(Model):
    time: str = Field(description="ISO 8601 with the offset from UTC, on the gateway's timeline")
    quality: Quality
    device_time: str | None = Field(None, description="What the device said, uncorrected, without a zone; 00 for unknown parts")


class Display(Model):
    value: Number
    unit: str = Field(description="UCUM")


class Measured(Model):
    value: Number = Field(description="In the canonical unit of the thing-type")
    unit: str = Field(description="UCUM")
    display: Display = Field(description="As the device measured and showed it")
    mdc: int | None = Field(None, description="IEEE 11073-10101, 32 bit; null where it has no term")
    loinc: str | None = None


class DeviceRef(Model):
    identity: str
    address: str
    name: str
    manufacturer: str | None = None
    model: str | None = None
    serial_number: str | None = None


class Provenance(Model):
    driver: str
    gateway: str
    transport: Literal["ble", "cable"] = "ble"
    simulated: bool
    received: str = Field(description="ISO 8601, UTC, by the gateway's clock")
    received_boottime: float
    boot_id: str
    clock_offset: float | None = Field(None, description="Seconds added to the device's time; null without a pair of clocks")
    intake_position: int
    sequence_number: int | None = None
    user_index: int | None = None
    ordinal: int | None = Field(None, description="Of equal records with one stamp: how many came before this one; null for the first")


class Related(Model):
    id: str
    relationship: Literal["measured-with", "same-measurement"]


class Thing(Model):
    schema_version: Literal[1] = Field(1, alias="schema")
    id: str
    version: int = Field(ge=1, description="The highest version of an id counts")
    type_id: str
    when: When
    person: str | None = Field(None, description="null: unassigned")
    by_hand: bool | None = Field(None, description="true: its owner has said whose it is, not the configuration")
    retracted: bool | None = Field(None, description="true: this is no longer said, and what was said before does not count")
    device: DeviceRef
    status: list[str] = Field(default_factory=list)
    related: list[Related] = Field(default_factory=list)
    provenance: Provenance


class BloodPressureData(Model):
    systolic: Measured
    diastolic: Measured
    mean: Measured | None = None
    pulse: Measured | None = None
    irregular_heartbeat: bool | None = None


class BloodPressureThing(Thing):
    type: Literal["blood-pressure"] = "blood-pressure"
    type_id: str = "ca3c57f4-f4c1-4e15-be67-0a3caf5414ed"
    data: BloodPressureData


class WeightData(Model):
    weight: Measured
    bmi: Measured | None = None
    height: Measured | None = None
    impedance: Measured | None = Field(None, description="Of the body, where the scale makes nothing of it itself")


class WeightThing(Thing):
    type: Literal["weight"] = "weight"
    type_id: str = "3d34d87e-7fc1-4153-800f-f56592cb0d17"
    data: WeightData


class BodyCompositionData(Model):
    name: str = Field(description="What was measured, in the words of HealthVault's body-composition-measurement-names where it has them")
    value: Measured = Field(description="A mass in kg, or a part of the whole")
    impedance: Measured | None = Field(None, description="What it was computed from")
    basal_metabolism: Measured | None = None


class BodyCompositionThing(Thing):
    type: Literal["body-composition"] = "body-composition"
    type_id: str = "18adc276-5144-4e7e-bf6c-e56d8250adf8"
    data: BodyCompositionData


class BloodGlucoseData(Model):
    glucose: Measured
    measurement_type: Literal["wb", "p", "isf"] = Field(description="Whole blood, plasma, or interstitial fluid")
    sample: str | None = None
    location: str | None = None
    control_test: bool = False
    outside_operating_temperature: bool = False
    meal: str | None = None
    context: dict[str, str] = Field(default_factory=dict)


class BloodGlucoseThing(Thing):
    type: Literal["blood-glucose"] = "blood-glucose"
    type_id: str = "879e7c04-4e8a-4707-9ad3-b054df467ce4"
    data: BloodGlucoseData


class HeartRateData(Model):
    rate: Measured
    lowest: Measured | None = None
    highest: Measured | None = None
    samples: int | None = None
    seconds: Number | None = None


class HeartRateThing(Thing):
    type: Literal["heart-rate"] = "heart-rate"
    type_id: str = "b81eb4a6-6eac-4292-ae93-3872d6870994"
    data: HeartRateData


class OxygenSaturationData(Model):
    saturation: Measured
    pulse_amplitude_index: Measured | None = None
    lowest: Measured | None = None
    highest: Measured | None = None
    samples: int | None = None
    seconds: Number | None = None


class OxygenSaturationThing(Thing):
    type: Literal["blood-oxygen-saturation"] = "blood-oxygen-saturation"
    type_id: str = "3a54f95f-03d8-4f62-815f-f691fc94a500"
    data: OxygenSaturationData


class VitalSignsData(Model):
    temperature: Measured
    site: str | None = None


class VitalSignsThing(Thing):
    type: Literal["vital-signs"] = "vital-signs"
    type_id: str = "73822612-c15f-4b49-9e65-6af369e55c65"
    data: VitalSignsData


class ExerciseData(Model):
    activity: str
    seconds: Number = Field(description="From the first movement to the last")
    details: dict[str, Measured] = Field(description="What it comes to: distance, energy, steps; speed, cadence, power and such are means")
    derived: list[str] = Field(default_factory=list, description="Details that the device did not count, but the gateway reckoned")


class ExerciseThing(Thing):
    type: Literal["exercise"] = "exercise"
    type_id: str = "85a21ddb-db20-4c65-8d30-33c899ccf612"
    data: ExerciseData


class SamplesData(Model):
    name: str
    unit: str = Field(description="UCUM, as the device measured")
    mdc: int | None = None
    offsets: list[Number] = Field(description="Seconds since `when.time`, one for each value")
    values: list[Number]


class SamplesThing(Thing):
    """What a summary was made of; the summary is its `related` thing."""

    type: Literal["exercise-samples"] = "exercise-samples"
    type_id: str = "e1f92d7f-9699-4483-8223-8442874ec6d9"
    data: SamplesData


class InsulinData(Model):
    amount: Measured
    kind: str = Field(description="Of the bolus: fast, extended, multiwave")
    extended: Measured | None = Field(None, description="What of the amount was spread over `seconds`")
    seconds: Number | None = None


class InsulinThing(Thing):
    """A bolus that a device has delivered. In HealthVault: insulin injection usage."""

    type: Literal["insulin-injection-use"] = "insulin-injection-use"
    type_id: str = "184166be-8adb-4d9c-8162-c403040e31ad"
    data: InsulinData


class CodedValue(Model):
    mdc: int | None = Field(None, description="What it is: ISO/IEEE 11073-10101, 32 bit; left out where it has no term")
    value: Measured | None = None
    terms: list[int] = Field(default_factory=list, description="What it says by codes: ISO/IEEE 11073-10101, 32 bit")
    text: str | None = None
    octets: str | None = Field(None, description="Hexadecimal: states, the first bit first, or what has no form that is known")
    samples: list[Number] = Field(default_factory=list)
    unit: str | None = Field(None, description="Of the samples: UCUM")
    interval: Number | None = Field(None, description="Seconds between two samples")


class CodedData(CodedValue):
    components: list[CodedValue] = Field(default_factory=list)
    supplemental: list[int] = Field(default_factory=list, description="More of what it is, by codes")
    seconds: Number | None = Field(None, description="Over how long it was observed")


class CodedThing(Thing):
    """What a device observed that has no thing-type of its own. In HealthVault: app-specific."""

    type: Literal["coded-observation"] = "coded-observation"
    type_id: str = "a5033c9d-08cf-4204-9bd3-cb412ce39fc0"
    data: CodedData


class DeviceData(Model):
    name: str
    manufacturer: str | None = None
    model: str | None = None
    serial_number: str | None = None
    firmware: str | None = None
    hardware: str | None = None
    software: str | None = None
    system_id: str | None = None
    pnp_id: str | None = Field(None, description="Who gave the vendor its number, vendor, product, version: bluetooth:0171:0002:0100")
    udi: dict[str, str] = Field(
        default_factory=dict, description="Unique Device Identification: label, device_identifier, issuer, authority"
    )
    regulatory: str | None = Field(None, description="IEEE 11073-20601 regulatory certification data, hexadecimal")
    audit_mark: str | None = Field(None, description="Of the gateway itself: how far its audit log goes, as `audit verify --mark` wants it")


class DeviceThing(Thing):
    type: Literal["device"] = "device"
    type_id: str = "ef9cf8d5-6c0b-4292-997f-4047240bc7be"
    data: DeviceData


TYPES: tuple[type[Thing], ...] = (
    BloodPressureThing,
    WeightThing,
    BodyCompositionThing,
    BloodGlucoseThing,
    HeartRateThing,
    OxygenSaturationThing,
    VitalSignsThing,
    ExerciseThing,
    SamplesThing,
    InsulinThing,
    CodedThing,
    DeviceThing,
)
BY_NAME: dict[str, type[Thing]] = {model.model_fields["type"].default: model for model in TYPES}
