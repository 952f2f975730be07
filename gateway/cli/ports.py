"""`ports`: what is plugged in, and who would read it."""

from __future__ import annotations

import asyncio
import contextlib

import click

from gateway import registry
from gateway.cli.common import Failed

SECONDS = 1.0


@click.command()
@click.option("--watch", is_flag=True, help="Go on, and tell what is plugged in and pulled out.")
def ports(watch: bool) -> None:  # noqa: FBT001 - click's flag
    """List what is plugged in and which driver each would get.

    The first word of a line is what `port` in the configuration may say. Behind a USB-serial adapter (marked with *) there may be
    anything: it is only spoken to if the configuration names its port.
    """
    from gateway.transports.cables.plugs import Plugged, Plugs  # noqa: PLC0415 - for this command

    loaded = registry.load()

    count = 0

    def on_plugged(plugged: Plugged) -> None:
        nonlocal count
        count += 1
        sure = loaded.plugged(plugged.holds, is_named=False)
        perhaps = loaded.plugged(plugged.holds, is_named=True)
        drivers = ", ".join(item.driver.name for item in sure or perhaps) or "no driver"
        mark = "*" if perhaps and not sure else " "
        port = plugged.address.removeprefix("usb:").split("@")[0]
        nodes = " ".join(node for _, node in plugged.nodes)
        name = " ".join(filter(None, (plugged.maker, plugged.model))) or "-"
        click.echo(f"{port:<28}{mark} usb:{plugged.location:<8} {name:<32} {drivers}  {nodes}".rstrip())

    async def main() -> None:
        plugs = Plugs(on_plugged, lambda location: click.echo(f"usb:{location} was pulled out"))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(None if watch else SECONDS):
                await plugs.watch()

    try:
        asyncio.run(main())
    except (OSError, ImportError) as error:
        raise Failed(f"what is plugged in cannot be seen: {error}") from error
    except KeyboardInterrupt:
        return
    if not count:
        click.echo("this machine shows nothing that is plugged in", err=True)
