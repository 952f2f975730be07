"""BerryMed BM1000, and others with its board: BCI's packets of five octets over Bluetooth.

Flow: it is listened to for as long as a finger is in it; of its hundred packets a second one counts, and they are summed up by the minute.
Nothing is sent. No recording of one was at hand.
Source: BCI's protocol as `profiles.framing.contec` has it (atbrask/CMS50Dplus); that Berry speaks it, and its services, are from memory of
zh2x/BCI_Protocol.
"""

from __future__ import annotations

from collections.abc import Callable

from drivers import Frame, GattDriver, Match
from drivers.standard.minutes import Values, listening
from profiles.framing import contec
from profiles.gatt import identifier

TELL = identifier("49535343-1e4d-4bd9-ba61-23c647249616")
A_SECOND = 100


def packets() -> Callable[[Frame], Values]:
    framer = contec.Framer()

    def values(frame: Frame) -> Values:
        said = (contec.live(packet) for packet in framer.feed(frame.data))
        return [(one.spo2_pct, one.pulse_rate_bpm) if one.is_valid else (None, None) for one in said]

    return values


DRIVER = GattDriver(
    name="berry-bm1000",
    label="BerryMed BM1000",
    match=Match(service="49535343-fe7d-4ae5-8fa9-9fafd205e455", local_name="BerryMed*"),
    read=listening(TELL, packets, a_second=A_SECOND),
    streams=True,
)
