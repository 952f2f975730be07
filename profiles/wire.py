"""Field tables: one frozen dataclass is the documentation, the decoder and the encoder of a wire format.

A field's annotation says how it lies on the wire, and when it is there:

    systolic:   Annotated[Value, SFLOAT]                                  always
    pulse_rate: Annotated[Value | None, SFLOAT, Flags.PULSE_RATE] = None  when that flag is set
    speed:      Annotated[Decimal | None, U16 / 100, Unless(Flags.MORE)] = None  when that flag is not set

Flags live in the first bit field of the table. A table is compiled at first use
(`profiles.compiler`). A short packet is a `DecodeError`; unknown flag bits are kept in their field; octets behind
the last field belong to a later revision of the specification: they are kept in `trailing`, unless the table says
`exact = True`.
"""

from __future__ import annotations

import enum
import struct
from collections.abc import Callable, Container
from decimal import Decimal
from typing import Any, ClassVar, NamedTuple, Self


class DecodeError(ValueError):
    """Bytes that do not fit their layout. `str()` never shows them; `data` does."""

    def __init__(self, layout: str, field: str, offset: int, reason: str, data: bytes) -> None:
        super().__init__(f"{layout}.{field} at byte {offset} of {len(data)}: {reason}")
        self.layout, self.field, self.offset, self.reason, self.data = layout, field, offset, reason, data


class Unless(NamedTuple):
    """The field is there when this flag is *not* set."""

    flag: enum.IntFlag


class Wire:
    """How one field lies on the wire.

    `fmt` is its struct format (little-endian, without the `<`), `size` its octets. `names` unpacked integers go
    into `expression`, which `env` may need helpers for. A wire of unknown length has `fmt = ""` and `size = -1`;
    it must be the last field, and `read_rest` takes what is left.
    """

    fmt: str
    size: int
    nullable: bool = False
    """Whether a field that is there may say that it has no value: None."""

    def expression(self, names: list[str], env: dict[str, Any]) -> str:
        raise NotImplementedError

    def write(self, value: Any) -> bytes:
        raise NotImplementedError

    def read_rest(self, data: bytes, at: int) -> Any:
        raise NotImplementedError

    def bind(self, env: dict[str, Any], helper: object) -> str:
        """A name for `helper` inside the compiled function."""
        name = f"h{len(env)}"
        env[name] = helper
        return name


class Int(Wire):
    def __init__(self, fmt: str) -> None:
        self.fmt, self.size = fmt, struct.calcsize("<" + fmt)

    def expression(self, names: list[str], env: dict[str, Any]) -> str:  # noqa: ARG002 - the others need it
        return names[0]

    def write(self, value: int) -> bytes:
        return struct.pack("<" + self.fmt, int(value))

    def __truediv__(self, per: int) -> Scaled:
        return Scaled(self, Decimal(1) / per)

    def __mul__(self, resolution: str) -> Scaled:
        return Scaled(self, Decimal(resolution))


class Int24(Int):
    def __init__(self) -> None:
        self.fmt, self.size = "HB", 3

    def expression(self, names: list[str], env: dict[str, Any]) -> str:  # noqa: ARG002 - the others need it
        return f"({names[0]} | {names[1]} << 16)"

    def write(self, value: int) -> bytes:
        return int(value).to_bytes(3, "little")


class Checked(Int):
    """An integer of which the specification allows some values only; the others are refused, both ways."""

    def __init__(self, fmt: str, allowed: Container[int], what: str) -> None:
        super().__init__(fmt)
        self.allowed, self.what = allowed, what

    def check(self, value: int) -> int:
        if value not in self.allowed:
            raise ValueError(f"{value} is no {self.what}")
        return value

    def expression(self, names: list[str], env: dict[str, Any]) -> str:
        return f"{self.bind(env, self.check)}({names[0]})"

    def write(self, value: int) -> bytes:
        return super().write(self.check(value))


class Maybe(Int):
    """An integer of which one code says that there is no value: None."""

    nullable = True

    def __init__(self, raw: Int, unknown: int) -> None:
        self.raw, self.unknown = raw, unknown
        self.fmt, self.size = raw.fmt, raw.size

    def expression(self, names: list[str], env: dict[str, Any]) -> str:
        value = self.raw.expression(names, env)
        return f"(None if {value} == {self.unknown} else {value})"

    def write(self, value: int | None) -> bytes:
        return self.raw.write(self.unknown if value is None else value)


class Nibbles(Wire):
    """Two enumerated codes in one octet, the first below. `make` is a NamedTuple; a reserved code stays a number."""

    fmt, size = "B", 1

    def __init__(self, make: Callable[[int, int], Any], low: type[enum.IntEnum], high: type[enum.IntEnum]) -> None:
        def convert(octet: int) -> Any:
            below, above = octet & 0x0F, octet >> 4
            return make(low(below) if below in set(low) else below, high(above) if above in set(high) else above)

        self._cache = Cache(convert)

    def expression(self, names: list[str], env: dict[str, Any]) -> str:
        return f"{self.bind(env, self._cache)}[{names[0]}]"

    def write(self, value: tuple[int, int]) -> bytes:
        return bytes((value[0] | value[1] << 4,))


U8, S8, U16, S16, U24, U32, S32 = Int("B"), Int("b"), Int("H"), Int("h"), Int24(), Int("I"), Int("i")


