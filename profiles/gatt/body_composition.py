"""Body Composition Service, 0x181B. Source: BCS 1.0 and the GATT Specification Supplement.

One reading may come as two indications, both flagged as multiple packets: the first with body fat, time and user, the rest after it.
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import IntFlag
from typing import Annotated

from profiles.gatt.weight_scale import HEIGHT_RESOLUTIONS_M, MASS_RESOLUTIONS_KG, UNSUCCESSFUL
from profiles.times import DATE_TIME, DateTime
from profiles.wire import U8, U16, U32, Choice, Layout, Scaled

SERVICE = 0x181B


class Flags(IntFlag):
    IMPERIAL = 0x0001
    TIMESTAMP = 0x0002
    USER_ID = 0x0004
    BASAL_METABOLISM = 0x0008
    MUSCLE_PERCENTAGE = 0x0010
    MUSCLE_MASS = 0x0020
    FAT_FREE_MASS = 0x0040
    SOFT_LEAN_MASS = 0x0080
    BODY_WATER_MASS = 0x0100
    IMPEDANCE = 0x0200
    WEIGHT = 0x0400
    HEIGHT = 0x0800
    MULTIPLE_PACKET = 0x1000


class Feature(IntFlag):
    TIMESTAMP = 0x0001
    MULTIPLE_USERS = 0x0002
    BASAL_METABOLISM = 0x0004
    MUSCLE_PERCENTAGE = 0x0008
    MUSCLE_MASS = 0x0010
    FAT_FREE_MASS = 0x0020
    SOFT_LEAN_MASS = 0x0040
    BODY_WATER_MASS = 0x0080
    IMPEDANCE = 0x0100
    WEIGHT = 0x0200
    HEIGHT = 0x0400
    MASS_RESOLUTION = 0x0000_7800
    HEIGHT_RESOLUTION = 0x0003_8000


MASS = Choice(Flags.IMPERIAL, unset=U16 / 200, set=U16 / 100)
LENGTH = Choice(Flags.IMPERIAL, unset=U16 / 1000, set=U16 / 10)


@dataclass(frozen=True, slots=True)
class BodyCompositionMeasurement(Layout):
    """BCS 3.2. Percentages, masses in kg or lb, height in m or in, basal metabolism in kJ, impedance in ohm.

    Body fat 0xFFFF says "measurement unsuccessful": it is None, and `unsuccessful` is true.
    """

    uuid = 0x2A9C
    derived = ("unit", "height_unit", "unsuccessful", "multiple_packet")

    flags: Annotated[Flags, U16]
    body_fat: Annotated[Decimal | None, Scaled(U16, Decimal("0.1"), UNSUCCESSFUL)]
    timestamp: Annotated[DateTime | None, DATE_TIME, Flags.TIMESTAMP] = None
    user_id: Annotated[int | None, U8, Flags.USER_ID] = None
    basal_metabolism: Annotated[int | None, U16, Flags.BASAL_METABOLISM] = None
    muscle_percentage: Annotated[Decimal | None, U16 / 10, Flags.MUSCLE_PERCENTAGE] = None
    muscle_mass: Annotated[Decimal | None, MASS, Flags.MUSCLE_MASS] = None
    fat_free_mass: Annotated[Decimal | None, MASS, Flags.FAT_FREE_MASS] = None
    soft_lean_mass: Annotated[Decimal | None, MASS, Flags.SOFT_LEAN_MASS] = None
    body_water_mass: Annotated[Decimal | None, MASS, Flags.BODY_WATER_MASS] = None
    impedance: Annotated[Decimal | None, U16 / 10, Flags.IMPEDANCE] = None
    weight: Annotated[Decimal | None, MASS, Flags.WEIGHT] = None
    height: Annotated[Decimal | None, LENGTH, Flags.HEIGHT] = None

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
        return self.body_fat is None

    @property
    def multiple_packet(self) -> bool:
        return bool(self.flags & Flags.MULTIPLE_PACKET)


@dataclass(frozen=True, slots=True)
class BodyCompositionFeature(Layout):
    """BCS 3.1. The two resolution fields are codes inside the bit field; None where the scale does not say."""

    uuid = 0x2A9B
    derived = ("mass_resolution_kg", "height_resolution_m")

    features: Annotated[Feature, U32]

    @property
    def mass_resolution_kg(self) -> Decimal | None:
        code = (self.features & Feature.MASS_RESOLUTION) >> 11
        return MASS_RESOLUTIONS_KG.get(code)

    @property
    def height_resolution_m(self) -> Decimal | None:
        code = (self.features & Feature.HEIGHT_RESOLUTION) >> 15
        return HEIGHT_RESOLUTIONS_M.get(code)
