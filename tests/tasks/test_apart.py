"""One account's trouble: logged, and the others go on; what ends or repeats the task still does."""

import pytest
from celery.exceptions import SoftTimeLimitExceeded
from django.db import InterfaceError, OperationalError

from cloudigrade.services.accounts import Gone
from cloudigrade.services.schedules import Work
from cloudigrade.tasks.apart import Apart


def test_what_nobody_expected_is_logged_with_its_place(caplog):
    with Apart(Work.SWEEP, 42):
        raise KeyError("odd")

    (entry,) = caplog.records
    assert (entry.levelname, entry.getMessage()) == ("ERROR", "sweep of account 42 failed")
    assert "KeyError: 'odd'" in caplog.text


@pytest.mark.parametrize("error", [OperationalError, InterfaceError, SoftTimeLimitExceeded, SystemExit])
def test_what_is_of_the_task_passes(error, caplog):
    with pytest.raises(error), Apart(Work.SWEEP, 42):
        raise error
    assert caplog.records == []


def test_an_account_that_is_removed_meanwhile_is_one_line(caplog):
    caplog.set_level("INFO")
    with Apart(Work.POLL, 42):
        raise Gone(42)

    (entry,) = caplog.records
    assert (entry.levelname, entry.getMessage()) == ("INFO", "poll ends: account 42 is gone")
