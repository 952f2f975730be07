"""One thread that writes, in groups: whoever asks while a commit is on its way goes into the next one."""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from gateway.errors import JournalError
from gateway.journal.schema import Connection

T = TypeVar("T")
Job = tuple[Callable[[Connection], Any], asyncio.AbstractEventLoop, "asyncio.Future[Any]"]


class Writer:
    """Runs jobs on `connection`, each under a savepoint, all that are waiting in one transaction.

    A job that raises undoes itself alone. A commit that fails fails all its jobs, and the next group starts afresh.
    A waiter that was cancelled changes nothing: its job is done all the same.
    """

    def __init__(self, connection: Connection, *, group: int = 256) -> None:
        self._connection, self._group = connection, group
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="journal-writer", daemon=True)
        self._thread.start()
        self.commits = 0

    async def do(self, job: Callable[[Connection], T]) -> T:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._jobs.put((job, loop, future))
        return await future

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def close(self) -> None:
        """Finish what is waiting, then stop."""
        self._jobs.put(None)
        self._thread.join()

    def _run(self) -> None:
        ended = False
        while not ended:
            group: list[Job] = []
            item = self._jobs.get()
            while item is not None:
                group.append(item)
                if len(group) == self._group:
                    break
                try:
                    item = self._jobs.get_nowait()
                except queue.Empty:
                    break
            ended = item is None
            if group:
                self._commit(group)

    def _commit(self, group: list[Job]) -> None:
        outcomes: list[tuple[Job, Any, BaseException | None]] = []
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            for job in group:
                self._connection.execute("SAVEPOINT job")
                try:
                    outcomes.append((job, job[0](self._connection), None))
                    self._connection.execute("RELEASE job")
                except sqlite3.OperationalError:
                    raise  # the disk, not the job: the whole group goes back
                except Exception as error:  # noqa: BLE001 - whatever it is goes to the one who asked
                    self._connection.execute("ROLLBACK TO job")
                    self._connection.execute("RELEASE job")
                    outcomes.append((job, None, error))
            self._connection.execute("COMMIT")
            self.commits += 1
        except sqlite3.Error as error:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            failure = JournalError(f"the journal could not be written: {error}")
            failure.__cause__ = error
            outcomes = [(job, None, failure) for job in group]
        for (_, loop, future), value, problem in outcomes:
            try:
                loop.call_soon_threadsafe(_settle, future, value, problem)
            except RuntimeError:
                continue  # the loop is closed: nobody waits any more, what was committed is committed


def _settle(future: asyncio.Future[Any], value: Any, problem: BaseException | None) -> None:
    if future.done():
        return
    if problem is not None:
        future.set_exception(problem)
    else:
        future.set_result(value)
