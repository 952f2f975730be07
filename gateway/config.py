"""The configuration: TOML into frozen models. Unknown keys are refused; every problem is told at once, with its line.

The models are the documentation: descriptions stand in `config.example.toml`, and a test keeps both equal.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import BaseModel, Field, ValidationError, field_validator, model_validator

from gateway.clock import Trust
from gateway.config_sinks import SINKS, SinkSection
from gateway.config_strict import Inconsistent, Strict
from gateway.errors import ConfigError, ConfigProblem
from gateway.locating import locate
from gateway.recovery import Reach
from profiles.gatt.user_control import LARGEST_CONSENT_CODE, NO_USER

PORT = r"^([0-9a-f]{4}:[0-9a-f]{4}(:.+)?|usb:[0-9]+-[0-9.]+|/.+)$"
ADDRESS = r"^([0-9A-F]{2}:){5}[0-9A-F]{2}$"


class GatewaySection(Strict):
    state: Path = Field(Path("/var/lib/health-gateway"), description="Directory for everything that must outlive a restart")
    socket: Path | None = Field(None, description="Control socket; control.sock in the state directory if left out")
    sign: bool = Field(
        default=False, description="Sign every thing with a key of this gateway's own, so that anyone can check where it came from"
    )


class TimeSection(Strict):
    trust: Trust = Field(
        "ntp", description="ntp: wait until the kernel says that the clock is synchronized; rtc or manual: believe the clock as it is"
    )


class DiskSection(Strict):
    reserve_mb: int = Field(200, ge=0, description="Below this much free space (or 5 % of the disk, if that is less) no new session begins")
    keep_days: int | None = Field(
        None, ge=30, description="What is older, and every sink has had, is thrown away; kept for ever if left out"
    )
    keep_mb: int | None = Field(
        None,
        ge=20,
        description="When journal and raw log are larger, the oldest goes that every sink has had, but nothing of the last 30 days",
    )


class AtRestSection(Strict):
    key_file: Path | None = Field(
        None,
        description="Encrypt what is stored with the key in this file (`health-gateway new-key` makes one); a bare name is a systemd "
        "credential",
    )
    old_key_files: tuple[Path, ...] = Field(
        (), description="Keys that were used before: at the next start everything is brought under the one above, or under none"
    )


class BluetoothSection(Strict):
    accept: Literal["listed", "any"] = Field(
        "listed", description="listed: read the devices below only; any: every device that a driver knows"
    )
    idle_seconds: float = Field(10, gt=0, le=300, description="A session ends when its device has been silent for so long")
    connect_seconds: float = Field(20, gt=0, le=120, description="Give up connecting after this time")
    session_seconds: float = Field(
        900, gt=0, description="No session lasts longer, whatever the device sends; one that is worn or ridden may be read for 12 hours"
    )
    reconnect_seconds: float = Field(
        60, ge=0, description="A device that keeps advertising is read again after this time; one that comes back, at once"
    )
    adapter: str | None = Field(None, pattern=r"^hci[0-9]+$", description="Use this one; the first there is if left out")
    recover: Reach = Field(
        "service",
        description="How far to go with an adapter that does not work: begin the scan anew; switch the adapter off and on; "
        "have bluetoothd started anew",
    )
    quiet_days: float = Field(14, ge=0, description="Tell when nothing has come from a listed device for so many days; 0: never")
    serve_time: bool = Field(default=True, description="Let devices that are connected read the time from the hub, once it knows it")


class PersonSection(Strict):
    id: str = Field(min_length=1, description="Name of the person's record")
    weight_kg: tuple[Annotated[float, Field(gt=0)], Annotated[float, Field(gt=0)]] | None = Field(
        None, description="From and to: what they weigh, for scales with by_weight that do not know who stands on them"
    )

    @field_validator("id")
    @classmethod
    def _somebody(cls, value: str) -> str:
        if value == "nobody":
            raise ValueError("nobody is nobody's name here: `inbox assign nobody` takes a reading away")
        return value

    @field_validator("weight_kg")
    @classmethod
    def _rising(cls, value: tuple[float, float] | None) -> tuple[float, float] | None:
        if value is not None and value[0] >= value[1]:
            raise ValueError("the first weight is not below the second")
        return value


class DeviceSection(Strict):
    address: str = Field("", pattern=f"{ADDRESS}|^$", description="Bluetooth address in capitals, as `health-gateway scan` prints it")
    port: str | None = Field(
        None,
        pattern=PORT,
        description="Or, for a cable: 0403:6001 (vendor and product, as `health-gateway ports` prints them), with :SERIAL where there are "
        "two; usb:1-1.2, a socket; /dev/…, a serial port; or a directory with the files of a meter",
    )
    name: str | None = Field(None, description="What you call it")
    driver: str | None = Field(None, description="Use this driver whatever the device advertises")
    person: str | None = Field(None, description="Everything it measures belongs to this person")
    users: dict[str, str] = Field({}, description="Or: the device's own user number to a person")
    by_weight: bool = Field(default=False, description="Or: the one person in whose weight_kg a weight lies, and what is measured with it")
    same_as: str | None = Field(
        None, pattern=ADDRESS, description="For a cable: the Bluetooth address of the same device, so that both are one in the record"
    )
    first_contact: Literal["all", "since-pairing", "latest"] = Field(
        "all",
        description="since-pairing: leave out what it had measured before this gateway met it, by whoever it was; latest: all of that but "
        "the last",
    )
    set_clock: bool = Field(default=False, description="Set its clock after each download")
    forget: bool = Field(default=False, description="Delete its records once they are safe in the journal")

    passkey: str | None = Field(
        None, pattern=r"^[0-9]{6}$", description="What it asks for when it is paired, if that is always the same", repr=False
    )
    consent: dict[str, int] = Field(
        {}, description="The consent code of each of its users, for a device that keeps their data to itself (a scale, say)", repr=False
    )
    bindkey: str | None = Field(
        None,
        pattern=r"^[0-9a-fA-F]{32}$",
        description="Opens what it encrypts in its advertisements: 32 hexadecimal digits, from its maker's app",
        repr=False,
    )
    register_user: bool = Field(
        default=False, description="Make a user of our own on such a device if no consent code is known; it is kept in the journal"
    )

    @field_validator("consent")
    @classmethod
    def _users_and_codes(cls, value: dict[str, int]) -> dict[str, int]:
        for user, code in value.items():
            if not (user.isdecimal() and int(user) < NO_USER):
                raise ValueError(f"{user!r} is no user number of a device: 0 to {NO_USER - 1}")
            if not 0 <= code <= LARGEST_CONSENT_CODE:
                raise ValueError(f"the consent code of user {user} has more than four digits")
        return value

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if bool(self.address) == (self.port is not None):
            raise ValueError("a device has an address (Bluetooth) or a port (cable), one of the two")
        return self

    @field_validator("address", mode="before")
    @classmethod
    def _capitals(cls, value: object) -> object:
        return value.upper() if isinstance(value, str) else value


class CablesSection(Strict):
    accept: Literal["any", "listed", "off"] = Field(
        "any",
        description="any: read every device that a driver knows by its own plug; listed: those with a port below only; off: none. One "
        "behind a USB-serial cable that may be anybody's is only read if its port is below",
    )
    idle_seconds: float = Field(3, gt=0, le=300, description="A device that has not answered for so long is done, or does not answer")
    session_seconds: float = Field(900, gt=0, description="No session lasts longer; one that streams may be read for 12 hours")
    again_seconds: float = Field(
        86400, ge=0, description="One that stays plugged in is read again after this time; 0: only when it is plugged in again"
    )


class PhdTcpSection(Strict):
    listen: str | None = Field(
        None,
        pattern=r"^.+:[0-9]{1,5}$",
        description="Let devices with IEEE 11073-20601 over TCP connect to this address and port, such as 127.0.0.1:6024; off if left out",
    )


class MetricsSection(Strict):
    listen: str | None = Field(
        None,
        pattern=r"^.+:[0-9]{1,5}$",
        description="Tell Prometheus at this address and port how the gateway is doing, such as 127.0.0.1:9109; off if left out",
    )


class PageSection(Strict):
    listen: str = Field(
        "127.0.0.1:8460",
        pattern=r"^(off|.+:[0-9]{1,5})$",
        description="Address and port of the local page; 0.0.0.0:8460 for the whole home network; off for none",
    )
    names: tuple[str, ...] = Field(
        (), description="Names by which browsers reach it beside this machine's own; a request for another name is refused"
    )
    certificate_file: Path | None = Field(None, description="For https: the certificate with its chain, as PEM")
    key_file: Path | None = Field(None, description="And its key; a bare name is a systemd credential")

    @model_validator(mode="after")
    def _both(self) -> Self:
        if (self.certificate_file is None) != (self.key_file is None):
            raise ValueError("certificate_file and key_file go together")
        return self


class GrantSection(Strict):
    person: str = Field(description="Who agrees")
    sink: str = Field(description='To what going where: the name of a [sink] with consent = "required"')
    types: tuple[str, ...] = Field((), description="Only these thing-types; all if left out")
    since: datetime | None = Field(None, description="From this moment on")
    until: datetime | None = Field(None, description="And not after this one")
    why: str = Field("", description="What it is for, in words")


class LogSection(Strict):
    level: Literal["debug", "info", "warning", "error"] = Field("info", description="Health values are in no level")
    format: Literal["console", "json"] = Field("console", description="json: one object per line")


class Config(Strict):
    gateway: GatewaySection = GatewaySection()
    time: TimeSection = TimeSection()
    disk: DiskSection = DiskSection()
    at_rest: AtRestSection = AtRestSection()
    bluetooth: BluetoothSection = BluetoothSection()
    cables: CablesSection = CablesSection()
    phd_tcp: PhdTcpSection = PhdTcpSection()
    metrics: MetricsSection = MetricsSection()
    page: PageSection = PageSection()
    log: LogSection = LogSection()
    person: tuple[PersonSection, ...] = ()
    device: tuple[DeviceSection, ...] = ()
    sink: dict[str, SinkSection] = Field(default_factory=dict)
    grant: tuple[GrantSection, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> Config:
        known = {person.id for person in self.person}
        problems: list[tuple[tuple[int | str, ...], str]] = []
        addresses: dict[str, int] = {}
        for index, device in enumerate(self.device):
            key, where = ("address", device.address) if device.address else ("port", str(device.port))
            if where in addresses:
                problems.append((("device", index, key), f"the same {key} as device {addresses[where]}"))
            addresses.setdefault(where, index)
            if device.person is not None and device.person not in known:
                problems.append((("device", index, "person"), f"no [[person]] has the id {device.person!r}"))
            problems += [
                (("device", index, "users", user), f"no [[person]] has the id {person!r}")
                for user, person in device.users.items()
                if person not in known
            ]
            problems += [
                (("device", index, "users", user), "a user number is 0 to 254")
                for user in device.users
                if not (user.isdigit() and int(user) <= 254)  # noqa: PLR2004 - one octet, 255 is "unknown"
            ]
        problems += self._grant_problems(known) if self.grant else ()
        if problems:
            raise Inconsistent(problems)
        return self

    def _grant_problems(self, persons: set[str]) -> Iterator[tuple[tuple[int | str, ...], str]]:
        from gateway.normalize.things import BY_NAME  # noqa: PLC0415 - the models take their time, and most have no grants

        for index, grant in enumerate(self.grant):
            if grant.person not in persons:
                yield ("grant", index, "person"), f"no [[person]] has the id {grant.person!r}"
            if grant.sink not in self.sink:
                yield ("grant", index, "sink"), f"there is no [sink.{grant.sink}]"
            elif self.sink[grant.sink].consent != "required":
                yield ("grant", index, "sink"), f'everything goes there anyway, without consent = "required" in [sink.{grant.sink}]'
            for kind in sorted(set(grant.types) - BY_NAME.keys()):
                yield ("grant", index, "types"), f"there is no thing-type {kind!r}; there are: {', '.join(sorted(BY_NAME))}"
            if grant.since and grant.until and grant.since.timestamp() >= grant.until.timestamp():
                yield ("grant", index, "until"), "is not after since"

    @property
    def radio_devices(self) -> list[DeviceSection]:
        return [device for device in self.device if device.address]

    @property
    def cable_devices(self) -> list[DeviceSection]:
        return [device for device in self.device if device.port is not None]

    @property
    def state(self) -> Path:
        return self.gateway.state

    @property
    def socket(self) -> Path:
        return self.gateway.socket or self.gateway.state / "control.sock"


M = TypeVar("M", bound=BaseModel)
RELOADED = ("bluetooth", "cables", "device", "person", "disk", "grant")
"""Sections that SIGHUP takes over; the others need a restart."""


def load(path: Path) -> Config:
    """Raises `ConfigError` with every problem of the file."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is not UTF-8"
        raise ConfigError(path, [ConfigProblem(None, "", f"cannot be read: {reason}")]) from error
    return parse(path, text)


