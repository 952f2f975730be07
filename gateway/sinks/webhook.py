"""The `webhook` sink: one POST for each thing, signed as standardwebhooks.com says (1.0.0), answered by the status code.

2xx: it has the thing. 400, 409, 413, 415, 422: it refuses this one, and no other. Anything else, and no answer: not now. So a thing may
arrive twice; `webhook-id` is the same then. Redirects are not followed: things go to the address that was agreed on.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import time
from collections.abc import Callable, Sequence

from gateway import crashpoints
from gateway.config_sinks import WebhookSection
from gateway.credentials import secret
from gateway.journal import Row
from gateway.sinks.base import Answer, Refused, Sink, Unreachable
from gateway.sinks.http import Said, Server

REFUSING = {400, 409, 413, 415, 422}
SECRET = "whsec_"  # noqa: S105 - what a secret begins with
_CLOSED = "it does not let us in; check `secret_file`, and its own settings"
_SENTENCES = {401: _CLOSED, 403: _CLOSED}


class WebhookSink(Sink):
    """`now`: seconds since 1970."""

    def __init__(self, settings: WebhookSection, now: Callable[[], float] = time.time) -> None:
        self._settings, self._now = settings, now
        self._server = Server(settings.url, seconds=settings.timeout_seconds, ca=settings.ca_file)

    async def send(self, batch: Sequence[Row]) -> Sequence[Answer]:
        answers: list[Answer] = []
        for place, row in enumerate(batch):
            try:
                said = await self._server.within(lambda row=row: self._post(row))  # type: ignore[misc]  # mypy infers no default's type
            except Unreachable as error:
                raise Unreachable(str(error), taken=place, answers=answers) from error
            crashpoints.reached("sink-written")
            if said.status in REFUSING:
                answers.append(Refused(row.n, f"the server refuses it ({said.status})"))
            elif not said.is_well:
                raise Unreachable(self._server.sentence(said.status, _SENTENCES), taken=place, answers=answers)
        return answers

    async def reach(self) -> None:
        """Connect, with TLS where there is to be, and send nothing. Raises `Unreachable`."""
        await self._server.within(self._server.connect)
        self._server.drop()

    async def close(self) -> None:
        self._server.drop()

    # -- in a thread ---------------------------------------------------------------------------------------------

    def _post(self, row: Row) -> Said:
        body = row.body.encode("utf-8", "surrogateescape")
        return self._server.post(body, self._headers(row, body))

    def _headers(self, row: Row, body: bytes) -> dict[str, str]:
        called, moment = f"{row.id}-{row.version}", str(int(self._now()))
        headers = {
            "Content-Type": "application/json",
            "webhook-id": called,
            "webhook-timestamp": moment,
        }
        if (secret := self._secret()) is not None:
            signature = hmac.digest(secret, f"{called}.{moment}.".encode() + body, hashlib.sha256)
            headers["webhook-signature"] = f"v1,{base64.b64encode(signature).decode()}"
        if row.proof is not None:
            said = {"n": str(row.n), "key": row.proof.key, "previous": row.proof.previous.hex(), "signature": row.proof.signature.hex()}
            headers |= {f"health-gateway-{name}": value for name, value in said.items()}
        return headers

    def _secret(self) -> bytes | None:
        path = self._settings.secret_file
        if path is None:
            return None
        text = secret(path).strip()
        try:
            return base64.b64decode(text.removeprefix(SECRET), validate=True)
        except binascii.Error as error:
            raise ValueError(f"{path} holds no secret: it is {SECRET} and base64") from error
