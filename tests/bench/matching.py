"""Finding the driver for an advertisement, beside one look into a dict; and among how many drivers that cannot match."""

from __future__ import annotations

from dataclasses import replace

from drivers import Advertisement, Match
from gateway import registry
from gateway.matching import Loaded
from gateway.registry import Registry
from tests.bench.measure import interleaved, per_call

CALLS = 20_000
MORE = (0, 100, 1_000, 10_000)
SEEN = {
    "a scale with a name of its own": Advertisement(address="C1:00:00:00:00:01", local_name="YUNMAI-ISM2", services=frozenset((0x1A10,))),
    "a standard cuff": Advertisement(address="C1:00:00:00:00:02", local_name="BLP cuff", services=frozenset((0x1810, 0x180A))),
    "a stranger": Advertisement(address="C1:00:00:00:00:03", local_name="Lamp", services=frozenset((0xFE2C,))),
}


def _with_strangers(loaded: list[Loaded], count: int) -> Registry:
    """Drivers of services, companies and names that are nobody's here, a third each."""
    model = loaded[0]
    more = []
    for number in range(count):
        text = f"{number:08x}-0000-4000-8000-00805f9b34fb"
        company = Match(company=0xE000 + number % 0x1000, local_name=f"?{number}")
        match = (Match(service=text), company, Match(local_name=f"Z{number:05}*"))[number % 3]
        more.append(replace(model, driver=model.driver.variant(name=f"stranger-{number}", match=match)))
    return Registry([*loaded, *more])


def run() -> None:
    loaded = registry.load().loaded
    registries = {count: _with_strangers(loaded, count) for count in MORE}
    table = {item.driver.name: item for item in loaded}
    name = loaded[-1].driver.name
    asked = {"dict": lambda: per_call(lambda: table.get(name), CALLS)}
    for what, seen in SEEN.items():
        for count, one in registries.items():
            asked[f"{what} {count}"] = lambda one=one, seen=seen: per_call(lambda: one.match(seen), CALLS)  # type: ignore[misc]
    found = interleaved(asked)
    bare = found["dict"]
    print(f"one look into a dict of {len(table)} drivers       {bare:6.3f} us")
    for what in SEEN:
        figures = "  ".join(f"{found[f'{what} {count}']:6.3f} us ({found[f'{what} {count}'] / bare:4.1f}x)" for count in MORE)
        print(f"matching {what:<31} {figures}")
    print(f"(beside {', '.join(map(str, MORE))} more drivers that cannot match)")
