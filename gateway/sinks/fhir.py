"""The `fhir` sink: transactions to a FHIR R4 server, as docs/fhir.md says.

A transaction is taken whole or not at all. One that the server refuses is halved until it is known which thing it will not have; that one
is deferred, the others go. What the server says of a refusal may repeat what it was sent, so nobody is told more of it than its codes.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from gateway import __version__, crashpoints
from gateway.config_sinks import FhirSection
from gateway.exports.fhir.bundle import Transaction
from gateway.exports.fhir.observations import NoForm
from gateway.exports.fhir.parties import NO_SYNC, NTP, Home
from gateway.exports.fhir.terms import Resource, written
from gateway.journal import Row
from gateway.provenance import Signed
from gateway.sinks.base import Answer, Refused, Sink, Unreachable
from gateway.sinks.http import Said, Server
from gateway.sinks.tokens import Tokens

REFUSING = {400, 409, 412, 413, 415, 422}
MOST_OF_AN_ANSWER = 1 << 24
NOBODY = "it is nobody's: say whose it is with `health-gateway inbox assign`"
_SENTENCES = {
    401: "it does not let us in; check `token_url` and what belongs to it, or `token_file`",
    403: "we may not write there; check `scope`, and what the server permits",
}


class FhirSink(Sink):
    def __init__(self, settings: FhirSection, gateway_id: str, *, keeps_time: bool) -> None:
        self._settings = settings
        self._home = Home(
            gateway_id,
            __version__,
            settings.patient_system,
            settings.patients,
            settings.identifier,
            NTP if keeps_time else NO_SYNC,
        )
        self._server = Server(
            settings.url,
            seconds=settings.timeout_seconds,
            ca=settings.ca_file,
            certificate=settings.certificate_file,
            key=settings.key_file,
            most=MOST_OF_AN_ANSWER,
        )
        self._tokens = Tokens(settings)

    async def send(self, batch: Sequence[Row]) -> Sequence[Answer]:
        answers: list[Answer] = []
        for start in range(0, len(batch), self._settings.together):
            rows = batch[start : start + self._settings.together]
            try:
                answers += await self._deliver(rows)
            except Unreachable as error:
                raise Unreachable(str(error), taken=start + error.taken, answers=[*answers, *error.answers]) from error
        return answers

    async def reach(self) -> None:
        """Connect, get a token where one is needed, and send nothing. Raises `Unreachable`."""
        await self._tokens.header()
        await self._server.within(self._server.connect)
        await self.close()

    async def close(self) -> None:
        self._server.drop()
        self._tokens.close()

    async def _deliver(self, rows: Sequence[Row]) -> list[Answer]:
        """All of them, or all but those that are refused. Raises `Unreachable`, which says how many have their answer."""
        answers: list[Answer] = []
        transaction, going = Transaction(self._home), list[Row]()
        for row in rows:
            why = _add(transaction, row)
            if why is None:
                going.append(row)
            else:
                answers.append(Refused(row.n, why))
        if not going:
            return answers
        said = await self._post(transaction.bundle())
        if said.status not in REFUSING:
            return answers
        if len(going) == 1:
            return [*answers, Refused(going[0].n, f"the server refuses it ({said.status}{_codes(said.body)})")]
        return await self._halves(rows)

    async def _halves(self, rows: Sequence[Row]) -> list[Answer]:
        middle = len(rows) // 2
        first = await self._deliver(rows[:middle])
        try:
            return [*first, *await self._deliver(rows[middle:])]
        except Unreachable as error:
            raise Unreachable(str(error), taken=middle + error.taken, answers=[*first, *error.answers]) from error

    async def _post(self, bundle: Resource) -> Said:
        """Raises `Unreachable` for what is neither taken nor refused."""
        body = written(bundle).encode("utf-8", "surrogateescape")
        said = await self._try(body)
        if said.status == 401 and self._tokens.forget():  # noqa: PLR2004 - a token may end before its time
            said = await self._try(body)
        if said.status in REFUSING:
            return said
        if not said.is_well:
            raise Unreachable(self._server.sentence(said.status, _SENTENCES))
        if not _is_answer(said.body, len(bundle["entry"])):
            raise Unreachable("it answers, but not as a FHIR server does to a transaction; check `url`")
        crashpoints.reached("sink-written")
        return said

    async def _try(self, body: bytes) -> Said:
        headers = {"Content-Type": "application/fhir+json", "Accept": "application/fhir+json", **await self._tokens.header()}
        return await self._server.within(lambda: self._server.post(body, headers))


def _add(transaction: Transaction, row: Row) -> str | None:
    """Why it cannot go, if it cannot."""
    thing: dict[str, Any] = json.loads(row.body)
    if thing.get("person") is None and row.type != "device" and not row.before:
        return NOBODY
    try:
        signed = Signed(row.n, row.body.encode("utf-8", "surrogateescape"), row.proof)
        transaction.add(thing, row.before, signed)
    except NoForm as error:
        return str(error)
    return None


def _is_answer(body: bytes, entries: int) -> bool:
    try:
        said = json.loads(body)
        return said["resourceType"] == "Bundle" and said["type"] == "transaction-response" and len(said["entry"]) == entries
    except (ValueError, LookupError, TypeError):
        return False


def _codes(body: bytes) -> str:
    """Of an OperationOutcome: its codes, which are words of FHIR's; not its texts."""
    try:
        found = [str(issue["code"]) for issue in json.loads(body)["issue"]]
    except (ValueError, LookupError, TypeError):
        return ""
    named = sorted({code for code in found if code.replace("-", "").isalpha() and code.isascii()})
    return f": {', '.join(named[:3])}" if named else ""
