"""The page itself: a few files that come with the program, and nothing from anywhere else."""

from __future__ import annotations

import gzip
import hashlib
from functools import cache
from importlib.resources import files
from pathlib import PurePosixPath
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

KINDS = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
}


class File(NamedTuple):
    octets: bytes
    packed: bytes
    """The same, by gzip."""
    kind: str
    etag: str


@cache
def page() -> dict[str, File]:
    """By path below the root."""
    found = {}

    def walk(folder: object, below: str) -> None:
        for one in folder.iterdir():  # type: ignore[attr-defined]  # a Traversable, whose name moved between the versions of Python
            name = f"{below}{one.name}"
            kind = KINDS.get(PurePosixPath(name).suffix)
            if one.is_dir():
                walk(one, f"{name}/")
            elif kind is not None:
                octets = one.read_bytes()
                etag = f'"{hashlib.sha256(octets).hexdigest()[:16]}"'
                found[name] = File(octets, gzip.compress(octets, mtime=0), kind, etag)

    walk(files("gateway.web") / "static", "")
    return found


async def get_file(request: Request) -> Response:
    file = page().get(request.path_params.get("path") or "index.html")
    if file is None:
        return Response("not found\n", 404, media_type="text/plain")
    headers = {"ETag": file.etag, "Cache-Control": "no-cache", "Vary": "Accept-Encoding"}
    if request.headers.get("if-none-match") == file.etag:
        return Response(status_code=304, headers=headers)
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(file.packed, headers={**headers, "Content-Encoding": "gzip"}, media_type=file.kind)
    return Response(file.octets, headers=headers, media_type=file.kind)


def routes() -> list[Route]:
    return [Route("/", get_file), Route("/{path:path}", get_file)]
