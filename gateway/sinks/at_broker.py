"""What sinks at an MQTT broker share: one connection, made when it is wanted, and how its loss is told."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

from gateway.mqtt import connection
from gateway.mqtt.client import Client, Lost
from gateway.sinks.base import Sink, Unreachable


class AtBroker(Sink):
    def __init__(self, settings: connection.Settings) -> None:
        self._where = settings
        self._client: Client | None = None

    @property
    def connection(self) -> object:
        return self._live

    @property
    def _live(self) -> Client | None:
        return None if self._client is None or self._client.gone.is_set() else self._client

    @abstractmethod
    async def _connected(self) -> Client:
        """The connection that there is, or a new one. Raises `Unreachable`."""

    def _unreachable(self, error: Lost, **more: Any) -> Unreachable:
        return Unreachable(connection.sentence(self._where, error), **more)

    async def probe(self) -> None:
        try:
            await (await self._connected()).round_trip()
        except Lost as error:
            raise self._unreachable(error) from error

    async def _hang_up(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.__aexit__()
