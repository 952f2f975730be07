"""Readings into the journal: identity, time, person, rules, one commit. Live sessions and replays come through here alike."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import UTC, datetime, tzinfo
from typing import Any

from drivers import Batch, DeviceClock, DeviceInfo, Frame, Key, Notice, Policy, Reading
from drivers.kit.capture import Record
from gateway import __version__, crashpoints
from gateway.clock import local
from gateway.config import DeviceSection
from gateway.journal import Candidate, Commit, Committed, Journal, Rejection
from gateway.journal.jobs import Moment
from gateway.normalize import when as timing
from gateway.normalize.identity import content_digest, device_identity, thing_id
from gateway.normalize.rules import parts
from gateway.normalize.things import BY_NAME, DeviceData, DeviceRef, DeviceThing, Provenance, Quality, Related, Thing, When
from gateway.weighing import Bands, Weighings

MEETING_SECONDS = 600.0
"""What was measured so shortly before a device was met is why it spoke."""
SAME_EPISODE_SECONDS = 120.0
"""A device without clock and numbers that says the very same in a new connection within this time repeats itself."""
SAME_HEARD_SECONDS = 40.0
"""One that only advertises, and was silent for so long, has measured anew."""

QUALITY_RANK = {quality: rank for rank, quality in enumerate(Quality)}


@dataclass(slots=True)
class SessionFacts:
    """What is known of a session's device and moment; the first batch adds the rest."""

    session: str
    address: str
    driver: str
    label: str
    boot_id: str
    clock_trusted: bool
    simulated: bool = False
    settings: DeviceSection | None = None
    replaying: bool = False
    port: str | None = None
    """Of a cable: what is noted for the next session is noted for it, since only then it is known before the device has spoken."""
    is_cable: bool = False
    """What is at its end may be another device each time, whatever the plug says."""
    same_within: float = SAME_EPISODE_SECONDS
    """Seconds in which an equal reading without stamp or number is the same one."""
    identity: str | None = None
    info: DeviceInfo | None = None
    ref: DeviceRef | None = None
    """Made of `info`, once: it is the same in every thing of the session."""
    device_thing: str | None = None
    pair: timing.ClockPair | None = None
    met: float | None = None
    """When the device was met first, in seconds since 1970, where not everything from before is wanted."""
    latest: list[Reading] = field(default_factory=list)
    """Of what is from before the last, so far: more than one if they are of one moment."""
    latest_at: float = 0.0
    weighings: Weighings = field(default_factory=Weighings)
    intermediate: int = 0
    things: int = 0
    """How many were new."""
    known_as: str | None = None
    """The identity by which the intake log knows the device: one that the journal lost is not derived anew, perhaps from less."""
    identified: Callable[[str], object] = lambda _identity: None
    """Told the identity before anything is filed under it."""
    noticed: Callable[[str, str], object] = lambda _code, _text: None
    """Told what the owner of the device should know."""


def opening(
    facts: SessionFacts, time: float, boottime: float, characteristics: Iterable[int], mark: Mapping[str, Any], policy: Policy
) -> Record:
    """The first record of a session in a capture: everything that a replay needs beside the frames."""
    extra = {
        "a": facts.address,
        "drv": facts.driver,
        "label": facts.label,
        "boot": facts.boot_id,
        "trusted": facts.clock_trusted,
        "sim": facts.simulated,
        "mark": dict(mark),
        "policy": policy.stored(),
        "chars": [f"{one:04X}" for one in sorted(characteristics)],
        **({"cable": True} if facts.is_cable else {}),
        "settings": facts.settings.model_dump(mode="json", exclude_defaults=True, exclude={"passkey"}) if facts.settings else None,
    }
    return Record(kind="open", session=facts.session, time=time, boottime=boottime, extra=extra)