class Cache(dict[int, Any]):
    """Memoizes a conversion by raw value, so that a table pays for a Decimal or an enum member once.

    Emptied when full: a hostile device must not fill the memory.
    """

    def __init__(self, convert: Callable[[int], Any], limit: int = 1 << 16) -> None:
        super().__init__()
        self.convert, self.limit = convert, limit

    def __missing__(self, raw: int) -> Any:
        value = self.convert(raw)
        if len(self) >= self.limit:
            self.clear()
        self[raw] = value
        return value


class Scaled(Wire):
    """An integer times an exact decimal resolution: 14000 x 0.005 is 70.000, digits and all."""

    def __init__(self, raw: Int, resolution: Decimal, unknown: int | None = None) -> None:
        self.raw, self.resolution, self.unknown = raw, resolution, unknown
        self.fmt, self.size, self.nullable = raw.fmt, raw.size, unknown is not None
        self._cache = Cache(lambda raw: None if raw == unknown else raw * resolution)

    def expression(self, names: list[str], env: dict[str, Any]) -> str:
        return f"{self.bind(env, self._cache)}[{self.raw.expression(names, env)}]"

    def write(self, value: Decimal | None) -> bytes:
        if value is None:
            if self.unknown is None:
                raise ValueError("this field has no code for an unknown value")
            return self.raw.write(self.unknown)
        raw = value / self.resolution
        if raw != int(raw):
            raise ValueError(f"{value} is not a multiple of {self.resolution}")
        return self.raw.write(int(raw))


class Choice(Wire):
    """One wire form or another, by a flag: units that change the resolution, a value of 8 or 16 bits."""

    def __init__(self, flag: enum.IntFlag, *, unset: Wire, set: Wire) -> None:  # noqa: A002 - reads as the SIG writes it
        self.flag, self.unset, self.set = flag, unset, set
        self.fmt, self.size = unset.fmt, unset.size
        self.uniform = unset.fmt == set.fmt

    def pick(self, flags: int) -> Wire:
        return self.set if flags & self.flag else self.unset


class Octets(Wire):
    """Opaque octets: a fixed number of them, or all that are left."""

    def __init__(self, size: int = -1) -> None:
        self.fmt, self.size = (f"{size}s" if size >= 0 else ""), size

    def expression(self, names: list[str], env: dict[str, Any]) -> str:  # noqa: ARG002 - the others need it
        return names[0]

    def read_rest(self, data: bytes, at: int) -> bytes:
        return bytes(data[at:])

    def write(self, value: bytes) -> bytes:
        if self.size >= 0 and len(value) != self.size:
            raise ValueError(f"needs {self.size} octets, got {len(value)}")
        return bytes(value)


class _Text(Wire):
    """UTF-8 to the end. Some devices pad with NUL: the padding is cut off, broken UTF-8 is a `DecodeError`."""

    fmt, size = "", -1

    def read_rest(self, data: bytes, at: int) -> str:
        return bytes(data[at:]).rstrip(b"\0").decode("utf-8")

    def write(self, value: str) -> bytes:
        return value.encode()


REST, TEXT = Octets(), _Text()


class Repeated(Wire):
    """As many items of one fixed form as are left. A broken last item is a `DecodeError`."""

    fmt, size = "", -1

    def __init__(self, item: Wire) -> None:
        self.item = item
        env: dict[str, Any] = {}
        names = [f"v{i}" for i in range(len(struct.unpack("<" + item.fmt, bytes(item.size))))]
        source = f"lambda {', '.join(names)}: {item.expression(names, env)}"
        # The same generated form as the tables' own: the text holds nothing but the wire's expression.
        self._convert: Callable[..., Any] = eval(source, env)  # noqa: S307 - no outside text goes in
        self._struct = struct.Struct("<" + item.fmt)

    def read_rest(self, data: bytes, at: int) -> tuple[Any, ...]:
        left = len(data) - at
        if left % self.item.size:
            raise ValueError(f"items of {self.item.size} octets, {left} octets left")
        return tuple(self._convert(*values) for values in self._struct.iter_unpack(data[at:]))

    def write(self, value: tuple[Any, ...]) -> bytes:
        return b"".join(self.item.write(item) for item in value)


class Layout:
    """Base of every field table: a characteristic, an advertisement, a frame on a cable."""

    __slots__ = ("_trailing",)
    uuid: ClassVar[int] = 0
    exact: ClassVar[bool] = False
    derived: ClassVar[tuple[str, ...]] = ()
    """Names of properties that belong to what the bytes say: units, user-facing time."""

    _trailing: bytes

    def problem(self) -> tuple[str, str] | None:
        """Field and reason, where fields that fit one by one contradict each other."""
        return None

    @property
    def trailing(self) -> bytes:
        """Octets behind the last field that this table knows."""
        return getattr(self, "_trailing", b"")

    @classmethod
    def decode(cls, data: bytes) -> Self:
        from profiles import compiler  # noqa: PLC0415 - the compiler needs this module; it runs once per table

        value: Self = compiler.install(cls)(data)
        return value

    def encode(self) -> bytes:
        """The octets of this value. Raises `ValueError` if a field and its flag contradict each other."""
        from profiles import compiler  # noqa: PLC0415 - see decode

        return compiler.encode(self)
