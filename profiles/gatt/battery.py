"""Battery Service, 0x180F. Source: BAS 1.1 and the GATT Specification Supplement."""

from dataclasses import dataclass
from enum import IntEnum, IntFlag
from typing import Annotated

from profiles.floats import SFLOAT, Value
from profiles.wire import S8, U8, U16, U24, Checked, Layout

SERVICE = 0x180F


PERCENTAGE = Checked("B", range(101), "percentage")


@dataclass(frozen=True, slots=True)
class BatteryLevel(Layout):
    uuid = 0x2A19
    exact = True

    level: Annotated[int, PERCENTAGE]


class LevelStatusFlags(IntFlag):
    IDENTIFIER = 0x01
    BATTERY_LEVEL = 0x02
    ADDITIONAL_STATUS = 0x04


class PowerState(IntFlag):
    """Bits 1-2 and 3-4: wired and wireless source, 5-6 charge state, 7-8 charge level, 9-11 type, 12-14 fault reason."""

    BATTERY_PRESENT = 0x0001
    WIRED_POWER = 0x0006
    WIRELESS_POWER = 0x0018
    CHARGE_STATE = 0x0060
    CHARGE_LEVEL = 0x0180
    CHARGING_TYPE = 0x0E00
    CHARGING_FAULT = 0x7000


@dataclass(frozen=True, slots=True)
class BatteryLevelStatus(Layout):
    uuid = 0x2BED

    flags: Annotated[LevelStatusFlags, U8]
    power_state: Annotated[PowerState, U16]
    identifier: Annotated[int | None, U16, LevelStatusFlags.IDENTIFIER] = None
    level: Annotated[int | None, PERCENTAGE, LevelStatusFlags.BATTERY_LEVEL] = None
    additional_status: Annotated[int | None, U8, LevelStatusFlags.ADDITIONAL_STATUS] = None


class CriticalStatus(IntFlag):
    CRITICAL_POWER_STATE = 0x01
    IMMEDIATE_SERVICE_REQUIRED = 0x02


@dataclass(frozen=True, slots=True)
class BatteryCriticalStatus(Layout):
    uuid = 0x2BE9

    status: Annotated[CriticalStatus, U8]


@dataclass(frozen=True, slots=True)
class EstimatedServiceDate(Layout):
    """Days since 1970-01-01; 0 is unknown."""

    uuid = 0x2BEF

    days: Annotated[int, U24]


class EnergyFlags(IntFlag):
    EXTERNAL_SOURCE_POWER = 0x01
    PRESENT_VOLTAGE = 0x02
    AVAILABLE_ENERGY = 0x04
    AVAILABLE_CAPACITY = 0x08
    CHARGE_RATE = 0x10
    ENERGY_AT_LAST_CHARGE = 0x20


@dataclass(frozen=True, slots=True)
class BatteryEnergyStatus(Layout):
    """Power in W, voltage in V, energy and capacity in kWh."""

    uuid = 0x2BF0

    flags: Annotated[EnergyFlags, U8]
    external_source_power: Annotated[Value | None, SFLOAT, EnergyFlags.EXTERNAL_SOURCE_POWER] = None
    present_voltage: Annotated[Value | None, SFLOAT, EnergyFlags.PRESENT_VOLTAGE] = None
    available_energy: Annotated[Value | None, SFLOAT, EnergyFlags.AVAILABLE_ENERGY] = None
    available_capacity: Annotated[Value | None, SFLOAT, EnergyFlags.AVAILABLE_CAPACITY] = None
    charge_rate: Annotated[Value | None, SFLOAT, EnergyFlags.CHARGE_RATE] = None
    energy_at_last_charge: Annotated[Value | None, SFLOAT, EnergyFlags.ENERGY_AT_LAST_CHARGE] = None


class TimeFlags(IntFlag):
    DISCHARGED_ON_STANDBY = 0x01
    RECHARGED = 0x02


@dataclass(frozen=True, slots=True)
class BatteryTimeStatus(Layout):
    """Minutes."""

    uuid = 0x2BEE

    flags: Annotated[TimeFlags, U8]
    until_discharged: Annotated[int, U24]
    until_discharged_on_standby: Annotated[int | None, U24, TimeFlags.DISCHARGED_ON_STANDBY] = None
    until_recharged: Annotated[int | None, U24, TimeFlags.RECHARGED] = None


