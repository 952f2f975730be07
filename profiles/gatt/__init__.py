"""One file per Bluetooth SIG service, characteristics in the order of its specification.

`BY_UUID` is built from the files: 16-bit identifier to the table (or conversation) that reads it.
"""

import inspect
from uuid import UUID

from profiles.gatt import (
    battery,
    blood_pressure,
    body_composition,
    cgm,
    cgm_control,
    current_time,
    cycling_power,
    device_information,
    device_time,
    elapsed_time,
    fitness_machine,
    fitness_machine_control,
    generic_health_sensor,
    glucose,
    heart_rate,
    insulin_delivery,
    physical_activity,
    pulse_oximeter,
    reconnection_configuration,
    record_access,
    speed_cadence,
    thermometer,
    user_control,
    user_data,
    weight_scale,
)
from profiles.wire import Layout

FILES = (
    battery,
    blood_pressure,
    body_composition,
    cgm,
    cgm_control,
    current_time,
    cycling_power,
    device_information,
    device_time,
    elapsed_time,
    fitness_machine,
    fitness_machine_control,
    generic_health_sensor,
    glucose,
    heart_rate,
    insulin_delivery,
    physical_activity,
    pulse_oximeter,
    reconnection_configuration,
    record_access,
    speed_cadence,
    thermometer,
    user_control,
    user_data,
    weight_scale,
)

_BASE = "-0000-1000-8000-00805f9b34fb"


def layouts() -> list[type[Layout]]:
    return [
        item
        for file in FILES
        for _, item in inspect.getmembers(file, inspect.isclass)
        if issubclass(item, Layout) and item.uuid and item.__module__ == file.__name__
    ]


BY_UUID: dict[int, type[Layout]] = {layout.uuid: layout for layout in layouts()}


def short_uuid(text: str) -> int:
    """`2A35`, `0x2a35` or the 128-bit form to the 16-bit identifier; `ValueError` if it is none of the SIG's."""
    lowered = text.strip().lower().removeprefix("0x")
    if lowered.endswith(_BASE) and lowered.startswith("0000"):
        lowered = lowered[4:8]
    if not 1 <= len(lowered) <= 4 or set(lowered) - set("0123456789abcdef"):  # noqa: PLR2004 - four hexadecimal digits
        raise ValueError(f"{text!r} is no 16-bit UUID of the Bluetooth SIG, such as 2A35")
    return int(lowered, 16)


def identifier(text: str) -> int:
    """The number by which drivers and captures call a characteristic: the SIG's 16 bits, or all 128 of a maker's own. `ValueError`."""
    try:
        return short_uuid(text)
    except ValueError:
        whole = UUID(text.strip())
        return short_uuid(str(whole)) if str(whole).endswith(_BASE) and str(whole).startswith("0000") else whole.int


def long_uuid(short: int) -> str:
    return f"0000{short:04x}{_BASE}"
