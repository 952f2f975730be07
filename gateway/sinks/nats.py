"""The `nats` sink: each thing a message to a stream of JetStream, kept until the stream, or its consumer's receipt, says that it is there.

Invariants, each with its test in `tests/gateway/test_nats.py`, against real servers:

1. A thing counts as taken when the stream has acknowledged it (`ack = "broker"`), or its own receipt has come (`ack = "receiver"`).
2. Never more than `in_flight` things are under way; those of one person arrive in the order of the journal.
3. A refusal is that thing's alone: too large for the server, or a subject that its rules forbid. A stream that cannot take any more,
   or that is not there, is a server that cannot be reached.
4. What is sent again carries the same message id, by which the stream drops it; unless a receipt is wanted that the first copy did
   not bring.
"""

from __future__ import annotations

import asyncio
import re
import secrets
import time
from collections.abc import Callable, Sequence

from nats.aio.msg import Msg
from nats.errors import Error, MaxPayloadError
from nats.js.errors import NotFoundError

from gateway import crashpoints
from gateway.config_sinks import NatsSection
from gateway.journal import Row
from gateway.nats.connection import Connection, Lost, connected
from gateway.nats.contract import EXPECTED_STREAM, MESSAGE_ID, RECEIPT_TO, THING, receipt_subject, subject_of, subjects_of
from gateway.nats.stream import NO_STREAM, TOO_LARGE, Said, Stream
from gateway.receipts import correlation
from gateway.sinks.awaiting import Awaiting
from gateway.sinks.base import Answer, Refused, Sink, Unreachable, person_of
from gateway.sinks.batch import Batch

_SUBJECT = re.compile(r'permissions violation for publish to "([^"]*)"')


