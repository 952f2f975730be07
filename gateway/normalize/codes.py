"""What things are called elsewhere: MDC (IEEE 11073-10101), LOINC, and the units of UCUM.

MDC codes are 32-bit, partition << 16 | term. Sources: HL7 Personal Health Device implementation guide (STU2) and its
examples; Bluetooth SIG Personal Health Devices Transcoding White Paper; LOINC 2.77 vital signs panel.
"""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple


class Code(NamedTuple):
    mdc: int | None
    """None where the nomenclature has no term that we know of."""
    loinc: str | None
    source: str
    """The IEEE 11073 specialization that has the MDC term, such as 10407 for blood pressure. LOINC's are of its panels."""


BLOOD_PRESSURE = Code(150020, "85354-9", "10407")
SYSTOLIC = Code(150021, "8480-6", "10407")
DIASTOLIC = Code(150022, "8462-4", "10407")
MEAN_PRESSURE = Code(150023, "8478-0", "10407")
PULSE_FROM_CUFF = Code(149546, "8867-4", "10407")
PULSE_FROM_OXIMETER = Code(149530, "8867-4", "10404")
HEART_RATE = Code(147842, "8867-4", "10406")
SPO2 = Code(150456, "59408-5", "10404")
PULSE_AMPLITUDE_INDEX = Code(150488, None, "10404")
BODY_WEIGHT = Code(188736, "29463-7", "10415")
BODY_MASS_INDEX = Code(188752, "39156-5", "10415")
BODY_HEIGHT = Code(188740, "8302-2", "10415")
BODY_FAT = Code(188748, "41982-0", "10420")
FAT_FREE_MASS = Code(188756, None, "10420")
SOFT_LEAN_MASS = Code(188760, None, "10420")
BODY_WATER = Code(188764, None, "10420")
MUSCLE_PERCENTAGE = Code(None, None, "none in 10420")
MUSCLE_MASS = Code(None, "73964-9", "none in 10420")
IMPEDANCE = Code(None, None, "none in 10420")
BASAL_METABOLISM = Code(None, None, "none in 10420")
BODY_TEMPERATURE = Code(150364, "8310-5", "10408")
GLUCOSE = {
    # By sample: capillary whole blood and plasma, venous, arterial, undetermined, interstitial fluid, control solution.
    "capillary_whole_blood": Code(160184, "15074-8", "10417"),
    "capillary_plasma": Code(160188, "14749-6", "10417"),
    "venous_whole_blood": Code(160192, "15074-8", "10417"),
    "venous_plasma": Code(160196, "14749-6", "10417"),
    "arterial_whole_blood": Code(160200, "15074-8", "10417"),
    "arterial_plasma": Code(160204, "14749-6", "10417"),
    "undetermined_whole_blood": Code(160364, "15074-8", "10417"),
    "undetermined_plasma": Code(160368, "14749-6", "10417"),
    "interstitial_fluid": Code(160212, None, "10417"),
    "control_solution": Code(160208, None, "10417"),
}
INSULIN = Code(None, None, "no term known in 10419")
_NOT_KNOWN = "no term known in 10441"
DETAILS = {
    # Of exercise, by name. LOINC: activity panel.
    "steps": Code(None, "55423-8", _NOT_KNOWN),
    "energy": Code(None, "41981-2", _NOT_KNOWN),
    "heart-rate": HEART_RATE,
    "highest-heart-rate": HEART_RATE,
}
NO_CODE = Code(None, None, _NOT_KNOWN)
SAMPLES = {
    "heart-rate": HEART_RATE,
    "rr-interval": Code(147240, None, "10406"),
    "oxygen-saturation": SPO2,
    "pulse-rate": PULSE_FROM_OXIMETER,
}
GLUCOSE_UNSPECIFIED = Code(160184, "15074-8", "10417")

_FACTORS = {
    # canonical <- displayed, as a factor. 1 lb and 1 in are exact by definition (NIST SP 811).
    ("kg", "[lb_av]"): Decimal("0.45359237"),
    ("kg", "g"): Decimal("0.001"),
    ("kg", "{catty}"): Decimal("0.5"),  # of the People's Republic of China, since 1959
    ("m", "[in_i]"): Decimal("0.0254"),
    ("mm[Hg]", "kPa"): Decimal(1) / Decimal("0.133322387415"),
    # Molar mass of glucose 180.156 g/mol (IUPAC 2021 atomic weights): 1 mmol/L is 18.0156 mg/dL.
    ("mmol/L", "mg/dL"): Decimal(1) / Decimal("18.0156"),
    ("1", "%"): Decimal("0.01"),
    ("m/s", "km/h"): Decimal(1) / Decimal("3.6"),
    # UCUM's kcal is the thermochemical one.
    ("kJ", "kcal"): Decimal("4.184"),
}
_PLACES = {"m/s": 3, "kJ": 1, "kg": 3, "m": 4, "mm[Hg]": 1, "mmol/L": 2, "Cel": 2, "1": 4}


def canonical(value: Decimal, unit: str, wanted: str) -> Decimal:
    """`value` in the unit of the record. As measured if the unit is the same, else to a fixed number of places."""
    if unit == wanted:
        return value
    is_fahrenheit = (wanted, unit) == ("Cel", "[degF]")
    exact = (value - 32) * 5 / 9 if is_fahrenheit else value * _FACTORS[wanted, unit]
    return exact.quantize(Decimal(1).scaleb(-_PLACES[wanted]))


DIMENSION_PARTITION = 4 << 16
DIMENSIONS = {
    # Of partition 4. Source: IEEE 11073-10101, and its units in UCUM by the Rosetta Terminology Mapping.
    512: "1",
    544: "%",
    1280: "m",
    1297: "cm",
    1376: "[in_i]",
    1731: "kg",
    1728: "g",
    1760: "[lb_av]",
    1952: "kg/m2",
    2112: "g/dL",
    2130: "mg/dL",
    4722: "mmol/L",
    2176: "s",
    2194: "ms",
    2208: "min",
    2240: "h",
    2720: "/min",
    2784: "/min",
    3840: "Pa",
    3843: "kPa",
    3872: "mm[Hg]",
    4416: "[degF]",
    6048: "Cel",
    1600: "L",
    3072: "L/min",
    4256: "V",
    4274: "mV",
    4032: "W",
}


UNITS = frozenset(
    {
        *DIMENSIONS.values(),
        *("mm[Hg]", "kPa", "/min", "kg", "[lb_av]", "kg/m2", "m", "[in_i]", "1", "%"),
        *("{catty}", "[iU]"),
        *("m/s", "km/h", "W", "s", "kcal", "kJ", "Ohm", "Cel", "[degF]", "mmol/L", "mg/dL"),
    }
)
"""UCUM: all that things and their displays use."""
