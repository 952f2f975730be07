"""`python -m tests.support.vocabulary`: write down what out-of-tree drivers may rely on, if its version has grown as it must.

What is promised of a word: that it is there, its fields with their defaults, its methods with their parameters, its members, its value.
"""

from __future__ import annotations

import dataclasses
import enum
import inspect
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import drivers
from drivers import weighing

FILE = Path(__file__).parents[1] / "vocabulary.json"
_MODULES = {"steps": drivers.steps, "weighing": weighing}


def described() -> dict[str, Any]:
    """By word, dotted for what is in a module."""
    found: dict[str, Any] = {}
    for name in drivers.__all__:
        word = getattr(drivers, name)
        if isinstance(word, ModuleType):
            found |= {f"{name}.{inner}": _told(getattr(word, inner)) for inner in _public(word)}
        elif name != "VOCABULARY":
            found[name] = _told(word)
    return dict(sorted(found.items()))


def _public(module: ModuleType) -> list[str]:
    listed = getattr(module, "__all__", None)
    return sorted(listed or (name for name, one in vars(module).items() if not name.startswith("_") and _is_own(one, module)))


def _is_own(word: object, module: ModuleType) -> bool:
    return getattr(word, "__module__", module.__name__) == module.__name__ and not isinstance(word, ModuleType)


def _told(word: Any) -> Any:
    if inspect.isclass(word) and issubclass(word, enum.Enum):
        return {"members": sorted(member.name for member in word)}
    if inspect.isclass(word):
        fields = {field.name: _default(field) for field in dataclasses.fields(word)} if dataclasses.is_dataclass(word) else {}
        own = {name: one for base in reversed(word.__mro__) if base.__module__.startswith("drivers") for name, one in vars(base).items()}
        methods = {
            name: "property" if isinstance(one, property) else _parameters(one)
            for name, one in sorted(own.items())
            if not name.startswith("_") and name not in fields and _is_method(one)
        }
        return {"bases": [base.__name__ for base in word.__mro__[1:-1]], "fields": fields, "methods": methods}
    if callable(word):
        return {"parameters": _parameters(word)}
    return {"value": repr(word)}


def _default(field: dataclasses.Field[Any]) -> str:
    if field.default is not dataclasses.MISSING:
        return repr(field.default)
    return "made" if field.default_factory is not dataclasses.MISSING else "asked for"


def _is_method(one: object) -> bool:
    return inspect.isfunction(one) or isinstance(one, classmethod | staticmethod | property)


def _parameters(word: Any) -> list[str]:
    if isinstance(word, classmethod | staticmethod):
        word = word.__func__
    made = inspect.signature(word).parameters.values()
    return [f"{one.kind.name.lower()} {one.name}{'' if one.default is inspect.Parameter.empty else '=…'}" for one in made]


def problem(before: dict[str, Any], words: dict[str, Any], version: tuple[int, ...]) -> str | None:
    """Why this version may not say this."""
    known, told = tuple(before["version"]), before["words"]
    gone = [name for name, one in told.items() if words.get(name) != one]
    grown = [name for name in words if name not in told]
    if gone and version[0] <= known[0]:
        return f"{', '.join(gone)}: gone or otherwise, which breaks drivers; deprecate first, and raise the first number of VOCABULARY"
    if grown and version <= known:
        return f"{', '.join(grown)}: new; raise the second number of VOCABULARY"
    return None


def main() -> int:
    words = described()
    if FILE.exists() and (why := problem(json.loads(FILE.read_text()), words, drivers.VOCABULARY)):
        print(why, file=sys.stderr)
        return 1
    FILE.write_text(json.dumps({"version": list(drivers.VOCABULARY), "words": words}, indent=1, ensure_ascii=False) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
