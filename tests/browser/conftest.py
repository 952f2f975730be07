"""A real browser, and a household that it looks at."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.web import accounts
from tests.browser.window import Window, chromium
from tests.gateway.conftest import lived_in

__all__ = ["lived_in"]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Passwords are stretched less."""
    monkeypatch.setattr(accounts, "N", 16)
    monkeypatch.setattr(accounts, "P", 1)


@pytest.fixture
async def window() -> AsyncIterator[Window]:
    """One that has complained about nothing when the test is over."""
    async with chromium() as made:
        yield made
        assert made.complaints == []


@pytest.fixture(scope="session")
def screens() -> Path:
    """Where pictures of every page are put, to be looked at."""
    place = Path(__file__).parents[2] / "build" / "screens"
    place.mkdir(parents=True, exist_ok=True)
    return place
