"""How far the audit log goes, told to every sink once a day: then its end cannot be cut off without whoever has heard it noticing."""

from __future__ import annotations

from datetime import UTC, datetime

from drivers import Key
from gateway import __version__
from gateway.clock import Clock, local
from gateway.filing import candidates
from gateway.journal import Commit, Committed, Journal
from gateway.normalize.identity import thing_id
from gateway.normalize.things import DeviceData, DeviceRef, DeviceThing, Provenance, Quality, When


async def tell(journal: Journal, gateway_id: str, mark: str, clock: Clock) -> list[Committed]:
    """As what the gateway says of itself: a device, like any other; each day a version, signed where things are. Raises `JournalError`."""
    now = clock.now()
    identity = f"gateway:{gateway_id}"
    thing = DeviceThing(
        id=thing_id(identity, Key("device", ()), "device"),
        version=1,
        device=DeviceRef(identity=identity, address="", name="health-gateway", model="health-gateway"),
        data=DeviceData(name="health-gateway", model="health-gateway", software=__version__, audit_mark=mark),
        when=When(time=local(now, clock.zone()).isoformat(timespec="seconds"), quality=Quality.RECEIVED),
        provenance=Provenance(
            driver="gateway",
            gateway=f"health-gateway {__version__}",
            simulated=False,
            received=datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            received_boottime=clock.boottime(),
            boot_id=clock.boot_id(),
            intake_position=0,
        ),
    )
    return await journal.commit(Commit("", tuple(candidates([thing]))))
