"""`cloudigrade up`: the whole service on one machine, with its own database and no other server."""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from cloudigrade.management import base, claims, service


class Command(base.Command):
    """The service at the command line."""

    help = "run the whole service on this machine: database, API, worker and beat"
    database: ClassVar[base.Database | None] = "existing"
    variables: ClassVar[Mapping[str, str]] = service.VARIABLES
    _listeners: service.Listeners

    def add_arguments(self, parser: CommandParser) -> None:
        """Where the data is, and where the API answers."""
        parser.add_argument("--data", type=Path, metavar="DIR", help=f"default: {settings.DATA_FOLDER}")
        add_ports(parser)

    def validate(self, options: Mapping[str, Any]) -> None:
        """The data folder and the ports are ours, or one line says whose they are."""
        service.stop_on_signals()
        claims.claim_folder((options["data"] or settings.DATA_FOLDER).absolute())
        self._listeners = claim_ports(options)

    def handle(self, *_: object, **__: object) -> None:
        """The service has run until a signal ended it."""
        with service.running(self._listeners, self.stderr.write) as processes:
            announce(self.stdout.write, self._listeners)
            self.stdout.flush()
            service.serve(processes)


def add_ports(parser: CommandParser) -> None:
    """The options `--port` and `--internal-port`."""
    parser.add_argument(
        "--port",
        type=_port,
        default=settings.WEB_PORT,
        metavar="PORT",
        help=f"port of the API at {claims.HOST}; 0: any that is free (default: {settings.WEB_PORT})",
    )
    parser.add_argument(
        "--internal-port",
        type=_port,
        metavar="PORT",
        help=f"port of the internal API, likewise (default: {settings.INTERNAL_PORT}, or 0 with --port 0)",
    )


def claim_ports(options: Mapping[str, Any]) -> service.Listeners:
    """Both ports are ours."""
    port, internal = options["port"], options["internal_port"]
    if internal is None:
        internal = settings.INTERNAL_PORT if port else 0
    if port and port == internal:
        raise CommandError("the internal API needs a port of its own; choose one with --internal-port", returncode=2)
    return service.Listeners(claims.claim_port(port), claims.claim_port(internal, option="--internal-port"))


def announce(write: Any, listeners: service.Listeners) -> None:
    """The person at the terminal knows where the service is."""
    public, internal = (f"http://{claims.HOST}:{one.getsockname()[1]}/" for one in listeners)
    logs = settings.DATA_FOLDER / "log"
    write(f"cloudigrade is up at {public} (internal API: {internal}) with its logs in {logs}; Ctrl-C stops it")


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65_535:  # noqa: PLR2004 - the largest port
        raise argparse.ArgumentTypeError(f"{text!r} is no port from 0 to 65535")
    return int(text)
