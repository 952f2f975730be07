"""What several commands need: the configuration option, logging, and sentences for errors."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import structlog

from gateway.config import Config, load
from gateway.errors import ConfigError
from gateway.lately import LATELY

DEFAULT = Path("/etc/health-gateway/config.toml")

config_option: Callable[[Any], Any] = click.option(
    "-c",
    "--config",
    "path",
    type=click.Path(path_type=Path, dir_okay=False),
    default=DEFAULT,
    show_default=True,
    help="The configuration file.",
)


class Failed(click.ClickException):
    """Something did not work: one sentence, exit status 1."""


def load_config(path: Path) -> Config:
    """The configuration, or every problem of it and exit status 2. Without a file at the default place, the defaults."""
    if path == DEFAULT and not path.exists():
        return Config()
    try:
        return load(path)
    except ConfigError as error:
        click.echo(str(error), err=True)
        sys.exit(2)


def set_up_logging(level: str, form: str, *, for_good: bool = True) -> None:
    """To stderr. Health values and raw frames are in no event. `for_good`: each logger keeps what it is told first, which is quicker."""
    number = logging.getLevelNamesMapping()[level.upper()]
    renderer: Any = structlog.processors.JSONRenderer() if form == "json" else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.StackInfoRenderer(),
            structlog.processors.format_exc_info,
            LATELY,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=for_good,
    )
    # Libraries below: warnings only, and without what they were sent.
    logging.basicConfig(level=logging.ERROR, stream=sys.stderr, format="%(name)s: %(levelname)s")