class NatsSink(Sink):
    def __init__(self, settings: NatsSection, client_id: str, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._settings, self._client_id = settings, client_id
        self._wants_receipts = settings.ack == "receiver"
        self.settle_seconds = 0.0 if self._wants_receipts else settings.settle_seconds
        self._connection: Connection | None = None
        self._stream: Stream | None = None
        self._awaiting = Awaiting(settings.receipt_seconds, monotonic)
        self._subjects: dict[str, set[int]] = {}
        """Under way, by place and by subject in small letters, as the library hands on what is forbidden."""
        self._batch = Batch(())
        self._receipts_to = receipt_subject(settings.subject, client_id)
        self._problem: str | None = None

    # -- the connection ------------------------------------------------------------------------------------------------

    @property
    def connection(self) -> object:
        return None if self._connection is None or self._connection.gone.is_set() else self._connection

    async def _open(self) -> tuple[Connection, Stream]:
        if self._connection is not None and self._stream is not None and not self._connection.gone.is_set():
            return self._connection, self._stream
        await self.close()
        try:
            made = await connected(self._settings, self._client_id)
        except Lost as error:
            raise Unreachable(str(error)) from error
        made.complaints = self._forbidden
        self._connection, self._stream = made, Stream(made.client)
        await self._stream.open()
        if self._wants_receipts:
            await self._listen(made)
        return self._connection, self._stream

    async def _listen(self, made: Connection) -> None:
        """Raises `Unreachable`: a connection that hears no receipts must not be taken for a good one."""
        complaints: list[str] = []
        made.complaints = complaints.append
        try:
            await made.client.subscribe(self._receipts_to, cb=self._hear_receipt)
            await made.flush(self._settings.timeout_seconds)
        except Lost as error:
            raise Unreachable(str(error)) from error
        if complaints:
            await self.close()
            raise Unreachable(f"{made.where}: the server's rules do not let us hear receipts at {self._receipts_to}")
        made.complaints = self._forbidden

    async def reach(self) -> None:
        """Connect, and look for the stream where we may. Raises `Unreachable`."""
        try:
            made, _ = await self._open()
            await made.flush(self._settings.timeout_seconds)
            found = await made.client.jetstream(timeout=self._settings.timeout_seconds).find_stream_name_by_subject(
                subject_of(self._settings.subject, None, "weight")
            )
            if self._settings.stream not in (None, found):
                raise Unreachable(f"{made.where}: the stream {found} takes these subjects, not {self._settings.stream}; check `stream`")
        except NotFoundError as error:
            raise Unreachable(f"{made.where}: {self._no_stream()}") from error
        except Lost as error:
            raise Unreachable(str(error)) from error
        except (Error, TimeoutError):
            pass  # who may publish need not be allowed to ask
        finally:
            await self.close()

    async def probe(self) -> None:
        try:
            made, _ = await self._open()
            await made.flush(self._settings.timeout_seconds)
        except Lost as error:
            raise Unreachable(str(error)) from error

    async def close(self) -> None:
        self._awaiting.clear()
        self._subjects.clear()
        made, self._connection, self._stream = self._connection, None, None
        if made is not None:
            await made.close()

    # -- sending -------------------------------------------------------------------------------------------------------

    async def send(self, batch: Sequence[Row]) -> Sequence[Answer]:
        made, stream = await self._open()
        under_way = self._batch = Batch(batch)
        self._problem = None
        ended = asyncio.create_task(made.gone.wait(), name="end of the connection")
        ended.add_done_callback(lambda _task: under_way.moved.set())
        try:
            for place in range(len(batch)):
                await self._until(made, under_way, self._settings.in_flight - 1)
                await self._put(stream, under_way, place)
            await self._until(made, under_way, 0)
        except (Lost, Error, OSError) as error:
            taken, answers = under_way.so_far()
            sentence = str(error) if isinstance(error, Lost) else made.why
            await self.close()
            raise Unreachable(sentence, taken=taken, answers=answers) from error
        finally:
            ended.cancel()
            self._awaiting.batch_over()
            self._subjects.clear()
        crashpoints.reached("sink-written")
        return under_way.so_far()[1]

    async def _until(self, made: Connection, batch: Batch, most: int) -> None:
        """Wait until no more than `most` are under way. Raises `Lost` when there is no connection, no stream, or no answer."""
        patience = self._settings.receipt_seconds if self._wants_receipts else self._settings.timeout_seconds
        while True:
            if made.gone.is_set():
                raise Lost(made.why)
            if self._problem is not None:
                raise Lost(f"{made.where}: {self._problem}")
            if len(batch.open) <= most:
                return
            batch.moved.clear()
            try:
                async with asyncio.timeout(patience):
                    await batch.moved.wait()
            except TimeoutError as error:
                await made.flush(self._settings.timeout_seconds)
                if len(batch.open) <= most:
                    return  # they have come meanwhile
                what = "receipt has come" if self._wants_receipts else "acknowledgement has come from the stream"
                more = "is the consumer running?" if self._wants_receipts else "does its cluster have a leader?"
                raise Lost(f"{made.where}: no {what} for {patience:.0f} s; {more}") from error

    async def _put(self, stream: Stream, batch: Batch, place: int) -> None:
        row = batch.rows[place]
        person = person_of(row)
        batch.lines.append(person or "")
        subject = subject_of(self._settings.subject, person, row.type)
        key = correlation(row.id, row.version)
        batch.open.add(place)
        if self._wants_receipts and not self._awaiting.is_to_be_sent(batch, place, key):
            return
        again = self._awaiting.times(key) - 1 if self._wants_receipts else 0
        await self._publish(stream, batch, place, subject, f"{key.decode()}/{secrets.token_hex(4)}" if again else key.decode())

    async def _publish(self, stream: Stream, batch: Batch, place: int, subject: str, message_id: str) -> None:
        row = batch.rows[place]
        under_way = self._subjects.setdefault(subject.lower(), set())

        def answered(said: Said) -> None:
            under_way.discard(place)
            self._stream_says(batch, place, said)

        under_way.add(place)
        try:
            await stream.publish(subject, row.body.encode("utf-8", "surrogateescape"), self._headers(row, message_id), answered)
        except MaxPayloadError:
            under_way.discard(place)
            self._forget(row)
            batch.answer(place, Refused(row.n, "too large for the server (its max_payload)"))
        crashpoints.reached("message-sent")

    def _headers(self, row: Row, message_id: str) -> dict[str, str]:
        found = {MESSAGE_ID: message_id}
        if self._settings.stream is not None:
            found[EXPECTED_STREAM] = self._settings.stream
        if self._wants_receipts:
            found[RECEIPT_TO] = self._receipts_to
        if row.proof is not None:
            found |= {
                "health-gateway-n": str(row.n),
                "health-gateway-key": row.proof.key,
                "health-gateway-previous": row.proof.previous.hex(),
                "health-gateway-signature": row.proof.signature.hex(),
            }
        return found

    # -- answers -------------------------------------------------------------------------------------------------------

    def _stream_says(self, batch: Batch, place: int, said: Said) -> None:
        crashpoints.reached("message-acknowledged")
        row = batch.rows[place]
        if said.error == TOO_LARGE:
            self._forget(row)
            batch.answer(place, Refused(row.n, "larger than the stream permits (its max_msg_size)"))
        elif said.error:
            # What was sent behind this one comes again, too, in its order; what the stream has of it, it knows by the message ids.
            words = f"the stream cannot take it now: {said.description} ({said.error})"
            self._problem = self._problem or (self._no_stream() if said.error == NO_STREAM else words)
            batch.moved.set()
        elif not self._wants_receipts:
            batch.took(place)
        elif said.duplicate:
            self._send_again(batch, place)

    def _send_again(self, batch: Batch, place: int) -> None:
        """The stream has had it, and dropped this copy: whether its consumer has confirmed the first nobody here knows any more."""
        row = batch.rows[place]
        key = correlation(row.id, row.version)
        stream = self._stream
        if stream is None or key not in self._awaiting:
            return  # confirmed meanwhile
        subject = subject_of(self._settings.subject, person_of(row), row.type)
        task = asyncio.create_task(self._publish(stream, batch, place, subject, f"{key.decode()}/{secrets.token_hex(4)}"))
        task.add_done_callback(lambda done: done.cancelled() or done.exception())  # the end of the connection is seen by whoever waits

    def _forbidden(self, complaint: str) -> None:
        found = _SUBJECT.search(complaint)
        if found is None:
            return
        for place in self._subjects.pop(found[1], set()):
            self._forget(self._batch.rows[place])
            self._batch.answer(place, Refused(self._batch.rows[place].n, "the server's rules do not allow it to be published"))

    async def _hear_receipt(self, message: Msg) -> None:
        self._awaiting.heard(((message.headers or {}).get(THING) or "").encode(), bytes(message.data))

    def _forget(self, row: Row) -> None:
        self._awaiting.forget(correlation(row.id, row.version))

    def _no_stream(self) -> str:
        subjects = ",".join(subjects_of(self._settings.subject))
        name = self._settings.stream or self._settings.subject.replace(".", "-").upper()
        return f"no stream takes what we publish; make one: nats stream add {name} --subjects '{subjects}' --storage file --defaults"
