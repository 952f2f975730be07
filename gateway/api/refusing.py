"""How a function says no, whichever door it was called through."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response


class Refused(Exception):
    """`status` in HTTP's words; the text is for whoever asked, `code` the same for a program. `wait`: not before so many seconds."""

    def __init__(self, status: int, text: str, code: str | None = None, wait: float = 0.0) -> None:
        super().__init__(text)
        self.status, self.code, self.wait = status, code, wait


def told(handle: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
    """As an answer of the control socket."""

    async def handled(request: Request) -> Response:
        try:
            return await handle(request)
        except Refused as error:
            return JSONResponse({"error": str(error)}, error.status)

    return handled