class Filing:
    def __init__(
        self,
        journal: Journal,
        zone: tzinfo | None,
        committed: Callable[[list[Committed]], None] = lambda _new: None,
        bands: Bands = lambda: (),
        ended: Callable[[SessionFacts], None] = lambda _facts: None,
    ) -> None:
        """`ended` is for whoever holds a session: it tells that nothing more comes of it."""
        self._journal, self._zone, self._committed, self._bands, self.ended = journal, zone, committed, bands, ended

    async def file(self, facts: SessionFacts, batch: Batch, rejected: list[tuple[Frame, Exception]]) -> list[Committed]:
        """Commit a batch; returns the things that were new."""
        candidates: list[Candidate] = []
        readings: list[Reading] = []
        info: Mapping[str, Any] | None = None
        for item in batch.items:
            if isinstance(item, DeviceInfo):
                facts.info, facts.ref = item if facts.is_cable else self._completed(facts.address, item), None
            elif isinstance(item, DeviceClock):
                facts.pair = timing.ClockPair(
                    item.device_time, item.frame.received, float(item.fraction), item.synchronized, item.utc_offset
                )
        if facts.identity is None:
            await self._identify(facts, next((item.frame.received for item in batch.items if not isinstance(item, Notice)), None))
        for item in batch.items:
            if isinstance(item, DeviceInfo) and facts.info is not None:
                info = {name: value for name, value in asdict(facts.info).items() if name != "frame" and value is not None}
                candidates.append(self._device(facts, facts.info))
            elif isinstance(item, Reading):
                readings.append(item)
            elif isinstance(item, Notice):
                facts.noticed(item.code, item.text)
            elif not isinstance(item, DeviceClock):
                facts.intermediate += 1
        readings = [reading for reading in readings if not self._is_from_before(facts, reading)]
        candidates += self._readings(facts, readings, [await self._key(facts, reading) for reading in readings])
        rejections = [
            Rejection(
                frame.position, facts.session, facts.address, facts.driver, frame.characteristic, frame.data, str(error), frame.received
            )
            for frame, error in rejected
        ]
        new = await self._journal.commit(
            Commit(
                facts.port if facts.port is not None and batch.mark is not None else facts.address,
                tuple(candidates),
                batch.mark,
                info,
                tuple(rejections),
                replaying=facts.replaying,
            )
        )
        facts.things += len(new)
        if new:
            crashpoints.reached("thing-committed")
            self._committed(new)
        return new

    async def finish(self, facts: SessionFacts) -> list[Committed]:
        """The device has told everything: what is wanted of what it had measured before it was met is known now."""
        if not facts.latest:
            return []
        latest, facts.latest, facts.met = tuple(facts.latest), [], None
        new = await self.file(facts, Batch(latest), [])
        # One that tells less the next time has nothing older that is the latest.
        await self._journal.set_meta(f"latest/{facts.identity}", repr(facts.latest_at))
        return new

    async def _identify(self, facts: SessionFacts, received: float | None) -> None:
        derived = facts.known_as or device_identity(facts.info, facts.address)
        if facts.is_cable:
            facts.port, facts.address = facts.address, derived.removeprefix("address:")
            await self._journal.identity(facts.port, derived)
        joined = facts.settings.same_as if facts.settings else None
        identity = await self._journal.identity(joined or facts.address, derived)
        if joined:
            identity = await self._journal.identity(facts.address, identity)
        facts.identified(identity)
        facts.identity = identity
        is_wanted = facts.settings is not None and facts.settings.first_contact != "all"
        if is_wanted and facts.clock_trusted and received is not None:
            facts.met = await self._journal.first_contact(identity, received)
            facts.latest_at = float(self._journal.meta(f"latest/{identity}", "0"))

    def _completed(self, address: str, info: DeviceInfo) -> DeviceInfo:
        """What a device did not come to say this time (the link broke) it has said before: that is no other device."""
        known = self._journal.info(address)
        return replace(info, **{name: known[name] for name in _LASTING if name in known and not getattr(info, name)})

    def _device_ref(self, facts: SessionFacts) -> DeviceRef:
        if facts.ref is not None:
            return facts.ref
        info = facts.info
        name = facts.settings.name if facts.settings and facts.settings.name else (info.model if info and info.model else facts.label)
        facts.ref = DeviceRef(
            identity=str(facts.identity),
            address=facts.address,
            name=name,
            manufacturer=info.manufacturer if info else None,
            model=info.model if info else None,
            serial_number=info.serial_number if info else None,
        )
        return facts.ref

    def _provenance(self, facts: SessionFacts, frame: Frame, offset: float | None = None, reading: Reading | None = None) -> Provenance:
        return Provenance(
            driver=facts.driver,
            gateway=f"health-gateway {__version__}",
            transport="cable" if facts.is_cable else "ble",
            simulated=facts.simulated,
            received=datetime.fromtimestamp(frame.received, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            received_boottime=frame.boottime,
            boot_id=facts.boot_id,
            clock_offset=offset,
            intake_position=frame.position,
            sequence_number=reading.sequence_number if reading else None,
            user_index=reading.user_index if reading else None,
            ordinal=(reading.key.ordinal or None) if reading else None,
        )

    def _ways(self, facts: SessionFacts, readings: Sequence[Reading], offsets: Sequence[float | None]) -> list[Provenance]:
        """The same one for all that came the same way: a device's memory says hundreds of them in one frame."""
        made: dict[tuple[int, float | None, int | None, int | None, int], Provenance] = {}
        ways = []
        for reading, offset in zip(readings, offsets, strict=True):
            key = reading.frame.position, offset, reading.sequence_number, reading.user_index, reading.key.ordinal
            if key not in made:
                made[key] = self._provenance(facts, reading.frame, offset, reading)
            ways.append(made[key])
        return ways

    def _device_id(self, facts: SessionFacts) -> str:
        if facts.device_thing is None:
            facts.device_thing = thing_id(str(facts.identity), Key("device", ()), "device")
        return facts.device_thing

    def _device(self, facts: SessionFacts, info: DeviceInfo) -> Candidate:
        ref = self._device_ref(facts)
        data = DeviceData(
            name=ref.name,
            manufacturer=info.manufacturer,
            model=info.model,
            serial_number=info.serial_number,
            firmware=info.firmware,
            hardware=info.hardware,
            software=info.software,
            system_id=info.system_id,
            pnp_id=info.pnp_id,
            udi=info.udi,
            regulatory=info.regulatory,
        )
        trusted = facts.clock_trusted
        moment = local(info.frame.received, self._zone).isoformat(timespec="seconds")
        thing = DeviceThing(
            id=self._device_id(facts),
            version=1,
            device=ref,
            data=data,
            when=When(time=moment, quality=Quality.RECEIVED if trusted else Quality.TIME_PENDING),
            provenance=self._provenance(facts, info.frame),
        )
        return candidates([thing])[0]

    async def _key(self, facts: SessionFacts, reading: Reading) -> Key:
        key = reading.key
        if key.kind != "episode":
            return key
        frame = reading.frame
        moment = Moment(frame.received, facts.boot_id, frame.boottime)
        token = await self._journal.episode(
            str(facts.identity), "/".join(key.parts), facts.session, moment, frame.position, facts.same_within
        )
        return Key("episode", (token,))

    def _readings(self, facts: SessionFacts, readings: list[Reading], keys: list[Key]) -> list[Candidate]:
        """One thing after the other through each step, not one step after the other for each thing: that takes half as long, since
        each step's code stays where the processor has it at hand.
        """
        identity, ref = str(facts.identity), self._device_ref(facts)
        device = [Related(id=self._device_id(facts), relationship="measured-with")] if facts.info else []
        times = [self._when(facts, reading) for reading in readings]
        whose = list(zip(times, self._persons(facts, readings), strict=True))
        made = [parts(reading) for reading in readings]
        ids = [
            [thing_id(identity, key, _KINDS[part.model], part.component) for part in those] for key, those in zip(keys, made, strict=True)
        ]
        ways = self._ways(facts, readings, [offset for _, offset in times])
        things = [
            part.model(
                id=own,
                version=1,
                when=when,
                person=person,
                device=ref,
                status=list(reading.status),
                related=device + [Related(id=other, relationship="same-measurement") for other in mine if other != own],
                provenance=way,
                data=part.data,  # type: ignore[call-arg]  # every thing-type has data; the base cannot say of what kind
            )
            for reading, ((when, _), person), those, mine, way in zip(readings, whose, made, ids, ways, strict=True)
            for part, own in zip(those, mine, strict=True)
        ]
        return candidates(things)

    def _is_from_before(self, facts: SessionFacts, reading: Reading) -> bool:
        """Measured before the device was met, by a stamp that can be believed. It stays in the intake log."""
        if facts.met is None or reading.device_time is None:
            return False
        when, _ = self._when(facts, reading)  # of a stamp that cannot be believed: when it was received
        moment = datetime.fromisoformat(when.time).timestamp()
        if moment >= facts.met - MEETING_SECONDS:
            return False
        facts.noticed("before", "what it had measured before it was met is left out (first_contact)")
        if facts.settings is not None and facts.settings.first_contact == "latest" and moment >= facts.latest_at:
            facts.latest = [*(facts.latest if moment == facts.latest_at else ()), reading]
            facts.latest_at = moment
        return True

    def _when(self, facts: SessionFacts, reading: Reading) -> tuple[When, float | None]:
        return timing.file(
            reading.device_time,
            reading.frame.received,
            facts.pair,
            trusted=facts.clock_trusted,
            zone=self._zone,
            clock_not_set=reading.clock_not_set,
            utc_offset=reading.utc_offset,
        )

    def _persons(self, facts: SessionFacts, readings: Sequence[Reading]) -> list[str | None]:
        """The device's own user first, then the owner of the device, then what a weight says, else nobody: never the nearest."""
        settings = facts.settings
        if settings is None:
            return [None] * len(readings)
        by_weight = facts.weighings.persons(readings, self._bands()) if settings.by_weight else [None] * len(readings)
        return [
            settings.users.get(str(reading.user_index))  # a user that is not listed is nobody, whatever they weigh
            if reading.user_index is not None and settings.users
            else settings.person or weighed
            for reading, weighed in zip(readings, by_weight, strict=True)
        ]


_KINDS = {model: name for name, model in BY_NAME.items()}
_LASTING = tuple(one.name for one in fields(DeviceInfo) if one.name not in ("frame", "battery"))

_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"))


def candidates(things: Sequence[Thing], *, decided: bool = False) -> list[Candidate]:
    """What the journal needs of each. `decided`: by their owner's word."""
    bodies = [_json(thing) for thing in things]  # now, not by the writer: most are the first of their id, and the thing is at hand
    digests = [_digest(thing) for thing in things]
    return [_candidate(thing, body, digest, decided=decided) for thing, body, digest in zip(things, bodies, digests, strict=True)]


def _digest(thing: Thing) -> bytes:
    """Of what it says: not of when and by which way it came and what the device is called, but of the time it said itself."""
    # Without what is not there: a field that a later version of this program adds makes no new versions of old things.
    said = thing.model_dump(mode="json", by_alias=True, exclude_none=True, exclude={"when", "provenance", "version", "related", "device"})
    said["device_time"] = thing.when.device_time
    return content_digest(_ENCODER.encode(said).encode())


def _candidate(thing: Thing, body: str, digest: bytes, *, decided: bool) -> Candidate:
    def of(person: str | None, by_hand: bool) -> Candidate:  # noqa: FBT001 - both of them are what stands
        return candidates([thing.model_copy(update={"person": person, "by_hand": by_hand or None})])[0]

    def render(version: int) -> str:
        return body if version == thing.version else _json(thing.model_copy(update={"version": version}))

    return Candidate(
        id=thing.id,
        type=thing.type,  # type: ignore[attr-defined]  # every kind has one; the base cannot say which
        digest=digest,
        quality=QUALITY_RANK[thing.when.quality],
        position=thing.provenance.intake_position,
        render=render,
        person=thing.person,
        of=of,
        decided=decided,
    )


def _json(thing: Thing) -> str:
    return thing.model_dump_json(by_alias=True, exclude_none=True)
