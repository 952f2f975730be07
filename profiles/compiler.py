"""Turns a field table into one straight-line decode function.

Neighbouring fields that are there under the same condition are unpacked by one `struct` call; Decimals and enum
members come out of caches by raw value; the frozen object is filled through its slots. If anything does not fit,
`_explain` walks the table field by field to say what and where: errors may be slow, readings may not.
"""

from __future__ import annotations

import enum
import struct
import typing
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from functools import cache
from typing import Any

from profiles.wire import Cache, Choice, DecodeError, Layout, Unless, Wire


@dataclass(frozen=True, slots=True)
class Field:
    name: str
    wire: Wire
    enum_type: type[enum.IntEnum | enum.IntFlag] | None
    condition: tuple[str, int, bool] | None
    """The field that holds the flag, its mask, and whether the field is there when the flag is set or when it is clear."""

    def is_there(self, flags: int) -> bool:
        return self.condition is None or bool(flags & self.condition[1]) == self.condition[2]

    @property
    def local(self) -> str:
        """Its name in the compiled function, where no helper can be called the same."""
        return f"f_{self.name}"


@cache
def _table(layout: Any) -> tuple[Field, ...]:
    hints = typing.get_type_hints(layout, include_extras=True)
    found: list[Field] = []
    holder = ""
    for field in fields(layout):
        annotated = hints[field.name]
        wire, *condition = annotated.__metadata__
        base = typing.get_args(annotated)[0]
        enum_type = next(
            (t for t in (base, *typing.get_args(base)) if isinstance(t, type) and issubclass(t, enum.IntEnum | enum.IntFlag)), None
        )
        if enum_type is not None and issubclass(enum_type, enum.IntFlag):
            holder = holder or field.name
        # By place, not by the flag's class: before 3.11.3 typing took `Annotated[…, Flags.A]` and `Annotated[…, Other.B]` for
        # one if A == B, and handed out whichever had come first.
        when = None
        if condition:
            mark = condition[0]
            when = (holder, int(mark.flag), False) if isinstance(mark, Unless) else (holder, int(mark), True)
        found.append(Field(field.name, wire, enum_type, when))
    return tuple(found)


def table(layout: type[Layout]) -> tuple[Field, ...]:
    """The fields of a layout, read from its annotations once."""
    key: Any = layout
    return _table(key)


def install(layout: type[Layout]) -> Callable[[bytes], Any]:
    """Compile `layout` and put the result in place of its `decode`."""
    decode = _compile(layout)
    layout.decode = staticmethod(decode)  # type: ignore[method-assign,assignment]  # that is the point of compiling
    return decode


@cache
def members(enum_type: type[enum.IntEnum | enum.IntFlag]) -> Cache:
    """Raw value to member; a code that the specification reserves stays a plain int."""

    def convert(raw: int) -> int:
        try:
            return enum_type(raw)
        except ValueError:
            return raw

    return Cache(convert, 4096)


def _flags_name(layout: type[Layout]) -> str:
    return _flags(layout).name


def _flags(layout: type[Layout]) -> Field:
    """The first bit field, which all conditions and choices look at."""
    return next(f for f in table(layout) if f.enum_type is not None and issubclass(f.enum_type, enum.IntFlag))


def _expression(layout: type[Layout], field: Field, names: list[str], env: dict[str, Any]) -> str:
    wire = field.wire
    if isinstance(wire, Choice):
        unset, chosen = wire.unset.expression(names, env), wire.set.expression(names, env)
        return f"({chosen} if {_flags(layout).local} & {int(wire.flag)} else {unset})"
    return wire.expression(names, env)


def _groups(layout: type[Layout]) -> list[list[Field]]:
    groups: list[list[Field]] = []
    for field in table(layout):
        if groups and _joins(field) and _joins(groups[-1][0]) and groups[-1][0].condition == field.condition:
            groups[-1].append(field)
        else:
            groups.append([field])
    return groups


def _joins(field: Field) -> bool:
    """Whether this field can be unpacked together with its neighbours."""
    return field.wire.size >= 0 and not (isinstance(field.wire, Choice) and not field.wire.uniform)


