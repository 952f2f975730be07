"""What holds for every test: no skipping under CI, no warnings, one place for the clock."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
import structlog

from gateway import crashpoints


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """A test that cannot run is a failure where everything is supposed to be installed."""
    report: pytest.TestReport = yield  # type: ignore[assignment]  # pytest's wrapper protocol is untyped
    if report.skipped and os.environ.get("CI") == "true" and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped under CI: {report.longrepr}"
    return report  # type: ignore[return-value]  # see above


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    """A command that was run in this process may have made it silent."""
    yield
    structlog.reset_defaults()


@pytest.fixture(autouse=True)
def _no_crashpoints() -> Iterator[None]:
    yield
    crashpoints.listen(None)
