"""Readings in advertisements: nobody connects, the device only says.

`decode` finds the form by what is in the advertisement. Company identifiers and 16-bit UUIDs are borrowed and worn by strangers, so a form
asks for what it needs and gives way where it does not fit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from profiles.adv import bthome, mibeacon
from profiles.adv.scales import AmazfitScale, LaicaScale, MiBodyScale, MiScale, OkokScale, SenssunScale, SkaleScale
from profiles.adv.sighting import Locked, Open, Sealed, Sighting, no_key
from profiles.adv.wearables import MiBand, MiBandSteps, XossBelt
from profiles.wire import DecodeError, Layout

__all__ = ["FORMS", "Form", "Locked", "Open", "Sealed", "Sighting", "Unknown", "decode", "no_key"]


class Unknown(ValueError):
    """No form that we know is in the advertisement."""


@dataclass(frozen=True, slots=True)
class Form:
    """`claims` says whether the advertisement could be one; `read` gives its parts. Raises `DecodeError` and `Locked`."""

    name: str
    claims: Callable[[Sighting], bool]
    read: Callable[[Sighting, Open], tuple[Any, ...]]


_MI_SCALE, _MI_BODY_SCALE, _HUAMI = 0x181D, 0x181B, 0xFEE0
_XIAOMI, _SENSSUN, _LAICA, _SKALE, _XOSS = 0x0157, 0x0100, 0xA0AC, 0x81EF, 0xFF04
_SIZES = {_MI_SCALE: 10, _MI_BODY_SCALE: 13}
_AMAZFIT_OCTETS, _MI_BAND_OCTETS, _OKOK_OCTETS, _SENSSUN_OCTETS, _LAICA_OCTETS, _XOSS_OCTETS, _SKALE_OCTETS = 20, 24, 13, 17, 12, 4, 4


def _service(uuid: int, table: type[Layout], size: int) -> tuple[Callable[[Sighting], bool], Callable[[Sighting, Open], tuple[Any, ...]]]:
    return (
        lambda seen: len(seen.service_data.get(uuid, b"")) == size,
        lambda seen, _open: (table.decode(seen.service_data[uuid]),),
    )


def _company(
    company: int, table: type[Layout], size: int, name: str = ""
) -> tuple[Callable[[Sighting], bool], Callable[[Sighting, Open], tuple[Any, ...]]]:
    return (
        lambda seen: len(seen.manufacturer_data.get(company, b"")) == size and (seen.name or "").startswith(name),
        lambda seen, _open: (table.decode(seen.manufacturer_data[company]),),
    )


def _okok(seen: Sighting) -> bytes | None:
    """Its company's upper octet counts; what makes it sure is the device's own address at the end."""
    for company, data in seen.manufacturer_data.items():
        if company & 0xFF == 0xC0 and len(data) == _OKOK_OCTETS and seen.address_octets in (b"", data[-6:]):  # noqa: PLR2004 - its mark
            return data
    return None


def _mi_band(seen: Sighting, _open: Open) -> tuple[Any, ...]:
    band = MiBand.decode(seen.manufacturer_data[_XIAOMI])
    steps = seen.service_data.get(_HUAMI)
    return (band, MiBandSteps.decode(steps)) if steps is not None else (band,)


FORMS: tuple[Form, ...] = (
    Form("BTHome", bthome.claims, lambda seen, open_: (bthome.decode(seen, open_),)),
    Form("MiBeacon", mibeacon.claims, lambda seen, open_: (mibeacon.decode(seen, open_),)),
    Form("Mi Smart Scale", *_service(_MI_SCALE, MiScale, _SIZES[_MI_SCALE])),
    Form("Mi Body Composition Scale", *_service(_MI_BODY_SCALE, MiBodyScale, _SIZES[_MI_BODY_SCALE])),
    Form("Amazfit Smart Scale", *_service(_HUAMI, AmazfitScale, _AMAZFIT_OCTETS)),
    Form("Mi Band", lambda seen: len(seen.manufacturer_data.get(_XIAOMI, b"")) == _MI_BAND_OCTETS, _mi_band),
    Form("OKOK scale", lambda seen: _okok(seen) is not None, lambda seen, _open: (OkokScale.decode(_okok(seen) or b""),)),
    Form("Senssun scale", *_company(_SENSSUN, SenssunScale, _SENSSUN_OCTETS, "IF_B")),
    Form("Laica scale", *_company(_LAICA, LaicaScale, _LAICA_OCTETS)),
    Form("Skale", *_company(_SKALE, SkaleScale, _SKALE_OCTETS, "Skale")),
    Form("XOSS belt", *_company(_XOSS, XossBelt, _XOSS_OCTETS, "X")),
)


def decode(seen: Sighting, open_: Open = no_key) -> tuple[Form, tuple[Any, ...]]:
    """The form and its parts, one or two. Raises `Unknown`, `DecodeError` or `Locked`."""
    problem: DecodeError | None = None
    for form in FORMS:
        if form.claims(seen):
            try:
                return form, form.read(seen, open_)
            except DecodeError as error:
                problem = problem or error
    if problem is not None:
        raise problem
    raise Unknown("no form of advertisement that we know")
