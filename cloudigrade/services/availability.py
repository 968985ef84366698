"""Whether accounts are available, said to the platform: rows of the outbox, written with what they tell of.

The platform hears of changes, and an answer each time that it waits for one (`asked_at`). What is not known is not
said: an outage tells nothing (C19). It is told whether the credentials that *it* has open the account; so new ones that
do not are told, though the account goes on to be metered by the old ones.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from django.conf import settings
from django.db import transaction

from cloudigrade.domain.problems import Problem
from cloudigrade.models import CloudAccount
from cloudigrade.services import schedules
from cloudigrade.services.schedules import Work
from cloudigrade.services.staging import execute

CHECK_PAUSE = timedelta(minutes=5)
"""In which an account is checked once at most, whoever asks (P10)."""

# Nothing is repeated that still waits to be told, so that a burst of questions gets one answer.
_WRITE = (
    "INSERT INTO cloudigrade_outbox"
    " (lane, org_id, account_number, application_id, status, error, created_at, due_at, attempts)"
    " SELECT n.lane, n.org_id, n.account_number, n.application_id, n.status, n.error, %(now)s, %(now)s, 0"
    " FROM ({names}) AS n WHERE n.lane <> '' AND NOT EXISTS"
    " (SELECT 1 FROM (SELECT status, error FROM cloudigrade_outbox AS o"
    "  WHERE o.lane = n.lane AND o.application_id = n.application_id ORDER BY id DESC LIMIT 1) AS last"
    "  WHERE last.status = n.status AND last.error = n.error) ORDER BY n.place"
)
_OF_CUSTOMERS = _WRITE.format(
    names="SELECT coalesce(nullif(c.org_id, ''), c.account_number, '') AS lane, coalesce(c.org_id, '') AS org_id,"
    " coalesce(c.account_number, '') AS account_number, w.*"
    " FROM unnest(%(customers)s::bigint[], %(applications)s::bigint[], %(statuses)s::text[], %(errors)s::text[])"
    " WITH ORDINALITY AS w (customer_id, application_id, status, error, place)"
    " JOIN cloudigrade_customer AS c ON c.id = w.customer_id"
)
_OF_NOBODY = _WRITE.format(
    names="SELECT %(lane)s AS lane, %(org_id)s AS org_id, %(account_number)s AS account_number,"
    " %(application_id)s::bigint AS application_id, 'unavailable' AS status, %(error)s AS error, 1 AS place"
)


class Word(NamedTuple):
    """What there is to say of an account."""

    status: str
    error: str = ""


GONE = Word("unavailable")


def word(account: CloudAccount) -> Word | None:
    """What is known of the account; None while that is being found out."""
    if account.wanted != "enabled" or account.is_paused:
        return GONE
    if account.problem_code:
        return Word("unavailable", account.problem)
    if account.is_enabled and not account.next_credentials:
        return Word("available")
    return None


def tell(*, account: CloudAccount, now: datetime) -> None:
    """The platform will hear how the locked account is, where it knows it and something is known."""
    _tell([account], now)


def settle(*, account: CloudAccount, before: Word | None, now: datetime) -> None:
    """The platform will hear how the locked account is, where that is news or waited for; the caller saves it."""
    current = word(account)
    if current is None:
        return
    if account.asked_at is not None or current != before:
        _tell([account], now)
    account.asked_at = None


def tell_gone(*, account_id: int, now: datetime) -> None:
    """The platform will hear that the locked account is no longer available; the word outlives the account."""
    _write([(each, GONE) for each in CloudAccount.objects.filter(pk=account_id)], now)


def tell_problem(*, org_id: str, account_number: str, application_id: int, problem: Problem, now: datetime) -> None:
    """The platform will hear why its application has no account."""
    if not settings.PLATFORM.is_managed:
        return
    execute(
        _OF_NOBODY,
        {
            "lane": org_id or account_number,
            "org_id": org_id,
            "account_number": account_number,
            "application_id": application_id,
            "error": problem.sentence,
            "now": now,
        },
    )


@transaction.atomic
def ask(*, source_id: int, customer_id: int | None, now: datetime) -> int:
    """The platform will hear how the source's accounts are, those of one customer where one is named; their number.

    What was looked at just before is answered at once, the rest is checked; an account that is being deleted is left
    to its last word.
    """
    found = CloudAccount.objects.select_for_update(no_key=True).filter(platform_source_id=source_id)
    if customer_id is not None:
        found = found.filter(customer_id=customer_id)
    accounts = list(found.filter(is_synthetic=False).exclude(wanted="deleted").order_by("pk"))
    _tell([each for each in accounts if _is_answered(each, now)], now)
    _look([each for each in accounts if _is_to_be_checked(each, now)], now)
    return len(accounts)


def _is_recent(at: datetime | None, now: datetime) -> bool:
    return at is not None and at > now - CHECK_PAUSE


def _is_answered(account: CloudAccount, now: datetime) -> bool:
    """Whether what is known will do; where a check goes on, its end is waited for."""
    is_unmetered = account.wanted != "enabled" or account.is_paused
    is_known = word(account) is not None and _is_recent(account.checked_at, now) and account.asked_at is None
    return is_unmetered or is_known


def _is_to_be_checked(account: CloudAccount, now: datetime) -> bool:
    return not (_is_answered(account, now) or _is_recent(account.asked_at, now))


def _look(accounts: Sequence[CloudAccount], now: datetime) -> None:
    """The accounts are checked as soon as they may be, and the end of it is told."""
    CloudAccount.objects.filter(pk__in=[each.pk for each in accounts]).update(asked_at=now)
    for work, at in ((Work.CHECK, now), (Work.CONNECT, now), (Work.CONNECT, now + schedules.LEASE)):
        ids = [each.pk for each in accounts if each.credentials and _next_look(each, now) == (work, at)]
        schedules.plan(account_ids=ids, work=[work], at=at)


def _next_look(account: CloudAccount, now: datetime) -> tuple[Work, datetime]:
    """What tells how the account is, and when it is due."""
    is_open = account.is_enabled and not account.next_credentials
    if account.problem_code and not is_open:
        return Work.CONNECT, now
    # without a problem it is being connected already, or tried again soon
    return (Work.CHECK, now) if account.is_enabled else (Work.CONNECT, now + schedules.LEASE)


def _tell(accounts: Iterable[CloudAccount], now: datetime) -> None:
    known = [(each, word(each)) for each in accounts]
    _write([(each, current) for each, current in known if current is not None], now)


def _write(words: Iterable[tuple[CloudAccount, Word]], now: datetime) -> None:
    """Each account's word stands in the outbox, where the platform knows the account."""
    told = [(each, said) for each, said in words if each.platform_application_id is not None and not each.is_synthetic]
    if not told or not settings.PLATFORM.is_managed:
        return
    execute(
        _OF_CUSTOMERS,
        {
            "customers": [each.customer_id for each, _ in told],
            "applications": [each.platform_application_id for each, _ in told],
            "statuses": [said.status for _, said in told],
            "errors": [said.error for _, said in told],
            "now": now,
        },
    )
