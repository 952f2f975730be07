"""One thing that was looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["ok", "warning", "problem"]


@dataclass(frozen=True, slots=True)
class Finding:
    """`area`: what was looked at. `cure`: what to do, where it is not well."""

    area: str
    level: Level
    said: str
    cure: str = ""

    def lines(self) -> list[str]:
        mark = {"ok": "ok      ", "warning": "warning ", "problem": "PROBLEM "}[self.level]
        return [f"{mark} {self.area}: {self.said}", *([f"{'':9}-> {self.cure}"] if self.cure else [])]
