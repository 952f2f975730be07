"""The page's languages: the same words in each, and all that the page says."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from gateway.normalize.things import BY_NAME, Quality
from gateway.quantities import KNOWN
from gateway.web.accounts import Role

STATIC = Path(__file__).parents[2] / "gateway" / "web" / "static"
LANGUAGES = {path.stem: json.loads(path.read_text()) for path in (STATIC / "words").glob("*.json")}
SCRIPTS = {path.name: path.read_text() for path in [*STATIC.glob("*.js"), *(STATIC / "pages").glob("*.js")]}
SAID = {
    *(f"type.{name}" for name in BY_NAME),
    *(f"quality.{one.value}" for one in Quality),
    *(f"role.{one.value}{more}" for one in Role for more in ("", "-hint")),
    *(f"quantity.{entity.key}" for entity in KNOWN.values()),
    *(f"state.{one}" for one in ("away", "waiting", "reading", "refused")),
    *(f"pairing.{one}" for one in ("found", "pairing", "trying", "failed", "paired", "answered")),
    *(f"pairing.question-{one}" for one in ("type", "compare", "show")),
    "transport.ble",
    "transport.cable",
}
"""What is put together while the page runs."""


def written() -> set[str]:
    """Whole keys in the scripts."""
    text = "\n".join(SCRIPTS.values())
    calls = re.findall(r"\bt\(([^()]*(?:\([^()]*\)[^()]*)*)\)", text)
    return {key for call in calls for key in re.findall(r'"([a-z][a-z0-9.-]*)"', call) if key in LANGUAGES["en"] or "." in key}


def test_there_are_english_and_german() -> None:
    assert set(LANGUAGES) == {"en", "de"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_every_word_with_the_same_places(language: str) -> None:
    words = LANGUAGES[language]
    assert set(words) == set(LANGUAGES["en"])
    for key, said in words.items():
        assert said.strip() == said != "", key
        assert set(re.findall(r"\{(\w+)\}", said)) == set(re.findall(r"\{(\w+)\}", LANGUAGES["en"][key])), key


def test_whatever_the_page_says_is_there() -> None:
    assert len(written()) > 150
    assert sorted((written() | SAID) - set(LANGUAGES["en"])) == []


def test_no_word_is_left_over() -> None:
    text = "\n".join(SCRIPTS.values())
    prefixes = set(re.findall(r"`([a-z]+)\.\$\{", text))
    used = {
        key for key in LANGUAGES["en"] if f'"{key}"' in text or key.removesuffix(".one") in written() or key.partition(".")[0] in prefixes
    }
    assert sorted(set(LANGUAGES["en"]) - used) == []


def test_words_that_are_missing_are_found() -> None:
    """The search above can fail."""
    assert "door.first" in written()
    assert "nothing.here" not in LANGUAGES["en"]


def test_scripts_come_from_the_gateway_alone() -> None:
    for name, text in {
        **SCRIPTS,
        "index.html": (STATIC / "index.html").read_text(),
        "style.css": (STATIC / "style.css").read_text(),
    }.items():
        assert "http://" not in text, name
        assert "https://" not in text, name
        assert "innerHTML" not in text, name
