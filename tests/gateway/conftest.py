"""A journal of a test's own, and a household that all of them share."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.api import door
from gateway.config import PageSection
from gateway.journal import Journal
from tests.support.lived_in import live


@pytest.fixture(autouse=True)
def _a_port_for_each_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests run side by side, and each daemon has a page."""

    def opened(listen: str) -> socket.socket:
        return door.tcp("127.0.0.1:0" if listen == PageSection().listen else listen)

    monkeypatch.setattr("gateway.web.house.tcp", opened)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


@pytest.fixture
def journal(path: Path) -> Iterator[Journal]:
    made = Journal(path)
    yield made
    made.close()


@pytest.fixture(scope="session")
def lived_in(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """To be copied, and configured for its place then."""
    state = tmp_path_factory.mktemp("lived-in")
    live(state)
    return state
