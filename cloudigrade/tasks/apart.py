"""One account's trouble costs no other account that the same message is for."""

import logging
from types import TracebackType

from celery.exceptions import SoftTimeLimitExceeded
from django.db import InterfaceError, OperationalError

from cloudigrade.services.accounts import Gone
from cloudigrade.services.schedules import Work

_log = logging.getLogger(__name__)

_OF_THE_TASK = (InterfaceError, OperationalError, SoftTimeLimitExceeded)
"""Of no account: the task is tried again, or has to end."""


class Apart:
    """What nobody expected is logged, and the others go on; the account is due again when its claim is over."""

    def __init__(self, work: Work | str, account_id: int) -> None:
        self._work = work
        self._account_id = account_id

    def __enter__(self) -> None:
        """Nothing has gone wrong so far."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        """Whether the error, if there is one, ends here."""
        if isinstance(error, Gone):  # removed meanwhile, and nothing is left to do for it
            _log.info("%s ends: %s", self._work, error)
            return True
        if not isinstance(error, Exception) or isinstance(error, _OF_THE_TASK):
            return False
        _log.error("%s of account %d failed", self._work, self._account_id, exc_info=error)
        return True
