"""The Celery worker as a program, `python -m cloudigrade.config.worker`: it serves every queue of our tasks."""

import sys
from collections.abc import Sequence

import django

from cloudigrade.config import celery


def main(options: Sequence[str]) -> None:
    """A worker has run until it was told to stop."""
    django.setup()
    celery.app.worker_main(["worker", "--queues", ",".join(celery.queues()), *options])


if __name__ == "__main__":
    main(sys.argv[1:])
