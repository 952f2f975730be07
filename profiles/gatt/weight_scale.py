"""Weight Scale Service, 0x181D. Source: WSS 1.0 and the GATT Specification Supplement."""

from dataclasses import dataclass
from decimal import Decimal
from enum import IntFlag
from typing import Annotated

from profiles.times import DATE_TIME, DateTime
from profiles.wire import U8, U16, U32, Choice, Layout

SERVICE = 0x181D


class Flags(IntFlag):
    IMPERIAL = 0x01
    TIMESTAMP = 0x02
    USER_ID = 0x04
    BMI_AND_HEIGHT = 0x08


class Feature(IntFlag):
    TIMESTAMP = 0x0001
    MULTIPLE_USERS = 0x0002
    BMI = 0x0004
    WEIGHT_RESOLUTION = 0x0078
    HEIGHT_RESOLUTION = 0x0380


MASS_RESOLUTIONS_KG = dict(enumerate(map(Decimal, ("0.5", "0.2", "0.1", "0.05", "0.02", "0.01", "0.005")), 1))
HEIGHT_RESOLUTIONS_M = dict(enumerate(map(Decimal, ("0.01", "0.005", "0.001")), 1))
"""By the codes of the Feature; the Body Composition Service has the same."""
UNSUCCESSFUL = 0xFFFF
USER_UNKNOWN = 0xFF


@dataclass(frozen=True, slots=True)
class WeightMeasurement(Layout):
    """WSS 3.2. Weight in kg or lb, height in m or in. Raw 0xFFFF says "measurement unsuccessful": `unsuccessful` is true."""

    uuid = 0x2A9D
    derived = ("unit", "height_unit", "unsuccessful")

    flags: Annotated[Flags, U8]
    weight: Annotated[Decimal, Choice(Flags.IMPERIAL, unset=U16 / 200, set=U16 / 100)]
    timestamp: Annotated[DateTime | None, DATE_TIME, Flags.TIMESTAMP] = None
    user_id: Annotated[int | None, U8, Flags.USER_ID] = None
    bmi: Annotated[Decimal | None, U16 / 10, Flags.BMI_AND_HEIGHT] = None
    height: Annotated[Decimal | None, Choice(Flags.IMPERIAL, unset=U16 / 1000, set=U16 / 10), Flags.BMI_AND_HEIGHT] = None

    @property
    def unit(self) -> str:
        return "lb" if self.flags & Flags.IMPERIAL else "kg"

    @property
    def height_unit(self) -> str | None:
        if self.height is None:
            return None
        return "in" if self.flags & Flags.IMPERIAL else "m"

    @property
    def unsuccessful(self) -> bool:
        return self.weight == UNSUCCESSFUL * (Decimal("0.01") if self.flags & Flags.IMPERIAL else Decimal("0.005"))


@dataclass(frozen=True, slots=True)
class WeightScaleFeature(Layout):
    """WSS 3.1. The two resolution fields are codes inside the bit field; None where the scale does not say."""

    uuid = 0x2A9E
    derived = ("weight_resolution_kg", "height_resolution_m")

    features: Annotated[Feature, U32]

    @property
    def weight_resolution_kg(self) -> Decimal | None:
        code = (self.features & Feature.WEIGHT_RESOLUTION) >> 3
        return MASS_RESOLUTIONS_KG.get(code)

    @property
    def height_resolution_m(self) -> Decimal | None:
        code = (self.features & Feature.HEIGHT_RESOLUTION) >> 7
        return HEIGHT_RESOLUTIONS_M.get(code)
