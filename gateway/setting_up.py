"""A first configuration: what was chosen, as a file that says what each key means, in the words of the models."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from gateway.config import Config
from gateway.config_sinks import SINKS

HEAD = """\
# health-gateway, as `health-gateway setup` wrote it. Every other key stands in config.example.toml with its default.
# `health-gateway check` tells every mistake with its line.
"""


def render(chosen: Mapping[str, Any]) -> str:
    """`chosen`: keys and values as `Config` takes them. Each key is explained where it stands first."""
    explained: set[str] = set()
    lines = [HEAD]
    for name, value in chosen.items():
        if name == "sink":
            for called, section in value.items():
                lines += ["", f"[sink.{toml_key(called)}]", *_keys(SINKS[section["type"]], section, explained)]
        elif isinstance(value, list):
            model = _model(name)
            for one in value:
                lines += ["", f"[[{name}]]", *_keys(model, one, explained)]
        else:
            lines += ["", f"[{name}]", *_keys(_model(name), value, explained)]
    return "\n".join(lines) + "\n"


def _model(name: str) -> type[BaseModel]:
    annotation = Config.model_fields[name].annotation
    inner = getattr(annotation, "__args__", (annotation,))[0]
    assert isinstance(inner, type)  # noqa: S101 - for the type checker
    return inner


def _keys(model: type[BaseModel], chosen: Mapping[str, Any], explained: set[str]) -> Iterator[str]:
    for name, value in chosen.items():
        description = model.model_fields[name].description
        if description and description not in explained:
            explained.add(description)
            yield f"# {description}"
        yield f"{name} = {toml_value(value)}"


def toml_value(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{toml_key(str(name))} = {toml_value(one)}" for name, one in value.items()) + " }"
    return _json(value)


def _json(value: Any) -> str:
    """What JSON writes of text, numbers, truths and lists of them is TOML as well, but for one control character."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def toml_key(name: str) -> str:
    return name if name.isascii() and name.replace("-", "").replace("_", "").isalnum() else _json(name)
