"""What most conversations share: decode or set aside, read who the device is, read and set its clock."""

from __future__ import annotations

from decimal import Decimal
from enum import IntFlag
from functools import lru_cache

from drivers.kit.clocks import SET_CLOCK, device_clock, elapsed, set_clock
from drivers.kit.links import Frame, GattLink
from drivers.kit.readings import DeviceClock, DeviceInfo, Notice, Quantity
from drivers.kit.reads import decoded, read
from profiles.floats import NoValue, Value
from profiles.gatt import battery as bas
from profiles.gatt import device_information as dis

__all__ = [
    "SET_CLOCK",
    "about",
    "decoded",
    "device_clock",
    "device_information",
    "elapsed",
    "flag_names",
    "mean",
    "quantity",
    "read",
    "set_clock",
]

LOW_BATTERY_PERCENT = 15


def quantity(value: Value | None, unit: str) -> Quantity | None:
    return None if value is None or isinstance(value, NoValue) else Quantity(value, unit)


def flag_names(*flags: IntFlag | None) -> tuple[str, ...]:
    """The names of all bits that are set; bits without a name as `bit_7`."""
    return tuple(name for value in flags if value for name in _names(value))


@lru_cache(maxsize=1024, typed=True)  # a flag equals a flag of another kind that has the same bits
def _names(value: IntFlag) -> tuple[str, ...]:
    names: list[str] = []
    unknown = int(value)
    for member in type(value):
        if member & value:
            names.append(str(member.name).lower())
            unknown &= ~int(member)
    return (*names, *(f"bit_{bit}" for bit in range(unknown.bit_length()) if unknown >> bit & 1))


_TEXTS: dict[str, type[dis.Text]] = {
    "manufacturer": dis.ManufacturerName,
    "model": dis.ModelNumber,
    "serial_number": dis.SerialNumber,
    "firmware": dis.FirmwareRevision,
    "hardware": dis.HardwareRevision,
    "software": dis.SoftwareRevision,
}


async def device_information(link: GattLink) -> DeviceInfo | None:
    """Who the device is. What it lacks or refuses is left out; None if it says nothing at all."""
    texts: dict[str, str] = {}
    frames: list[Frame | None] = []
    for name, layout in _TEXTS.items():
        said, frame = await read(link, layout)
        frames.append(frame)
        if said is not None and said.text.strip():
            texts[name] = said.text.strip()
    system_id, system_frame = await read(link, dis.SystemId)
    pnp, _ = await read(link, dis.PnpId)
    udi, _ = await read(link, dis.UdiForMedicalDevices)
    regulatory, _ = await read(link, dis.RegulatoryCertificationDataList)
    battery, battery_frame = await read(link, bas.BatteryLevel)
    first = next((frame for frame in (*frames, system_frame, battery_frame) if frame is not None), None)
    if first is None:
        return None
    return DeviceInfo(
        frame=first,
        system_id=system_id.eui64 if system_id else None,
        pnp_id=_pnp(pnp) if pnp else None,
        udi=_udi(udi) if udi else {},
        regulatory=regulatory.certification_data.hex() or None if regulatory else None,
        battery=battery.level if battery else None,
        **texts,
    )


def _pnp(said: dis.PnpId) -> str:
    names = {dis.VendorIdSource.BLUETOOTH_SIG: "bluetooth", dis.VendorIdSource.USB_IMPLEMENTERS_FORUM: "usb"}
    source = names.get(dis.VendorIdSource(said.vendor_id_source)) if said.vendor_id_source in set(dis.VendorIdSource) else None
    return f"{source or int(said.vendor_id_source)}:{said.vendor_id:04x}:{said.product_id:04x}:{said.product_version:04x}"


def _udi(said: dis.UdiForMedicalDevices) -> dict[str, str]:
    parts = {name: getattr(said, name) for name in ("label", "device_identifier", "issuer", "authority")}
    return {name: text for name, text in parts.items() if text}


async def about(link: GattLink) -> tuple[DeviceInfo | DeviceClock | Notice, ...]:
    """Who the device is, what its clock shows, and whether its battery runs low: what a session begins with."""
    info, clock = await device_information(link), await device_clock(link)
    low = info is not None and info.battery is not None and info.battery <= LOW_BATTERY_PERCENT
    text = f"its battery is at {info.battery} %" if info else ""
    critical, _ = await read(link, bas.BatteryCriticalStatus)
    if critical is not None and critical.status & bas.CriticalStatus.CRITICAL_POWER_STATE:
        low, text = True, "its battery is nearly empty, by its own word"
    found = (info, clock, Notice("battery-low", text) if low else None)
    return tuple(item for item in found if item is not None)


def mean(values: list[Decimal]) -> Decimal:
    """To one decimal more than the values have."""
    exponent = min(int(value.as_tuple().exponent) for value in values)
    return (sum(values, Decimal(0)) / len(values)).quantize(Decimal(1).scaleb(exponent - 1))
