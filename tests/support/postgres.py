"""A real PostgreSQL of a test's own: on loopback, in a directory of its own, to be killed and started again."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from tests.support.loopback import free_port


def _programs() -> Path:
    """Debian keeps them out of PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"), key=lambda path: int(path.parts[-3]))
    if found:
        return found[-1].parent
    program = shutil.which("pg_ctl")
    assert program is not None, "these tests need PostgreSQL: `make test` as root installs it, or install the package postgresql"
    return Path(program).parent


class Postgres:
    """It does not run as root: then it is user `postgres`'s, in a directory that this user may enter."""

    def __init__(self, directory: Path) -> None:
        self._programs, self.directory, self.port = _programs(), directory, free_port()
        self._as: dict[str, Any] = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}
        directory.mkdir(parents=True, exist_ok=True)
        if self._as:
            shutil.chown(directory, "postgres", "postgres")
        secret = directory / "secret"
        secret.write_text("s3cret\n")
        secret.chmod(0o644)
        self._run(
            "initdb", "-D", f"{directory}/data", "-U", "gateway", "-A", "scram-sha-256", f"--pwfile={secret}", "--no-sync", "-E", "UTF8"
        )
        self.password_file = secret

    @property
    def url(self) -> str:
        return f"postgresql://gateway@127.0.0.1:{self.port}/postgres"

    def start(self) -> Postgres:
        options = f"-p {self.port} -h 127.0.0.1 -k {self.directory} -c max_connections=40"
        self._run("pg_ctl", "-D", f"{self.directory}/data", "-l", f"{self.directory}/log", "-w", "-o", options, "start")
        return self

    def stop(self, how: str = "immediate") -> None:
        """`immediate`: as a crash would; what was not committed is gone."""
        if (self.directory / "data" / "postmaster.pid").exists():
            self._run("pg_ctl", "-D", f"{self.directory}/data", "-w", "-m", how, "stop")

    def _run(self, program: str, *arguments: str) -> None:
        with tempfile.TemporaryFile() as said:  # not a pipe: the server would keep it open
            done = subprocess.run([self._programs / program, *arguments], stdout=said, stderr=said, check=False, cwd="/", **self._as)
            said.seek(0)
            assert done.returncode == 0, said.read().decode()[-1000:]

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url, password="s3cret", autocommit=True) as connection:
            cursor = connection.execute(query.encode())
            return cursor.fetchall() if cursor.description else []


@contextmanager
def running() -> Iterator[Postgres]:
    with tempfile.TemporaryDirectory(prefix="pg") as place:
        Path(place).chmod(0o755)
        made = Postgres(Path(place) / "server").start()
        try:
            yield made
        finally:
            made.stop()