def parse(path: Path, text: str) -> Config:
    return parse_as(Config, path, text)


def parse_as(model: type[M], path: Path, text: str) -> M:
    """Raises `ConfigError`."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"\(at line (\d+), column \d+\)", str(error))
        line = int(found[1]) if found else len(text.splitlines()) or 1
        raise ConfigError(path, [ConfigProblem(line, "", f"no valid TOML: {error}")]) from error
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise ConfigError(path, [problem for item in error.errors() for problem in _problems(model, text, item)]) from error


def _problems(model: type[BaseModel], text: str, item: Any) -> list[ConfigProblem]:
    cause = item.get("ctx", {}).get("error")
    loc = tuple(item["loc"])
    kind = SINKS.get(str(loc[2])) if loc[:1] == ("sink",) and len(loc) > 2 else None  # noqa: PLR2004 - sink.NAME.type
    if kind is not None:
        loc = loc[:2] + loc[3:]  # pydantic names the type, the file does not
    elif loc[:1] == ("queue",) and len(loc) > 1:
        kinds = getattr(model.model_fields["queue"].annotation, "__args__", ())
        kind = next((one for one in kinds if loc[1] in one.model_fields["type"].annotation.__args__), None)
        loc = loc[:1] + loc[2:] if kind is not None else loc  # likewise
    if isinstance(cause, Inconsistent):
        return [ConfigProblem(locate(text, (*loc, *inner)), _dotted((*loc, *inner)), said) for inner, said in cause.problems]
    said = item["msg"].removeprefix("Value error, ")
    if item["type"] == "extra_forbidden":
        said = f"unknown key{_suggestion(model, loc, kind)}"
    elif item["type"] != "missing" and not isinstance(item["input"], dict | list):
        said = f"{said} (is {item['input']!r})"
    return [ConfigProblem(locate(text, loc), _dotted(loc), said)]


def _dotted(loc: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in loc)


def _suggestion(whole: type[BaseModel], loc: tuple[int | str, ...], kind: type[BaseModel] | None) -> str:
    import difflib  # noqa: PLC0415 - only for a mistake

    model: Any = whole
    for part in loc[:-1]:
        if isinstance(part, str) and isinstance(model, type) and issubclass(model, BaseModel) and part in model.model_fields:
            annotation = model.model_fields[part].annotation
            arguments = [a for a in getattr(annotation, "__args__", ()) if isinstance(a, type) and issubclass(a, BaseModel)]
            model = arguments[0] if arguments else annotation
    names = list(getattr(kind or model, "model_fields", {}))
    close = difflib.get_close_matches(str(loc[-1]), names, 1)
    return f"; did you mean {close[0]!r}?" if close else f"; known are {', '.join(names)}" if names else ""
