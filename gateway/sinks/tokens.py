"""What lets us in at a FHIR server: a token of a file, or one that OAuth 2 gives for client credentials (RFC 6749, 4.4)."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote, urlencode

from gateway.config_sinks import FhirSection
from gateway.credentials import Unusable, secret
from gateway.sinks.base import Unreachable
from gateway.sinks.http import Said, Server

EARLY_SECONDS = 30.0
"""A token is not used in its last seconds: it might end on the way."""
DEFAULT_SECONDS = 300.0
_WRONG = "it does not know us there; check `client_id` and `client_secret_file`"
_SENTENCES = {400: _WRONG, 401: _WRONG, 403: _WRONG}


class Tokens:
    def __init__(self, settings: FhirSection, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._settings, self._monotonic = settings, monotonic
        self._server = (
            None
            if settings.token_url is None
            else Server(settings.token_url, seconds=settings.timeout_seconds, url_key="token_url", ca=settings.ca_file)
        )
        self._token, self._until = "", 0.0

    async def header(self) -> dict[str, str]:
        """Raises `Unreachable`."""
        settings = self._settings
        if settings.token_file is not None:
            try:
                return {"Authorization": f"Bearer {_printable(settings.token_file)}"}
            except Unusable as error:
                raise Unreachable(str(error)) from error
        if self._server is None:
            return {}
        if self._monotonic() >= self._until:
            asked = self._monotonic()
            said = await self._server.within(self._ask)
            self._token, seconds = self._understood(said)
            self._until = asked + max(0.0, seconds - EARLY_SECONDS)
        return {"Authorization": f"Bearer {self._token}"}

    def forget(self) -> bool:
        """Whether another one may be had."""
        self._until = 0.0
        return self._server is not None

    def close(self) -> None:
        if self._server is not None:
            self._server.drop()

    def _ask(self) -> Said:
        """In a thread."""
        assert self._server is not None  # noqa: S101 - for the type checker
        settings = self._settings
        ours = secret(settings.client_secret_file).strip() if settings.client_secret_file else ""
        who = base64.b64encode(f"{quote(settings.client_id or '', safe='')}:{quote(ours, safe='')}".encode()).decode()
        form = {"grant_type": "client_credentials", **({"scope": settings.scope} if settings.scope else {})}
        headers = {
            "Authorization": f"Basic {who}",
            "Content-Type": "application/x-www-form-urlencoded",
            "Accept": "application/json",
        }
        return self._server.post(urlencode(form).encode(), headers)

    def _understood(self, said: Said) -> tuple[str, float]:
        """The token and its seconds. Raises `Unreachable`."""
        assert self._server is not None  # noqa: S101 - for the type checker
        if not said.is_well:
            raise Unreachable("no token: " + self._server.sentence(said.status, _SENTENCES))
        try:
            told = json.loads(said.body)
            token, seconds = str(told["access_token"]), float(told.get("expires_in", DEFAULT_SECONDS))
            if not token.isascii() or not token.isprintable() or str(told.get("token_type", "bearer")).lower() != "bearer":
                raise ValueError
        except (ValueError, LookupError, TypeError) as error:
            raise Unreachable("no token: it answers, but not as OAuth 2 does; check `token_url`") from error
        return token, seconds


def _printable(path: Path) -> str:
    """What may stand in a header. Raises `Unusable`."""
    token = secret(path).strip()
    if not token or not token.isascii() or not token.isprintable():
        raise Unusable(f"{path} holds no token")
    return token