def _compile(layout: type[Layout]) -> Callable[[bytes], Any]:
    env: dict[str, Any] = {
        "layout": layout,
        "new": object.__new__,
        "explain": _explain,
        "struct_error": struct.error,
        "set_trailing": vars(Layout)["_trailing"].__set__,
    }
    body: list[str] = ["at = 0"]
    for group in _groups(layout):
        condition, indent = group[0].condition, ""
        if condition:
            body.append(f"if {'' if condition[2] else 'not '}f_{condition[0]} & {condition[1]}:")
            indent = "    "
        if group[0].wire.size < 0:
            read = group[0].wire.bind(env, group[0].wire.read_rest)
            body += [f"{indent}{group[0].local} = {read}(data, at)", f"{indent}at = len(data)"]
        else:
            body += [indent + line for line in _unpack(layout, group, env)]
        if condition:
            body += ["else:", "    " + " = ".join(f.local for f in group) + " = None"]
    body += ["if at != len(data): trailing = data[at:]", "else: trailing = None"]
    lines = ["def decode(data):", "    try:", *(" " * 8 + line for line in body)]
    lines += ["    except (struct_error, ValueError) as error:", "        raise explain(layout, data) from error"]
    if layout.exact:
        lines += ["    if trailing is not None: raise explain(layout, data)"]
    lines += ["    value = new(layout)"]
    for number, field in enumerate(table(layout)):
        env[f"set{number}"] = getattr(layout, field.name).__set__
        shown = field.local
        if field.enum_type is not None:
            env[f"enum{number}"] = members(field.enum_type)
            shown = f"enum{number}[{field.local}]"
            if field.condition:
                shown += f" if {field.local} is not None else None"
        lines.append(f"    set{number}(value, {shown})")
    lines += ["    if trailing is not None: set_trailing(value, bytes(trailing))"]
    if layout.problem is not Layout.problem:
        env["contradiction"] = _contradiction
        lines += ["    problem = value.problem()", "    if problem is not None: raise contradiction(layout, problem, data)"]
    lines += ["    return value"]
    exec("\n".join(lines), env)  # noqa: S102 - the text comes from the table's field names alone, as in dataclasses
    decode: Callable[[bytes], Any] = env["decode"]
    return decode


def _unpack(layout: type[Layout], group: list[Field], env: dict[str, Any]) -> list[str]:
    first = group[0]
    if isinstance(first.wire, Choice) and not first.wire.uniform:
        forms = [_unpack(layout, [replace(first, wire=form)], env) for form in (first.wire.set, first.wire.unset)]
        test = f"if {_flags(layout).local} & {int(first.wire.flag)}:"
        return [test, *("    " + line for line in forms[0]), "else:", *("    " + line for line in forms[1])]
    fmt = "<" + "".join(field.wire.fmt for field in group)
    packed, after, names = struct.Struct(fmt), [], []
    for field in group:
        count = len(struct.unpack("<" + field.wire.fmt, bytes(field.wire.size)))
        mine = [f"{field.local}_{i}" for i in range(count)] if count > 1 else [field.local]
        names += mine
        expression = _expression(layout, field, mine, env)
        if expression != field.local:
            after.append(f"{field.local} = {expression}")
    unpack = f"u{len(env)}"
    env[unpack] = packed.unpack_from
    return [f"{', '.join(names)}, = {unpack}(data, at)", *after, f"at += {packed.size}"]


def _explain(layout: type[Layout], data: bytes) -> DecodeError:
    """Which field of the table does not fit `data`, walked slowly."""
    at = 0
    seen: dict[str, Any] = {}
    for field in table(layout):
        if field.condition and not field.is_there(seen[field.condition[0]]):
            continue
        wire = field.wire
        if isinstance(wire, Choice):
            wire = wire.pick(seen[_flags_name(layout)])
        if wire.size >= 0 and len(data) - at < wire.size:
            plural = "s" if wire.size != 1 else ""
            return DecodeError(layout.__name__, field.name, at, f"needs {wire.size} byte{plural}, {len(data) - at} left", data)
        try:
            seen[field.name] = read_one(wire, data, at)
        except ValueError as error:
            return DecodeError(layout.__name__, field.name, at, str(error), data)
        at += wire.size
    return DecodeError(layout.__name__, "end", at, f"{len(data) - at} bytes more than the {at} defined", data)


def _contradiction(layout: type[Layout], problem: tuple[str, str], data: bytes) -> DecodeError:
    field, reason = problem
    return DecodeError(layout.__name__, field, len(data), reason, data)


def read_one(wire: Wire, data: bytes, at: int) -> Any:
    """One wire value at `at`, by the same expression that the compiled tables use."""
    if wire.size < 0:
        return wire.read_rest(data, at)
    raw = struct.unpack_from("<" + wire.fmt, data, at)
    env: dict[str, Any] = {}
    names = [f"v{i}" for i in range(len(raw))]
    expression = wire.expression(names, env)
    return eval(expression, env, dict(zip(names, raw, strict=True)))  # noqa: S307 - the wire's own expression


def encode(value: Layout) -> bytes:
    layout, out = type(value), bytearray()
    for field in table(layout):
        item = getattr(value, field.name)
        if field.condition:
            holder, mask, _ = field.condition
            present = field.is_there(getattr(value, holder))
            if (item is not None) > present or (item is None and present and not field.wire.nullable):
                state = "set" if getattr(value, holder) & mask else "not set"
                raise ValueError(
                    f"{layout.__name__}.{field.name}: its flag is {state}, its value {'is missing' if present else 'is given'}"
                )
            if not present:
                continue
        wire = field.wire
        if isinstance(wire, Choice):
            wire = wire.pick(getattr(value, _flags_name(layout)))
        try:
            out += wire.write(item)
        except (struct.error, OverflowError) as error:
            raise ValueError(f"{layout.__name__}.{field.name}: {error}") from error
    return bytes(out) + value.trailing
