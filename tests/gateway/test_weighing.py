"""Whose a weight is on a scale that does not know who stands on it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from drivers import Batch, BodyComposition, Key, Quantity, Reading, Weight
from gateway.config import Config, DeviceSection, parse
from gateway.errors import ConfigError
from gateway.filing import Filing
from gateway.journal import Journal
from gateway.weighing import Band, in_one_band
from profiles.times import DateTime
from tests.gateway.test_filing import FRAME, TIME, A, facts
from tests.support.fakes import T0

BANDS: list[Band] = [("anna", 55, 65), ("ben", 64, 95)]
SCALE = DeviceSection(address=A, by_weight=True, users={"2": "ben"})


def weight(value: str, unit: str = "kg", time: DateTime | None = TIME, user: int | None = None, after: float = 0) -> Weight:
    frame = replace(FRAME, received=T0 + after)
    key = Key.content(time or TIME, user, value.encode(), 0)
    return Weight(frame=frame, key=key, device_time=time, user_index=user, weight=Quantity(Decimal(value), unit))


def fat(time: DateTime | None = TIME, after: float = 0) -> BodyComposition:
    frame = replace(FRAME, received=T0 + after)
    key = Key.content(time or TIME, None, f"fat{after}".encode(), 0)
    return BodyComposition(frame=frame, key=key, device_time=time, fat=Quantity(Decimal("22.1"), "%"))


async def owners(journal: Journal, *batches: Sequence[Reading], settings: DeviceSection = SCALE) -> list[Any]:
    """Of what is filed in one session, in order."""
    filing, session = Filing(journal, UTC, bands=lambda: BANDS), facts(settings=settings)
    for batch in batches:
        await filing.file(session, Batch(tuple(batch)), [])
    return [json.loads(row.body).get("person") for row in journal.everything()]


@pytest.mark.parametrize(
    ("kilograms", "person"), [("55", "anna"), ("63.9", "anna"), ("64.5", None), ("65.1", "ben"), ("54.9", None), ("95.1", None)]
)
def test_a_weight_is_theirs_in_whose_band_alone_it_lies(kilograms: str, person: str | None) -> None:
    assert in_one_band(Decimal(kilograms), BANDS) == person


async def test_pounds_are_weighed_in_kilograms(journal: Journal) -> None:
    assert await owners(journal, [weight("132.3", "[lb_av]")]) == ["anna"]


async def test_what_is_measured_with_a_weight_belongs_to_it(journal: Journal) -> None:
    """In the same batch in any order, in a later one, and not to another moment's."""
    later = DateTime(2026, 3, 14, 6, 31, 0)
    found = await owners(
        journal, [fat(), weight("60")], [fat(after=2)], [weight("80", time=later)], [fat(DateTime(2026, 3, 14, 9, 0, 0), after=3)]
    )
    assert found == ["anna", "anna", "anna", "ben", None]


async def test_a_scale_without_a_clock_says_it_soon_after(journal: Journal) -> None:
    assert await owners(journal, [weight("60", time=None)], [fat(None, after=30)], [fat(None, after=90)]) == ["anna", "anna", None]


async def test_a_user_of_the_device_comes_first_and_one_that_is_not_listed_is_nobody(journal: Journal) -> None:
    assert await owners(journal, [weight("60", user=2), weight("60.1", user=3), weight("60.2")]) == ["ben", None, "anna"]


async def test_the_owner_of_the_device_comes_before_what_it_weighs(journal: Journal) -> None:
    settings = DeviceSection(address=A, by_weight=True, person="ben")
    assert await owners(journal, [weight("60")], settings=settings) == ["ben"]


async def test_without_the_owner_s_word_nobody_is_guessed(journal: Journal) -> None:
    assert await owners(journal, [weight("60")], settings=DeviceSection(address=A)) == [None]


def test_nobody_is_nobody_s_name() -> None:
    with pytest.raises(ConfigError, match="nobody is nobody's name here"):
        parse(Path("c.toml"), '[[person]]\nid = "nobody"\n')


def test_a_band_that_is_none_is_refused() -> None:
    with pytest.raises(ConfigError, match="the first weight is not below the second"):
        parse(Path("c.toml"), '[[person]]\nid = "anna"\nweight_kg = [65, 55]\n')
    assert parse(Path("c.toml"), '[[person]]\nid = "anna"\nweight_kg = [55, 65]\n') == Config.model_validate(
        {"person": [{"id": "anna", "weight_kg": [55, 65]}]}
    )