class HealthFlags(IntFlag):
    HEALTH_SUMMARY = 0x01
    CYCLE_COUNT = 0x02
    TEMPERATURE = 0x04
    DEEP_DISCHARGE_COUNT = 0x08


@dataclass(frozen=True, slots=True)
class BatteryHealthStatus(Layout):
    """Summary in percent, temperature in degrees Celsius."""

    uuid = 0x2BEA

    flags: Annotated[HealthFlags, U8]
    health_summary: Annotated[int | None, PERCENTAGE, HealthFlags.HEALTH_SUMMARY] = None
    cycle_count: Annotated[int | None, U16, HealthFlags.CYCLE_COUNT] = None
    temperature: Annotated[int | None, S8, HealthFlags.TEMPERATURE] = None
    deep_discharge_count: Annotated[int | None, U16, HealthFlags.DEEP_DISCHARGE_COUNT] = None


class HealthInformationFlags(IntFlag):
    DESIGNED_CYCLES = 0x01
    DESIGNED_TEMPERATURES = 0x02


@dataclass(frozen=True, slots=True)
class BatteryHealthInformation(Layout):
    """Temperatures in degrees Celsius."""

    uuid = 0x2BEB

    flags: Annotated[HealthInformationFlags, U8]
    designed_cycle_count: Annotated[int | None, U16, HealthInformationFlags.DESIGNED_CYCLES] = None
    lowest_temperature: Annotated[int | None, S8, HealthInformationFlags.DESIGNED_TEMPERATURES] = None
    highest_temperature: Annotated[int | None, S8, HealthInformationFlags.DESIGNED_TEMPERATURES] = None


class InformationFlags(IntFlag):
    MANUFACTURE_DATE = 0x0001
    EXPIRATION_DATE = 0x0002
    DESIGNED_CAPACITY = 0x0004
    LOW_ENERGY = 0x0008
    CRITICAL_ENERGY = 0x0010
    CHEMISTRY = 0x0020
    NOMINAL_VOLTAGE = 0x0040
    AGGREGATION_GROUP = 0x0080


class BatteryFeatures(IntFlag):
    REPLACEABLE = 0x01
    RECHARGEABLE = 0x02


class Chemistry(IntEnum):
    UNKNOWN = 0
    ALKALINE = 1
    LEAD_ACID = 2
    LITHIUM_IRON_DISULFIDE = 3
    LITHIUM_MANGANESE_DIOXIDE = 4
    LITHIUM_ION = 5
    LITHIUM_POLYMER = 6
    NICKEL_OXYHYDROXIDE = 7
    NICKEL_CADMIUM = 8
    NICKEL_METAL_HYDRIDE = 9
    SILVER_OXIDE = 10
    ZINC_CHLORIDE = 11
    ZINC_AIR = 12
    ZINC_CARBON = 13
    OTHER = 255


@dataclass(frozen=True, slots=True)
class BatteryInformation(Layout):
    """Dates in days since 1970-01-01, energies in kWh, voltage in V."""

    uuid = 0x2BEC

    flags: Annotated[InformationFlags, U16]
    features: Annotated[BatteryFeatures, U8]
    manufacture_date: Annotated[int | None, U24, InformationFlags.MANUFACTURE_DATE] = None
    expiration_date: Annotated[int | None, U24, InformationFlags.EXPIRATION_DATE] = None
    designed_capacity: Annotated[Value | None, SFLOAT, InformationFlags.DESIGNED_CAPACITY] = None
    low_energy: Annotated[Value | None, SFLOAT, InformationFlags.LOW_ENERGY] = None
    critical_energy: Annotated[Value | None, SFLOAT, InformationFlags.CRITICAL_ENERGY] = None
    chemistry: Annotated[Chemistry | int | None, U8, InformationFlags.CHEMISTRY] = None
    nominal_voltage: Annotated[Value | None, SFLOAT, InformationFlags.NOMINAL_VOLTAGE] = None
    aggregation_group: Annotated[int | None, U8, InformationFlags.AGGREGATION_GROUP] = None
