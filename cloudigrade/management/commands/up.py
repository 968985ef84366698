"""`cloudigrade up`: the whole service on one machine, with its own database and no other server."""

import argparse
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from django.conf import settings
from django.core.management.base import CommandParser

from cloudigrade.management import base, claims, service


class Command(base.Command):
    """The service at the command line."""

    help = "run the whole service on this machine: database, API, worker and beat"
    database: ClassVar[base.Database | None] = "existing"
    variables: ClassVar[Mapping[str, str]] = service.VARIABLES
    _listener: socket.socket

    def add_arguments(self, parser: CommandParser) -> None:
        """Where the data is, and where the API answers."""
        parser.add_argument("--data", type=Path, metavar="DIR", help=f"default: {settings.DATA_FOLDER}")
        add_port(parser)

    def validate(self, options: Mapping[str, Any]) -> None:
        """The data folder and the port are ours, or one line says whose they are."""
        service.stop_on_signals()
        claims.claim_folder((options["data"] or settings.DATA_FOLDER).absolute())
        self._listener = claims.claim_port(options["port"])

    def handle(self, *_: object, **__: object) -> None:
        """The service has run until a signal ended it."""
        with service.running(self._listener, self.stderr.write) as processes:
            announce(self.stdout.write, self._listener)
            self.stdout.flush()
            service.serve(processes)


def add_port(parser: CommandParser) -> None:
    """The option `--port`."""
    parser.add_argument(
        "--port",
        type=_port,
        default=settings.WEB_PORT,
        metavar="PORT",
        help=f"port of the API at {claims.HOST}; 0: any that is free (default: {settings.WEB_PORT})",
    )


def announce(write: Any, listener: socket.socket) -> None:
    """The person at the terminal knows where the service is."""
    address = f"http://{claims.HOST}:{listener.getsockname()[1]}/"
    write(f"cloudigrade is up at {address} with its logs in {settings.DATA_FOLDER / 'log'}; Ctrl-C stops it")


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65_535:  # noqa: PLR2004 - the largest port
        raise argparse.ArgumentTypeError(f"{text!r} is no port from 0 to 65535")
    return int(text)
