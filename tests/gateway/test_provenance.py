"""Whatever is done to what was signed is found."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from gateway.api import functions
from gateway.cli import root
from gateway.errors import StateError
from gateway.exports import rendered, signed
from gateway.journal import Commit, Journal
from gateway.journal.reading import read_signed
from gateway.provenance import KEY_FILE, PUBLIC_FILE, Signer, Verdict, public_key, signer_of, statement, verify
from gateway.simulator.cables.freestyle import FreeStyleUsb
from gateway.transports.cables.plugs import Plugged
from tests.gateway.test_filing import facts, glucose, put
from tests.support.cable_cases import NOW, records
from tests.support.cables import house
from tests.support.things import candidate

SIGNER = Signer(bytes(range(32)))


async def fill(path: Path, first: int, count: int, signer: Signer | None = SIGNER) -> None:
    """Two in a commit, from a journal that is opened anew."""
    journal = Journal(path, signer)
    for number in range(first, first + count, 2):
        await journal.commit(Commit("", tuple(candidate(f"t{one}", size=260) for one in (number, number + 1))))
    journal.close()


@pytest.fixture
async def path(tmp_path: Path) -> Path:
    made = tmp_path / "journal.db"
    await fill(made, 1, 4)
    await fill(made, 5, 2)
    return made


def problems(path: Path, mark: str | None = None) -> list[str]:
    return list(verify(read_signed(path), SIGNER.public, Verdict(), mark=mark))


def head(path: Path) -> str:
    verdict = Verdict()
    assert list(verify(read_signed(path), SIGNER.public, verdict)) == []
    return verdict.mark


async def test_what_was_stored_verifies_over_commits_and_restarts(path: Path) -> None:
    verdict = Verdict()
    assert list(verify(read_signed(path), SIGNER.public, verdict)) == []
    assert (verdict.things, verdict.signed, verdict.head_n) == (6, 6, 6)


async def test_one_thing_alone_is_verified_with_nothing_but_what_stands_beside_it(path: Path) -> None:
    """By the recipe of the module's text, with another library's words for it."""
    journal = Journal(path, SIGNER)
    [row] = journal.rows([4])
    journal.close()
    assert row.proof is not None
    key = Ed25519PublicKey.from_public_bytes(SIGNER.public)
    key.verify(row.proof.signature, statement(row.n, row.proof.previous, row.body.encode()))
    with pytest.raises(InvalidSignature):
        key.verify(row.proof.signature, statement(row.n + 1, row.proof.previous, row.body.encode()))


def edited(*statements: str) -> Callable[[Path], None]:
    def edit(path: Path) -> None:
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            for one in statements:
                connection.execute(one)

    return edit


@pytest.mark.parametrize(
    ("edit", "problem"),
    [
        (edited("UPDATE things SET body=replace(body, 'weight', 'wrongs') WHERE n=3"), "3 is not what was signed"),
        (edited("DELETE FROM things WHERE n=3"), "4 does not follow 2: something is missing"),
        (edited("DELETE FROM things WHERE n=3", "UPDATE things SET n=n-1 WHERE n>3"), "3 is not what was signed"),
        (
            edited(
                *(f"DELETE FROM {table} WHERE n=3" for table in ("things", "proofs")),
                *(f"UPDATE {table} SET n=n-1 WHERE n>3" for table in ("things", "proofs")),
            ),
            "3 is not what was signed",
        ),
        (
            edited("UPDATE things SET n=99 WHERE n=3", "UPDATE things SET n=3 WHERE n=4", "UPDATE things SET n=4 WHERE n=99"),
            "3 is not what",
        ),
        (edited("DELETE FROM proofs WHERE n=5"), "5 is not signed, though what came before it is"),
        (edited("UPDATE proofs SET key='00' WHERE n=2"), "2 is signed with another key (00)"),
        (edited("DELETE FROM things WHERE n=1"), "2 does not follow 0"),
    ],
)
def test_what_is_edited_is_found(path: Path, edit: Callable[[Path], None], problem: str) -> None:
    edit(path)
    assert problem in "\n".join(problems(path))


async def test_what_is_cut_off_is_found_by_what_was_printed_before(path: Path) -> None:
    mark = head(path)
    edited("DELETE FROM things WHERE n>4", "DELETE FROM proofs WHERE n>4")(path)
    assert problems(path) == [], "of itself nobody can see it"
    assert problems(path, mark) == ["it ends at 4, though it reached 6 before: the end was cut off"]
    await fill(path, 7, 4)
    assert problems(path, mark) == ["6 is not what it was when it was looked at before"]
    with pytest.raises(ValueError, match="a mark is what `verify` printed before"):
        problems(path, "6:abc")


async def test_another_chain_with_the_same_key_behind_a_true_beginning_is_found(path: Path, tmp_path: Path) -> None:
    """A thief of the key alone cannot put things in between."""
    other = tmp_path / "other.db"
    await fill(other, 20, 6)
    mixed = [*list(read_signed(path))[:3], *list(read_signed(other))[3:]]
    assert list(verify(mixed, SIGNER.public, Verdict())) == ["4 was written behind something else than what stands before it"]


async def test_every_octet_of_an_export_counts(path: Path, tmp_path: Path) -> None:
    whole = "".join(functions.export(path, "signed", None)).encode()
    file = tmp_path / "export"
    file.write_bytes(whole)
    assert list(verify(signed.read(file), SIGNER.public, Verdict())) == []
    for at in range(len(whole)):
        file.write_bytes(whole[:at] + bytes((whole[at] ^ 0x01,)) + whole[at + 1 :])
        try:
            found = list(verify(signed.read(file), SIGNER.public, Verdict()))
        except ValueError as error:
            found = [str(error)]
        assert found, f"{at}: {whole[max(at - 20, 0) : at + 20]!r}"
    lines = whole.splitlines(keepends=True)
    for at in range(len(lines) - 1):
        for changed in (
            lines[:at] + lines[at + 1 :],
            [*lines[:at], lines[at + 1], lines[at], *lines[at + 2 :]],
            lines[: at + 1] + lines[at:],
        ):
            file.write_bytes(b"".join(changed))
            assert list(verify(signed.read(file), SIGNER.public, Verdict())), at


@pytest.mark.parametrize("form", ["csv", "healthvault-xml"])
async def test_every_octet_of_what_is_shown_counts(tmp_path: Path, form: rendered.Form) -> None:
    """Also of values that stand beside what was signed: they must be what it says."""
    path = tmp_path / "journal.db"
    await measured(path, 1, 3)
    whole = "".join(functions.export(path, form, None)).encode()
    file = tmp_path / "export"

    def found(octets: bytes) -> list[str]:
        file.write_bytes(octets)
        try:
            assert rendered.form_of(file) in (form, None)
            return list(rendered.verify(file, form, SIGNER.public, Verdict()))
        except ValueError as error:
            return [str(error)]

    assert found(whole) == []
    for at in range(len(whole)):
        assert found(whole[:at] + bytes((whole[at] ^ 0x01,)) + whole[at + 1 :]), f"{at}: {whole[max(at - 20, 0) : at + 20]!r}"
    lines = whole.splitlines(keepends=True)
    for at in range(2, len(lines) - 2):
        assert found(b"".join([*lines[:at], lines[at + 1], lines[at], *lines[at + 2 :]])), at
        assert found(b"".join(lines[: at + 1] + lines[at:])), at
    assert found(whole + lines[-2])
    assert found(whole.replace(SIGNER.key.encode(), b"f" * 32))[0].endswith(f"is signed with another key ({'f' * 32})")


async def measured(path: Path, first: int, count: int, signer: Signer | None = SIGNER) -> None:
    journal = Journal(path, signer)
    for number in range(first, first + count):
        await put(journal, glucose(number, f"10{number}"), on=facts(session=f"s{number}"))
    journal.close()


async def test_what_was_not_signed_is_told(tmp_path: Path) -> None:
    path, file = tmp_path / "journal.db", tmp_path / "export"
    await measured(path, 1, 6)
    await measured(path, 7, 2, None)
    for form in ("csv", "healthvault-xml"):
        file.write_text("".join(functions.export(path, form, None)))
        done = CliRunner().invoke(root, ["verify", str(file), "--key", str(written_key(tmp_path))])
        assert done.exit_code == 1
        assert (
            "2 of them are not signed; what is shown was not compared\n8 things, 6 of them signed; 1 problems; what was left" in done.output
        )
    done = CliRunner().invoke(root, ["verify", str(file), "--key", str(written_key(tmp_path)), "--mark", "1:00"])
    assert "--mark is for the journal and a signed export: a healthvault-xml says nothing of what is not in it" in done.output


def written_key(place: Path) -> Path:
    (place / "public").write_text(SIGNER.public.hex())
    return place / "public"


async def test_signing_may_begin_later_and_stops_for_nobody(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    await fill(path, 1, 4, None)
    await fill(path, 5, 2)
    verdict = Verdict()
    assert list(verify(read_signed(path), SIGNER.public, verdict)) == []
    assert (verdict.things, verdict.signed) == (6, 2)
    await fill(path, 7, 2, None)
    assert problems(path) == ["7 is not signed, though what came before it is", "8 is not signed, though what came before it is"]
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(*) FROM proofs").fetchone() == (2,)


def test_the_key_is_made_once_and_is_nobody_else_s(tmp_path: Path) -> None:
    first = signer_of(tmp_path)
    assert signer_of(tmp_path).public == first.public == public_key(tmp_path / PUBLIC_FILE)
    assert (tmp_path / KEY_FILE).stat().st_mode & 0o777 == 0o600
    (tmp_path / KEY_FILE).write_text("half")
    with pytest.raises(StateError, match="holds no key: put it back from a backup"):
        signer_of(tmp_path)


async def test_the_command(path: Path, tmp_path: Path) -> None:
    config, export, key = tmp_path / "config.toml", tmp_path / "export", tmp_path / "key"
    config.write_text(f'[gateway]\nstate = "{tmp_path}"\n')

    def said(*arguments: str) -> tuple[int, str]:
        result = CliRunner().invoke(root, ["verify", "-c", str(config), *arguments])
        return result.exit_code, result.output

    assert "the gateway makes it with sign = true" in said()[1]
    (tmp_path / PUBLIC_FILE).write_text(SIGNER.public.hex())
    mark = head(path)
    assert said() == (0, f"6 things, 6 of them signed; no problems; mark {mark}\n")
    export.write_text("".join(functions.export(path, "signed", None)))
    key.write_text(SIGNER.public.hex())
    assert said(str(export), "--key", str(key), "--mark", mark)[0] == 0
    export.write_text("".join(export.read_text().splitlines(keepends=True)[:-1]))
    code, told = said(str(export), "--key", str(key), "--mark", mark)
    assert (code, told.splitlines()[0]) == (1, "it ends at 5, though it reached 6 before: the end was cut off")
    export.write_text(json.dumps({"n": 1}))
    assert "line 1 is no line of a signed export" in said(str(export))[1]


async def test_a_gateway_that_signs_is_verified_while_it_runs(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text(f'[gateway]\nstate = "{tmp_path}/state"\n')
    async with house(tmp_path, gateway={"state": str(tmp_path / "state"), "sign": True}) as home:
        await home.plug(FreeStyleUsb(records(4), lambda: NOW), Plugged("1-10", 0x1A61, 0x3850))
        things = home.gateway.journal.head()
        result = CliRunner().invoke(root, ["verify", "-c", str(config)])
        assert (result.exit_code, result.output.split("; mark")[0]) == (0, f"{things} things, {things} of them signed; no problems")
        exported = await asyncio.to_thread(CliRunner().invoke, root, ["export", "--format", "signed", "-c", str(config)])
        (tmp_path / "export").write_bytes(exported.output_bytes)
    assert CliRunner().invoke(root, ["verify", str(tmp_path / "export"), "-c", str(config)]).exit_code == 0
    assert things > 4
