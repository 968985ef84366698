"""A worker that dies at a step that it is told: `python -m tests.journeys.mortal`.

It loads everything once and forks for each life, so that a life costs a fraction of a second. Each line of its input
begins one: `drain STEPS` drains the queues, `look STEPS SECOND` looks into images at that time; 0 steps are as many as
it takes. A step is the beginning or the end of an SQL statement, a commit or a request to AWS. Each life is answered
with a line: `died`, or `done`.
"""

import os
import signal
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from functools import wraps
from typing import Any

import django
from botocore.httpsession import URLLib3Session
from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper

AS_OF = datetime(2026, 3, 5, tzinfo=UTC)


class Fate:
    """Counts steps, and kills this process at the last of them as nothing but SIGKILL does: at once."""

    def __init__(self, steps: int) -> None:
        self._left = steps
        self._lock = threading.Lock()

    def step(self) -> None:
        with self._lock:
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    def around(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, a step before it and one after it."""

        @wraps(function)
        def stepping(*arguments: Any, **more: Any) -> Any:
            self.step()
            answer = function(*arguments, **more)
            self.step()
            return answer

        return stepping

    def statement(self, execute: Callable[..., Any], *details: Any) -> Any:
        """As Django wraps statements."""
        return self.around(execute)(*details)


def drain() -> None:
    """The queues are drained, and what that changed is recalculated."""
    from cloudigrade.clouds.aws import queues  # noqa: PLC0415 - wants Django to be set up
    from cloudigrade.services import clouds, ingest, runs, usage  # noqa: PLC0415 - likewise

    setattr(queues, "AT_ONCE", 1)  # noqa: B010 - final; ten messages a delivery, so that there are many
    for _ in ingest.drained(cloud=clouds.get("aws"), clock=lambda: AS_OF):
        runs.recalculate_all(as_of=AS_OF)
    runs.recalculate_all(as_of=AS_OF)
    usage.recalculate_all(as_of=AS_OF)


def look(second: str) -> None:
    """Whatever image is due has been looked into."""
    from tests.journeys import looking  # noqa: PLC0415 - wants Django to be set up

    looking.work(lambda: datetime.fromtimestamp(int(second), UTC))


_WORK: dict[str, Callable[..., None]] = {"drain": drain, "look": look}


def live(work: str, steps: str, *given: str) -> None:
    """The work is done, or this process is dead."""
    from cloudigrade.clouds.aws import queues  # noqa: PLC0415 - wants Django to be set up

    fate = Fate(int(steps))
    setattr(BaseDatabaseWrapper, "commit", fate.around(BaseDatabaseWrapper.commit))  # noqa: B010 - mypy forbids the plain way
    setattr(URLLib3Session, "send", fate.around(URLLib3Session.send))  # noqa: B010 - likewise
    queues.WAIT = 0
    with connection.execute_wrapper(fate.statement):
        _WORK[work](*given)


def main() -> None:
    """One life after the other, until the input ends."""
    django.setup()
    from cloudigrade.services import clouds  # noqa: PLC0415 - wants Django to be set up

    clouds.get("aws")
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            live(*line.split())
            os._exit(0)
        _, status = os.waitpid(child, 0)
        is_killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
        answer = "died" if is_killed else "done" if status == 0 else f"failed with {status}"
        sys.stdout.write(f"{answer}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
