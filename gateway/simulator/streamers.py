"""Virtual devices that stream while they are worn or ridden: a belt, a ring, a foot pod, bicycle sensors, a treadmill.

They store nothing, so their truth is what they have sent when it is over. Their counters begin shortly before they wrap around.
"""

from __future__ import annotations

import asyncio
import random
from abc import ABC, abstractmethod
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from bumble.gatt import Characteristic

from gateway.simulator.memory import Stored, plain
from gateway.simulator.peripheral import PROPERTIES, Peripheral
from profiles.gatt import cycling_power as cps
from profiles.gatt import fitness_machine as ftms
from profiles.gatt import heart_rate as hrs
from profiles.gatt import pulse_oximeter as plxs
from profiles.gatt import speed_cadence as scs
from profiles.gatt.fitness_machine_control import FitnessMachineFeature
from profiles.wire import Layout

Truth = dict[str, Any]


def mean(values: list[Decimal]) -> str:
    """To one decimal more than the finest of them."""
    finest = max(-int(value.as_tuple().exponent) for value in values)
    return plain(f"{sum(values, Decimal(0)) / len(values):.{finest + 1}f}")


def samples(name: str, values: Iterable[Decimal]) -> Truth:
    return {"type": "exercise-samples", "time": None, "values": {name: " ".join(map(plain, values))}}


class Streamer(Peripheral, ABC):
    """Sends its values as soon as it is subscribed to, once per demo, then hangs up."""

    measurement_id: int
    COUNT, INTERVAL = 12, 0.25
    CLOCK_BEHIND = None

    def wear(self, number: int, randomness: random.Random) -> None:
        self._number, self.randomness = number, randomness

    def characteristics(self) -> list[Characteristic[Any]]:
        self._measured = self.measurement(self.measurement_id, PROPERTIES.NOTIFY)
        return [self._measured]

    @abstractmethod
    def script(self) -> tuple[list[Layout], list[Truth]]:
        """What is sent, and what has to become of it."""

    def after(self) -> list[Layout]:
        """What is sent when it has been taken off."""
        return []

    def on_ready(self, characteristic: int) -> None:
        if characteristic == self.measurement_id:
            self.do(self._send())

    async def _send(self) -> None:
        values, truths = self.script()
        for value in values:
            await self.notify(self._measured, value.encode())
            await asyncio.sleep(self.INTERVAL)
        self.memory.add(Stored(self._number, "", expected=truths))
        for value in self.after():
            await self.notify(self._measured, value.encode())
            await asyncio.sleep(self.INTERVAL)
        await self.hang_up()


