"""The command line: thin. Each command is imported only when it is called, so that `--help` is quick."""

from __future__ import annotations

import importlib
import sys
from typing import Any

import click

from gateway import __version__
from gateway.errors import StateError

_COMMANDS = {
    "run": "gateway.cli.daemon:run",
    "demo": "gateway.cli.demo:demo",
    "check": "gateway.cli.daemon:check",
    "doctor": "gateway.cli.doctor:doctor",
    "setup": "gateway.cli.setup:setup",
    "scan": "gateway.cli.radio:scan",
    "ports": "gateway.cli.ports:ports",
    "pair": "gateway.cli.pairing:pair",
    "forget": "gateway.cli.pairing:forget",
    "capture": "gateway.cli.capture:capture",
    "drivers": "gateway.cli.radio:drivers",
    "driver": "gateway.cli.driver:driver",
    "devices": "gateway.cli.devices:devices",
    "decode": "gateway.cli.bytes:decode",
    "replay": "gateway.cli.bytes:replay",
    "page": "gateway.cli.page:page",
    "status": "gateway.cli.state:status",
    "inbox": "gateway.cli.people:inbox",
    "consent": "gateway.cli.consent:consent",
    "export": "gateway.cli.state:export",
    "backup": "gateway.cli.backup:backup",
    "restore": "gateway.cli.backup:restore",
    "verify": "gateway.cli.verify:verify",
    "audit": "gateway.cli.audit:audit",
    "rejected": "gateway.cli.state:rejected",
    "release-time": "gateway.cli.state:release_time",
    "subscribe": "gateway.cli.queue:subscribe",
    "purge": "gateway.cli.purge:purge",
    "new-key": "gateway.cli.new_key:new_key",
    "sink": "gateway.cli.sinks:sink",
    "collect": "gateway.cli.collect:collect",
    "retry": "gateway.cli.state:retry",
    "schema": "gateway.cli.bytes:schema",
}
_HELP = {
    "run": "Read health devices and forward what they say, until stopped.",
    "demo": "Show the whole way from radio to record, with virtual devices.",
    "check": "Check a configuration file and the machine it is for.",
    "setup": "Write a first configuration, by question and answer.",
    "doctor": "Say what hinders the gateway on this machine, and what helps.",
    "scan": "List the Bluetooth devices in the air and which driver each would get.",
    "ports": "List what is plugged in and which driver each would get.",
    "pair": "Pair with a device of the configuration, and type the number that it shows.",
    "forget": "Remove a device's bond from this hub.",
    "capture": "Record a device's conversation into a file.",
    "drivers": "List the drivers, or say why a device gets the one it gets.",
    "driver": "Write a driver, and test it: new, test, serve, try.",
    "devices": "Say which devices are read, or tell of one.",
    "decode": "Say what the bytes of a characteristic mean.",
    "replay": "Read a capture through its driver again.",
    "page": "Say where the local page is, and how to get in.",
    "status": "Say how the running gateway is doing.",
    "inbox": "Say whose readings are that belong to nobody yet, or to the wrong person.",
    "consent": "Say who agrees that what goes to which sink.",
    "export": "Write out everything in the journal.",
    "backup": "Copy everything that must outlive this hub into a file.",
    "restore": "Put a backup into an empty state directory.",
    "verify": "Check that things are what this gateway signed, and all of them.",
    "audit": "Show who did what with the gateway, and check that this is all.",
    "rejected": "List or export frames that no driver could read.",
    "release-time": "File readings that wait for the hub's clock as they are.",
    "purge": "Erase everything of a person from this hub.",
    "sink": "Say how far each way out has come, and change that by hand.",
    "collect": "Read the queue of any number of hubs into a PostgreSQL database.",
    "subscribe": "Print what arrives at the queue, as its consumer.",
    "retry": "Try again what sinks have refused or hold back.",
    "new-key": "Make a key to encrypt what is stored.",
    "schema": "Print the JSON Schema of the things.",
}


class _Lazy(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        if name not in _COMMANDS:
            return None
        module, attribute = _COMMANDS[name].split(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except StateError as error:
            raise click.ClickException(str(error)) from error

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        with formatter.section("Commands"):
            formatter.write_dl(list(_HELP.items()))


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="health-gateway")
def root() -> None:
    """Collects readings from home health devices, keeps them safe and hands them to a record service.

    Not for alarms or time-critical monitoring.
    """


def main() -> None:
    """Exit status: 0 well, 1 it did not work, 2 the command or the configuration is wrong."""
    try:
        root(prog_name="health-gateway")
    except BrokenPipeError:
        # Whoever read our output has enough of it (`… | head`).
        sys.stderr.close()
        sys.exit(0)
