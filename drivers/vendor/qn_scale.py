"""Scales with a QN board (Yolanda): Renpho, FitIndex and many other names, which advertise as QN-Scale.

Flow: it is listened to on FFE1; nothing is sent. A frame 12 says in which steps it weighs; weights come in frames 10, with the impedance a
moment later; what it kept while nobody listened comes in frames 23, with its time. The frames are those of other people's tests: no
recording of a whole conversation was at hand.
Source: frames: KristianP26/ble-scale-sync@3cce0090 tests/scales/qn-scale.test.ts;
service, characteristic and names are from memory of openScale (oliexdev/openScale), and wait for a capture to confirm them.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from drivers import GattDriver, Match
from drivers.kit.weighing import Weighed, checked, is_weight, ohm, weighing
from profiles.times import DateTime

INFORMATION, LIVE, STORED, RESULT = 0x12, 0x10, 0x23, 0xB1
FINE, COARSE = 100, 10
EXTENDED = 20
"""Octets of the information of a board that measures eight limbs."""
EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
LIGHTEST, HEAVIEST_COARSE = Decimal(5), Decimal(250)


class Understood:
    def __init__(self) -> None:
        self._divisor = FINE
        self._is_extended = self._has_result = False

    def __call__(self, data: bytes) -> Weighed | None:
        kind = data[0] if data else None
        if kind == INFORMATION and len(data) > 10:
            self._divisor, self._is_extended = FINE if data[10] == 1 else COARSE, len(data) == EXTENDED
        elif kind == LIVE and len(data) >= 10:
            return self._long(data) if data[2] == 0xFF else self._weighed(data, 3, settled=data[5] == 1, impedance=_either(data, 6, 8))
        elif kind == STORED and len(data) >= 16:
            return self._stored(data)
        elif kind == RESULT and len(data) >= 7 and self._is_extended and not self._has_result:
            checked(data)
            return self._result(data)
        return None

    def _result(self, data: bytes) -> Weighed | None:
        """Of a board that measures eight limbs: the first of a burst, in which the weight still settles the other way."""
        raw = data[5:7]
        value = Decimal(int.from_bytes(raw, "little")) / FINE
        if not is_weight(value):
            return None
        self._has_result = True
        return Weighed(value, raw)

    def _long(self, data: bytes) -> Weighed | None:
        return self._weighed(data, 5, settled=data[4] == 2, impedance=_either(data, 7, 9)) if len(data) >= 11 else None

    def _stored(self, data: bytes) -> Weighed | None:
        moment = EPOCH + timedelta(seconds=int.from_bytes(data[6:10], "little"))
        found = self._kilograms(data, 10, FINE)
        if found is None:
            return None
        time = DateTime.of(moment.replace(tzinfo=None))
        return Weighed(found, data[10:12], impedance=ohm(data, 13, big=False), time=time)

    def _weighed(self, data: bytes, at: int, *, settled: bool, impedance: Decimal | None) -> Weighed | None:
        found = self._kilograms(data, at, self._divisor)
        return None if found is None else Weighed(found, data[at : at + 2], impedance=impedance, is_final=settled)

    @staticmethod
    def _kilograms(data: bytes, at: int, divisor: int) -> Decimal | None:
        """Some say that they weigh in steps of 100 g and do not, and some the other way round: nobody weighs 5 kg, or 250."""
        raw = Decimal(int.from_bytes(data[at : at + 2], "big"))
        value = raw / divisor
        if divisor == COARSE and value >= HEAVIEST_COARSE:
            value = raw / FINE
        elif divisor == FINE and value <= LIGHTEST:
            value = raw / COARSE
        return value if is_weight(value) else None


def _either(data: bytes, first: int, second: int) -> Decimal | None:
    return ohm(data, first) or ohm(data, second)


DRIVER = GattDriver(
    name="qn-scale",
    label="Scale with a QN board (Renpho and others)",
    match=Match(service=0xFFE0, local_name="QN-Scale*"),
    read=weighing(0xFFE1, each=Understood),
)
