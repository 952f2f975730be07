"""How the gateway is doing, for Prometheus: `/metrics`, and `/healthz` for whoever only wants to know whether it works. No health values.

Source: the OpenMetrics naming rules; what is counted since the start is a counter, what stands in the journal a gauge.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import structlog
import uvicorn
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.exposition import generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from gateway.api.door import Server, tcp

log = structlog.get_logger()
PREFIX = "health_gateway"
TEXT = "text/plain; version=0.0.4; charset=utf-8"
_JOURNAL = {
    "things": "Things in the journal, with every version",
    "rejected": "Frames that no driver could read",
    "missing": "Things that were damaged",
    "purged": "Things that were purged or thrown away",
    "devices": "Devices that have been met",
}
_SINK = {"deferred": "Things that were refused, or whose time is not known", "held": "Things that wait in line"}
_READ = {"sessions": "Sessions since the start", "things": "New things since the start"}


class _Status:
    """A collector of a status, as `Gateway.status` gives it."""

    def __init__(self, status: Mapping[str, Any]) -> None:
        self._status = status

    def collect(self) -> Iterator[Metric]:
        told = self._status
        info = InfoMetricFamily(PREFIX, "The gateway")
        info.add_metric([], {"version": told["version"]})
        yield info
        yield _gauge("up_seconds", "Time since the start", told["up_seconds"])
        yield _gauge("adapter_ok", "Whether the radio works", told["adapter"] == "ok")
        yield _gauge("disk_ok", "Whether there is room for new sessions", told["disk"] == "ok")
        yield _gauge("config_ok", "Whether the configuration is the one that counts", told["config_problem"] is None)
        yield _gauge("clock_synchronized", "Whether the hub knows the time", told["clock"]["synchronized"])
        yield _gauge("pending_things", "Things that wait for the hub's clock", told["clock"]["pending_things"])
        for name, text in _JOURNAL.items():
            yield _gauge(f"journal_{name}", text, told["journal"][name])
        yield from _sinks(told["sinks"], told["head"])
        yield from _devices([*told["devices"], *({**one, "address": one["port"]} for one in told.get("plugged", ()))])


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(f"{PREFIX}_{name}", text, value=float(value))


def _sinks(sinks: Mapping[str, Mapping[str, Any]], head: int) -> Iterator[Metric]:
    lag = GaugeMetricFamily(f"{PREFIX}_sink_lag", "Things that have not been given to the sink yet", labels=["sink"])
    well = GaugeMetricFamily(f"{PREFIX}_sink_ok", "Whether everything goes", labels=["sink"])
    for name, sink in sinks.items():
        lag.add_metric([name], max(0, head - sink["cursor"]))
        well.add_metric([name], sink["problem"] is None)
    yield from (lag, well)
    for key, text in _SINK.items():
        waiting = GaugeMetricFamily(f"{PREFIX}_sink_{key}", text, labels=["sink"])
        for name, sink in sinks.items():
            waiting.add_metric([name], sink[key])
        yield waiting


def _devices(devices: Iterable[Mapping[str, Any]]) -> Iterator[Metric]:
    labels = ["device", "name", "driver"]
    listed = [([one["address"], one["name"] or "", one["driver"] or ""], one) for one in devices]
    for key, text in _READ.items():
        counted = CounterMetricFamily(f"{PREFIX}_device_{key}", text, labels=labels)
        for called, one in listed:
            counted.add_metric(called, one[key])
        yield counted
    well = GaugeMetricFamily(f"{PREFIX}_device_ok", "Whether the last session went well", labels=labels)
    for called, one in listed:
        well.add_metric(called, one["problem"] is None)
    yield well


def exposition(status: Mapping[str, Any]) -> bytes:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Status(status))
    return generate_latest(registry)


def application(status: Callable[[], dict[str, Any]], works: Callable[[], bool]) -> Starlette:
    async def get_metrics(_request: Request) -> Response:
        return Response(exposition(status()), media_type=TEXT)

    async def get_health(_request: Request) -> Response:
        return PlainTextResponse("ok\n") if works() else PlainTextResponse("the journal does not write\n", 503)

    return Starlette(routes=[Route("/metrics", get_metrics), Route("/healthz", get_health)])


async def serve(app: Starlette, listen: str | None) -> None:
    """At this address and port, until cancelled; nowhere if it is None. One that is taken is told, and the gateway does without."""
    if listen is None:
        return
    try:
        opened = tcp(listen)
    except (OSError, OverflowError) as error:
        log.error("metrics cannot be served", listen=listen, problem=getattr(error, "strerror", None) or str(error))
        return
    server = Server(uvicorn.Config(app, log_config=None, lifespan="off", access_log=False, timeout_graceful_shutdown=2))
    try:
        await server.serve(sockets=[opened])
    finally:
        opened.close()
