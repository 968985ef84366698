"""Messages that were received in vain too often: counted, and brought back once what stood in their way is gone."""

import logging

from cloudigrade.clouds import registry
from cloudigrade.clouds.cloud import QueueLength
from cloudigrade.clouds.protocol import Unavailable, Unreadable
from cloudigrade.services import clouds

_log = logging.getLogger(__name__)


def queues() -> list[QueueLength]:
    """Our queues in every cloud, and how much waits in them; raises Unavailable where none can be asked."""
    found: list[QueueLength] = []
    failed: Unavailable | None = None
    for name in registry.names():
        try:
            for length in clouds.get(name).queues():
                found.append(length)  # noqa: PERF402 - what came before a failure counts
        except Unavailable as problem:
            _log.warning("not every queue can be asked: %s", problem)
            failed = problem
    if failed and not found:
        raise failed
    return found


def replay(queue: str) -> int:
    """The dead letters of the queue wait in it again; their number. Raises Unreadable for no queue of ours."""
    for name in registry.names():
        try:
            return clouds.get(name).redrive(queue)
        except Unreadable:
            continue
    raise Unreadable(f"{queue}: no queue of ours")
