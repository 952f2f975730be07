"""Who gets which driver, and what happens to broken ones."""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from drivers import Advertisement, Batch, GattDriver, GattLink, Match
from gateway import registry
from gateway.errors import AmbiguousMatch
from gateway.matching import Loaded
from gateway.registry import Registry


async def read(_link: GattLink) -> AsyncGenerator[Batch]:
    yield Batch()


def driver(name: str, **match: object) -> Loaded:
    return Loaded(GattDriver(name=name, label=name, match=Match(**match), read=read), f"{name}.py", "")  # type: ignore[arg-type]


def seen(**said: object) -> Advertisement:
    return Advertisement(address="C1:00:00:00:00:01", **said)  # type: ignore[arg-type]


CUFF = seen(local_name="A&D_UA-651BLE_1A2B", services=frozenset({0x1810}))


def test_the_more_specific_wins() -> None:
    both = Registry([driver("standard", service=0x1810), driver("and", service=0x1810, local_name="A&D_UA-651BLE_*")])
    won = both.match(CUFF)
    assert won is not None
    assert won.driver.name == "and"


def test_a_tie_names_both_files() -> None:
    tied = Registry([driver("one", service=0x1810), driver("two", service=0x1810)])
    with pytest.raises(AmbiguousMatch, match=r"one\.py and two\.py"):
        tied.match(CUFF)


def test_all_that_is_given_must_hold() -> None:
    loaded = Registry([driver("x", service=0x1810, company=0x0059)])
    assert loaded.match(CUFF) is None
    assert loaded.why(CUFF)[0][1] == {"service": True, "company": False}


def test_a_match_on_nothing_matches_nothing() -> None:
    assert Registry([driver("x")]).match(CUFF) is None


def test_a_name_alone_can_match() -> None:
    won = Registry([driver("x", local_name="A&D*")]).match(CUFF)
    assert won is not None


def test_a_broken_driver_is_left_out_with_file_and_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A syntax error, an exception and a wrong DRIVER stop nobody else."""
    (tmp_path / "maker_syntax.py").write_text("x = 1\ndef broken(:\n")
    (tmp_path / "maker_raises.py").write_text("\nraise KeyError('oops')\n")
    (tmp_path / "maker_wrong.py").write_text("DRIVER = 'no driver'\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    found = registry.load(["maker_syntax", "maker_raises", "maker_wrong:DRIVER", "maker_missing"])
    for name in ("maker_syntax", "maker_raises", "maker_wrong"):
        sys.modules.pop(name, None)
    texts = [str(problem) for problem in found.problems]
    assert len(found.loaded) == len(registry.load().loaded)
    assert any("maker_syntax.py:2: SyntaxError" in text for text in texts)
    assert any("maker_raises.py:2" in text and "oops" in text for text in texts)
    assert any("maker_wrong.py" in text and "no driver declaration" in text for text in texts)
    assert any("maker_missing" in text for text in texts)


def test_an_installed_driver_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package of a device maker's own, by its entry point."""
    (tmp_path / "acme_health.py").write_text(
        '"""ACME."""\nfrom drivers import Match\nfrom drivers.standard import blood_pressure\n'
        'DRIVER = blood_pressure.DRIVER.variant(name="acme", label="ACME cuff", match=Match(service=0x1810, local_name="ACME*"))\n'
    )
    about = tmp_path / "acme_health-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-health\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[health_gateway.drivers]\nacme = acme_health:DRIVER\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    found = registry.load()
    sys.modules.pop("acme_health", None)
    assert found.problems == []
    won = found.match(seen(local_name="ACME 1", services=frozenset({0x1810})))
    assert won is not None
    assert won.driver.label == "ACME cuff"


def test_two_drivers_of_one_name_are_both_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("twin_a", "twin_b"):
        (tmp_path / f"{name}.py").write_text("from drivers.standard import glucose\nDRIVER = glucose.DRIVER.variant(name='twin')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    found = registry.load(["twin_a", "twin_b"])
    assert "twin" not in found.by_name
    assert len(found.problems) == 2


def test_drivers_that_cannot_match_are_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many they are: by service, by company, by how a name begins, and by what they hear."""
    asked: list[Match] = []
    holds = Match.holds

    def counted(match: Match, said: Advertisement) -> bool:
        asked.append(match)
        return holds(match, said)

    monkeypatch.setattr(Match, "holds", counted)
    strangers = [driver(f"s{n}", service=f"{n:08x}-0000-4000-8000-00805f9b34fb") for n in range(300)]
    strangers += [driver(f"c{n}", company=0xE000 + n, local_name="*") for n in range(300)]
    strangers += [driver(f"n{n}", local_name=f"Z{n}*") for n in range(300)]
    mine = [
        driver("one", service=0x1810),
        driver("two", company=0x0059),
        driver("three", local_name="A&D?*"),
        driver("any", local_name="*E_1A2B"),
    ]
    loaded = Registry([*strangers, *mine])
    for said, name in (
        ({"services": frozenset({0x1810})}, "one"),
        ({"companies": frozenset({0x0059})}, "two"),
        ({"local_name": "A&D_UA"}, "three"),
    ):
        won = loaded.match(seen(**said))
        assert won is not None
        assert won.driver.name == name
    assert len(asked) <= 2 * len(mine)
    ending = loaded.match(seen(local_name="LE_1A2B"))
    assert ending is not None
    assert ending.driver.name == "any"


def test_what_holds_is_what_is_explained() -> None:
    """The short way and the long one say the same."""
    for match in (
        {"service": 0x1810},
        {"service": (0x1810, 0x1809)},
        {"company": 1},
        {"local_name": "A*"},
        {"service": 0x1810, "local_name": "A*"},
        {},
    ):
        for said in ({}, {"services": frozenset({0x1809})}, {"local_name": "AB"}, {"local_name": "BA", "companies": frozenset({1})}):
            made, one = Match(**match), seen(**said)
            held = made.explain(one)
            assert made.holds(one) == (bool(held) and all(held.values()))