class Belt(Streamer):
    """A heart-rate belt: four values a second while worn, then one without skin contact. The pattern of the frames is
    movisens/SmartGattLib@67a2348b's.
    """

    name, model, service, measurement_id = "SIM Belt", "SIM-HR1", hrs.SERVICE, hrs.HeartRateMeasurement.uuid
    COUNT = 16

    def characteristics(self) -> list[Characteristic[Any]]:
        return [*super().characteristics(), self.fixed(hrs.BodySensorLocation.uuid, b"\x01")]

    def script(self) -> tuple[list[Layout], list[Truth]]:
        flags = hrs.Flags.SENSOR_CONTACT_SUPPORTED | hrs.Flags.SENSOR_CONTACT_DETECTED | hrs.Flags.RR_INTERVALS
        rates = [self.randomness.randrange(62, 78) for _ in range(self.COUNT)]
        intervals = [Decimal(60 * 1024 // rate) / 1024 for rate in rates]
        sent = [Decimal(rate) for rate in rates]
        summary = {"type": "heart-rate", "time": None, "values": {"rate": mean(sent)}}
        values: list[Layout] = [
            hrs.HeartRateMeasurement(flags, rate, rr_intervals=(interval,)) for rate, interval in zip(rates, intervals, strict=True)
        ]
        return values, [summary, samples("heart-rate", sent), samples("rr-interval", intervals)]

    def after(self) -> list[Layout]:
        return [hrs.HeartRateMeasurement(hrs.Flags.SENSOR_CONTACT_SUPPORTED, 0)]


class Ring(Streamer):
    """An oximeter for the night: continuous values, of which one is invalid by its own word."""

    name, model, service, measurement_id = "SIM Ring", "SIM-PO2", plxs.SERVICE, plxs.PLXContinuousMeasurement.uuid

    def script(self) -> tuple[list[Layout], list[Truth]]:
        spo2 = [Decimal(self.randomness.randrange(90, 100)) for _ in range(self.COUNT)]
        pulse = [Decimal(self.randomness.randrange(50, 70)) for _ in range(self.COUNT)]
        values: list[Layout] = [
            plxs.PLXContinuousMeasurement(plxs.ContinuousFlags(0), one, other) for one, other in zip(spo2, pulse, strict=True)
        ]
        invalid = plxs.MeasurementStatus.INVALID_MEASUREMENT
        said = plxs.ContinuousFlags.MEASUREMENT_STATUS
        values.insert(3, plxs.PLXContinuousMeasurement(said, Decimal(12), Decimal(99), measurement_status=invalid))
        return values, [
            {"type": "blood-oxygen-saturation", "time": None, "values": {"saturation": mean(spo2)}},
            {"type": "heart-rate", "time": None, "values": {"rate": mean(pulse)}},
            samples("oxygen-saturation", spo2),
            samples("pulse-rate", pulse),
        ]


class FootPod(Streamer):
    """A run past the end of the pod's counter of decimetres."""

    name, model, service, measurement_id = "SIM Pod", "SIM-RS1", scs.RUNNING_SERVICE, scs.RSCMeasurement.uuid
    STEP = Decimal("0.8")

    def script(self) -> tuple[list[Layout], list[Truth]]:
        flags = scs.RunningFlags.TOTAL_DISTANCE | scs.RunningFlags.RUNNING
        speeds = [Decimal(self.randomness.randrange(600, 900)) / 256 for _ in range(self.COUNT)]
        cadences = [Decimal(self.randomness.randrange(80, 90)) for _ in range(self.COUNT)]
        around = Decimal(2**32) / 10
        values: list[Layout] = []
        for index, (speed, cadence) in enumerate(zip(speeds, cadences, strict=True)):
            distance = (around - 2 + index * self.STEP) % around
            values.append(scs.RSCMeasurement(flags, speed, int(cadence), None, distance))
        said = {
            "activity": "running",
            "distance": plain(self.STEP * (self.COUNT - 1)),
            "speed": mean(speeds),
            "highest-speed": plain(max(speeds)),
            "cadence": mean(cadences),
            "highest-cadence": plain(max(cadences)),
        }
        return values, [{"type": "exercise", "time": None, "values": said}, samples("speed", speeds), samples("cadence", cadences)]


class Bicycle(Streamer):
    """Wheel and cranks turn past the ends of their counters, and of the clock that stamps them."""

    name, model, service, measurement_id = "SIM Bike", "SIM-CS1", scs.CYCLING_SERVICE, scs.CSCMeasurement.uuid

    def turns(self) -> tuple[list[int], list[Decimal], list[Decimal]]:
        """Cranks, the second of each event, and the cadence that the second and later ones tell."""
        ticks = [self.randomness.randrange(680, 800) for _ in range(self.COUNT - 1)]
        now, events = 65000, [Decimal(65000) / 1024]
        for one in ticks:
            now = (now + one) % 65536
            events.append(Decimal(now) / 1024)
        cranks = [(65530 + index) % 65536 for index in range(self.COUNT)]
        return cranks, events, [(Decimal(61440) / one).quantize(Decimal("0.1")) for one in ticks]

    def script(self) -> tuple[list[Layout], list[Truth]]:
        flags = scs.CyclingFlags.WHEEL_REVOLUTIONS | scs.CyclingFlags.CRANK_REVOLUTIONS
        cranks, events, cadence = self.turns()
        values: list[Layout] = [
            scs.CSCMeasurement(flags, (2**32 - 9 + 3 * index) % 2**32, event, crank, event)
            for index, (crank, event) in enumerate(zip(cranks, events, strict=True))
        ]
        said = {
            "activity": "cycling",
            "wheel-revolutions": str(3 * (self.COUNT - 1)),
            "crank-revolutions": str(self.COUNT - 1),
            "cadence": mean(cadence),
            "highest-cadence": plain(max(cadence)),
        }
        return values, [{"type": "exercise", "time": None, "values": said}, samples("cadence", cadence)]


class PowerMeter(Bicycle):
    """The same on a crank that measures power."""

    name, model, service, measurement_id = "SIM Power", "SIM-CP1", cps.SERVICE, cps.CyclingPowerMeasurement.uuid

    def script(self) -> tuple[list[Layout], list[Truth]]:
        flags = cps.Flags.CRANK_REVOLUTIONS | cps.Flags.ACCUMULATED_ENERGY
        cranks, events, cadence = self.turns()
        powers = [Decimal(self.randomness.randrange(120, 260)) for _ in range(self.COUNT)]
        values: list[Layout] = [
            cps.CyclingPowerMeasurement(
                flags, int(power), crank_revolutions=crank, crank_event_time=event, accumulated_energy=(65533 + index // 2) % 65536
            )
            for index, (power, crank, event) in enumerate(zip(powers, cranks, events, strict=True))
        ]
        said = {
            "activity": "cycling",
            "crank-revolutions": str(self.COUNT - 1),
            "energy": str((self.COUNT - 1) // 2),
            "power": mean(powers),
            "highest-power": plain(max(powers)),
            "cadence": mean(cadence),
            "highest-cadence": plain(max(cadence)),
        }
        return values, [{"type": "exercise", "time": None, "values": said}, samples("power", powers), samples("cadence", cadence)]


class Machine(Streamer):
    """A treadmill that splits each record over two packets."""

    name, model, service, measurement_id = "SIM Treadmill", "SIM-FM1", ftms.SERVICE, ftms.TreadmillData.uuid
    INTERVAL = 0.15

    def characteristics(self) -> list[Characteristic[Any]]:
        return [*super().characteristics(), self.fixed(FitnessMachineFeature.uuid, bytes(8))]

    def script(self) -> tuple[list[Layout], list[Truth]]:
        flags = ftms.TreadmillFlags
        speeds = [Decimal(self.randomness.randrange(500, 1100)) / 100 for _ in range(self.COUNT)]
        values: list[Layout] = []
        for index, speed in enumerate(speeds):
            first = flags.MORE_DATA | flags.TOTAL_DISTANCE | flags.STEP_COUNT
            values.append(ftms.TreadmillData(first, total_distance=3 * index, step_count=4 * index))
            values.append(
                ftms.TreadmillData(flags.EXPENDED_ENERGY, speed=speed, total_energy=index, energy_per_hour=None, energy_per_minute=None)
            )
        steps = self.COUNT - 1
        said = {
            "activity": "treadmill",
            "distance": str(3 * steps),
            "energy": str(steps),
            "steps": str(4 * steps),
            "speed": mean(speeds),
            "highest-speed": plain(max(speeds)),
        }
        return values, [{"type": "exercise", "time": None, "values": said}, samples("speed", speeds)]
