"""Documents that must not fall behind the code."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from drivers import Why
from gateway import __version__, registry
from gateway.cli import _COMMANDS, root
from gateway.config import RELOADED
from gateway.conformance import LAWS
from gateway.directory import FACTS
from profiles.gatt import FILES
from tests.support import directory, profiles_table
from tests.support.broker import DOCUMENTED

ROOT = Path(__file__).parents[1]
DOCUMENTS = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]


def test_the_udev_rules_have_every_device_that_a_driver_knows_by_its_own_plug() -> None:
    """Else the gateway would find it and may not open it."""
    text = (ROOT / "systemd" / "health-gateway.udev").read_text()
    plugs = [plug for item in registry.load().cables for plug in item.driver.plugs]
    assert any(plug.usb for plug in plugs)
    for plug in plugs:
        if plug.usb is not None and not plug.generic:
            vendor, product = (f"{number:04x}" for number in plug.usb)
            lines = [line for line in text.splitlines() if f'ATTRS{{idVendor}}=="{vendor}"' in line]
            assert any(product in line for line in lines), f"{vendor}:{product}"
        if plug.usb_class is not None:
            assert f"*:{plug.usb_class:02x}????:*" in text


def test_the_directory_of_devices_is_what_drivers_and_captures_say() -> None:
    assert FACTS.read_text() == directory.known(), "run: make directory"
    assert directory.PAGE.read_text() == directory.page(), "run: make directory"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)[^)]*\)", document.read_text()):
        assert (document.parent / target).exists(), f"{document.name}: {target}"


def test_readme_names_every_command_and_the_intended_use() -> None:
    text = (ROOT / "README.md").read_text()
    assert "Not for alarms or time-critical monitoring" in text
    for command in _COMMANDS:
        assert f"`{command}`" in text, command


def test_every_dependency_has_its_reason() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *(item for extra in project["optional-dependencies"].values() for item in extra)]
    for item in wanted:
        name = re.split(r"[<>=\[]", item)[0]
        assert re.search(rf"\| [^|]*\b{name}\b[^|]* \|", text), name


def test_versions_agree() -> None:
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"] == __version__


def test_what_a_reload_takes_is_written_where_people_look() -> None:
    for document in ("config.example.toml", "docs/operations.md"):
        text = (ROOT / document).read_text()
        assert all(section in text for section in RELOADED)


def test_every_service_has_its_specification() -> None:
    for file in FILES:
        assert "Source:" in (file.__doc__ or ""), file.__name__


def test_the_locks_name_no_hosts() -> None:
    """They hold names, versions and hashes; where packages come from is the installer's business."""
    for lock in ROOT.glob("*.lock"):
        text = lock.read_text()
        assert "--hash=sha256:" in text
        assert not re.search(r"https?://|--index-url|--find-links", text), lock.name


def test_the_brokers_settings_are_those_that_were_measured() -> None:
    assert f"```\n{DOCUMENTED}```" in (ROOT / "docs" / "queue.md").read_text()


def test_the_schema_beside_the_queue_is_that_of_the_things() -> None:
    printed = CliRunner().invoke(root, ["schema"])
    assert printed.exit_code == 0
    assert (ROOT / "docs" / "thing.schema.json").read_text() == printed.output, "health-gateway schema > docs/thing.schema.json"


def test_the_table_of_profiles_is_what_the_code_does() -> None:
    assert (ROOT / "docs" / "profiles.md").read_text() == profiles_table.page(), "python -m tests.support.profiles_table > docs/profiles.md"


def _messages(path: Path) -> Iterator[str]:
    """The beginnings of what a module tells people: what it logs, and the texts of the errors that it raises."""
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.Call) or not node.args:
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id if isinstance(node.func, ast.Name) else ""
        if name not in ("warning", "error", "info", "Silent", "Declined", "Failed", "ValueError"):
            continue
        text = node.args[0].values[0] if isinstance(node.args[0], ast.JoinedStr) else node.args[0]
        if isinstance(text, ast.Constant) and isinstance(text.value, str):
            yield text.value


def test_every_message_about_pairing_stands_in_its_document_with_its_cure() -> None:
    text = (ROOT / "docs" / "pairing.md").read_text()
    modules = ("gateway/pairing.py", "gateway/transports/bluez/bonds.py", "gateway/transports/bluez/agent.py", "gateway/cli/pairing.py")
    told = [message for module in modules for message in _messages(ROOT / module)]
    told += [why.value for why in (Why.PAIRING, Why.PASSKEY, Why.NO_ANSWER, Why.TAKEN, Why.BOND_LOST)]
    assert len(told) > 20
    missing = [message for message in told if message[:24].strip(" (") not in text]
    assert missing == []
    for row in text.splitlines():
        if row.startswith("| `"):
            assert len(row.split("|")[2].strip()) > 20, f"no cure: {row}"


def test_the_drivers_that_are_shown_are_those_of_the_tree() -> None:
    """Word for word: what a reader copies runs."""
    text = (ROOT / "docs" / "writing-a-driver.md").read_text()
    shown = re.findall(r"<!-- (drivers/[a-z0-9_/]+\.py) -->\n```python\n(.*?)```\n", text, re.DOTALL)
    assert len(shown) == 3
    for path, code in shown:
        assert code == (ROOT / path).read_text(), path


def test_the_tutorial_names_every_law() -> None:
    text = (ROOT / "docs" / "writing-a-driver.md").read_text()
    for law in LAWS:
        assert f"**{law}**" in text, law
