"""Every driver keeps every law; and each law can fail: faults are planted in a copy of a driver, and found by the law that is for them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gateway import inbox, registry
from gateway.conformance import LAWS, case, case_beside, check, run
from gateway.loading import LoadedCable
from gateway.matching import Loaded
from gateway.newdriver import SHAPES, write
from gateway.registry import with_file

REGISTRY = registry.load()


def test_every_file_loads() -> None:
    """No driver is left out."""
    assert REGISTRY.problems == []
    assert len(REGISTRY.by_name) >= 80


@pytest.mark.parametrize("loaded", [pytest.param(item, id=name) for name, item in sorted(REGISTRY.by_name.items())])
def test_every_driver_keeps_every_law(loaded: Loaded | LoadedCable) -> None:
    verdicts = list(run(case_beside(loaded, REGISTRY)))
    assert {one.law: one.problems for one in verdicts if not one.holds} == {}
    assert {one.law for one in verdicts} == {"readable", *LAWS}


def package(place: Path, shape: str = "gatt") -> Path:
    """The driver of a new package."""
    made = write(place, name=f"acme-{shape}", maker="ACME", model="BP 7", shape=shape)
    return next(path for path in made if path.name == "bp_7.py")


def broken(path: Path) -> dict[str, tuple[str, ...]]:
    """The laws that do not hold."""
    registry_, loaded = with_file(path)
    return {one.law: one.problems for one in run(case_beside(loaded, registry_)) if not one.holds}


@pytest.mark.parametrize("shape", SHAPES)
def test_a_new_package_keeps_every_law_at_once(shape: str, tmp_path: Path) -> None:
    driver = package(tmp_path / "made", shape)
    assert broken(driver) == {}
    assert all(check(driver, law) == [] for law in LAWS)


YIELD = "        yield Batch((reading(frame, data, ordinals),))\n"
SUBSCRIBE = "    await link.subscribe(MEASUREMENT)\n"
LOOP = "    while (frame := await link.receive()) is not None:\n"
KEY = "Key.episode(raw, ordinals.next(raw))"
ORDINALS = "    ordinals = Ordinals()\n"
DECODE_ERROR = "from profiles.wire import DecodeError\n"
WRITE = f'{SUBSCRIBE}    await link.write(0xFFF2, b"\\x01")\n'
CLOCK = "from datetime import UTC, datetime\n\nfrom profiles.times import DateTime\n"
FAULTS = [
    ("story", "Source:", "Origin:"),
    ("yielding", YIELD, f"        try:\n    {YIELD}        finally:\n            pass\n"),
    ("imports", "from decimal import Decimal\n", "import time\nfrom decimal import Decimal\n"),
    ("imports", DECODE_ERROR, f"import gateway.errors\n{DECODE_ERROR}"),
    ("imports", DECODE_ERROR, f"from drivers.kit.links import Policy\n{DECODE_ERROR}"),
    ("imports", DECODE_ERROR, f"{DECODE_ERROR}\nKEPT = eval('1')\n"),
    ("recognized", 'local_name="BP 7*"', 'local_name="BQ 7*"'),
    ("recognized", 'local_name="BP 7*"', 'local_name="Fit Scale*"'),
    ("distinct", KEY, 'Key.episode(b"scale", 0)'),
    # What is remembered outside of `read` makes a second replay another.
    ("whole", ORDINALS, "    ordinals = KEPT\n", "MEASUREMENT = 0xFFF1\n", "MEASUREMENT = 0xFFF1\nKEPT = Ordinals()\n"),
    # The weight that still moved is given out when the link ends.
    (
        "cut",
        "    if data[STATE] != FINAL:\n        return Intermediate(frame, weight)  # shown to nobody, filed nowhere\n",
        "",
        YIELD,
        "        last = Batch((reading(frame, data, ordinals),))\n    yield last\n",
        SUBSCRIBE,
        f"{SUBSCRIBE}    last = Batch()\n",
    ),
    ("absent", SUBSCRIBE, f"{SUBSCRIBE}    if not link.has(MEASUREMENT):\n        raise KeyError(MEASUREMENT)\n"),
    ("silent", LOOP, "    while True:\n        frame = await link.receive()\n        if frame is None:\n            continue\n"),
    ("prefixes", "    if len(data) != OCTETS or data[0] != START:\n", "    if data[0] != START:\n"),
    (
        "hostile",
        "    if len(data) != OCTETS or data[0] != START:\n",
        "    if data[0] > 250 or len(data) != OCTETS or {0xA5: 1}[data[0]] != 1:\n",
    ),
    ("bounds", ORDINALS, "    ordinals, kept = Ordinals(), []\n", YIELD, f"        kept.append(bytes(1 << 20))\n{YIELD}"),
    ("commands", SUBSCRIBE, WRITE),
    *(
        (
            "commands",
            SUBSCRIBE,
            WRITE,
            "    read=read,\n",
            f'    read=read,\n    commands=(Command(0xFFF2, b"\\x01", {what}=True),),\n',
            "from drivers import Batch, ",
            "from drivers import Batch, Command, ",
        )
        for what in ("forgets", "changes", "registers")
    ),
    ("told-again", KEY, "Key.episode(str(frame.position).encode(), 0)"),
    ("told-again", KEY, "Key.episode(str(frame.received).encode(), 0)"),
    (
        "a-year-off",
        KEY,
        "Key.content(DateTime.of(datetime.fromtimestamp(frame.received, UTC).replace(tzinfo=None)), None, raw, 0)",
        DECODE_ERROR,
        f"{CLOCK}{DECODE_ERROR}",
    ),
    (
        "two-gateways",
        KEY,
        "Key.content(DateTime(2026, 1, 1, 0, 0, int(frame.received) % 60), None, raw, 0)",
        DECODE_ERROR,
        f"{CLOCK}{DECODE_ERROR}",
    ),
    # A value that is no quantity: nobody could mend it.
    ("mended", 'Quantity(Decimal(int.from_bytes(raw, "big")) / 100, "kg")', 'Quantity(Decimal(0), "kg")'),
]


@pytest.mark.parametrize("fault", FAULTS, ids=[f"{number}-{fault[0]}" for number, fault in enumerate(FAULTS)])
def test_a_planted_fault_is_found_by_the_law_that_is_for_it(fault: tuple[str, ...], tmp_path: Path) -> None:
    law, *changes = fault
    driver = package(tmp_path / "made")
    text = driver.read_text()
    for old, new in zip(changes[::2], changes[1::2], strict=True):
        assert text.count(old) >= 1, old
        text = text.replace(old, new)
    renamed = driver.with_name(f"{driver.stem}_{re.sub('[^a-z0-9]', '', tmp_path.name)}.py")
    renamed.write_text(text)
    assert law in broken(renamed), broken(renamed)


def test_code_that_never_ends_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a word to the device, so that no count of its questions would."""
    monkeypatch.setattr(case, "REPLAY_SECONDS", 0.3)
    driver = package(tmp_path / "made")
    driver.write_text(
        driver.read_text().replace("    if len(data) != OCTETS or", "    while data:\n        pass\n    if len(data) != OCTETS or")
    )
    found = broken(driver)
    assert found["whole"] == ("cannot be asked: it does not come to an end",)
    assert "story" not in found


def test_a_gateway_that_forgets_what_was_given_away_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No driver can break this by itself: the fault is planted in the gateway."""

    async def to_nobody(*_: object) -> None:
        """Forgets what its owner said."""

    monkeypatch.setattr(inbox, "assign", to_nobody)
    assert set(broken(package(tmp_path / "made"))) == {"given-away"}
