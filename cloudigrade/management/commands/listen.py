"""`cloudigrade listen`: what Sources says in Kafka is recorded, to be acted on by the workers."""

import signal
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from cloudigrade.listener import Listener
from cloudigrade.management import arguments, base

BAD_USAGE = 2


class Command(base.Command):
    """Runs a listener until a signal ends it."""

    help = "record what Sources says in Kafka"
    database: ClassVar[base.Database | None] = "existing"
    _listener: Listener

    def add_arguments(self, parser: CommandParser) -> None:
        """Where the data is."""
        parser.description = (
            "Records the messages of Sources in the database; the workers act on them. Any number of listeners may run:"
            " they share the topic's partitions. SIGTERM ends it within seconds, and nothing is lost. Exit status: 0"
            " after a signal; 2 where no Kafka is set."
        )
        arguments.add_data(parser)

    def validate(self, options: Mapping[str, Any]) -> None:  # noqa: ARG002 - the environment says it all
        """There is a Kafka; from here on, a signal ends the listener in order."""
        if not settings.PLATFORM.bootstrap_servers:
            raise CommandError("no Kafka is set; set KAFKA_SERVER_HOST", returncode=BAD_USAGE)
        self._listener = Listener(settings.PLATFORM, clock=_now)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._listener.stop())

    def handle(self, *_: object, **__: object) -> None:
        """The listener has run until a signal ended it."""
        self._listener.run()


def _now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - a command may look at the clock
