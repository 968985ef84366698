"""Nudges in, customers and accounts as the platform knows them."""

import logging
from datetime import datetime

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from cloudigrade.redhat import sources, translator
from cloudigrade.redhat.calls import Unanswered
from cloudigrade.services import inactivity, reconciliation, translation
from cloudigrade.tasks import base
from cloudigrade.tasks.accounts import connect_accounts

QUEUE = "upkeep"
"""Of all tasks here; Celery looks it up by their module."""
SHARE = 10
"""Steps of a round for one message; then the next message goes on, so that no task runs for long."""

_log = logging.getLogger(__name__)

_UPKEEP = base.options(seconds=1800)


@shared_task(name="api.tasks.delete_cloud_accounts_not_in_sources", **_UPKEEP)
def begin_reconciliation(**_: object) -> None:
    """Sources is being asked which of our accounts it knows; the others will be deleted."""
    if not _is_connected():
        _log.info("our accounts are not compared with Sources: it is not managed, or has no address or key")
        return
    _log.info("Sources is asked about %d accounts", reconciliation.begin(now=_now()))
    reconcile.delay_on_commit()


@shared_task(name="api.tasks.reconcile_with_sources", **_UPKEEP)
def reconcile(**_: object) -> None:
    """The round that was begun has gone on; once Sources has answered, it is decided which accounts go."""
    if not _is_connected():
        return
    if _ask():
        reconcile.delay_on_commit()
        return
    try:
        gone = reconciliation.decide(now=_now())
    except reconciliation.Refused as refusal:
        _log.error("%s; look with `cloudigrade reconcile --dry-run`, and say --force if it is right", refusal)
        return
    if gone:
        _log.warning("%d accounts are not known to Sources, and will be deleted", gone)
        connect_accounts.delay_on_commit()


@shared_task(name="api.tasks.delete_inactive_users", **_UPKEEP)
def remove_inactive(**_: object) -> None:
    """Customers who came to nothing are gone."""
    _log.info("%d inactive customers are gone", inactivity.remove_inactive(now=_now()))


@shared_task(name="api.tasks.migrate_account_numbers_to_org_ids", **_UPKEEP)
def translate_account_numbers(**_: object) -> None:
    """Customers who were known by their account number alone have the org id that the platform knows."""
    service = translator.connected(settings.PLATFORM)
    if service is None:
        _log.warning("no account number is translated: no tenant translator is set (TENANT_TRANSLATOR_HOST)")
        return
    try:
        done = translation.translate_all(service)
    except translator.TranslatorUnavailable as problem:
        _log.warning("account numbers are translated another time: %s", problem)
        return
    finally:
        service.close()
    if done.contradictions:
        _log.error("%d customers have an account number whose org id is another customer's", done.contradictions)
    _log.info("%d customers have their org id now; of %d it is not known", done.named, done.unknown)


def _ask() -> bool:
    """Whether there is more to ask after this message's share."""
    api = sources.connected(settings.PLATFORM)
    try:
        for _ in range(SHARE):
            if not reconciliation.ask_some(sources=api, now=_now()):
                return False
    except Unanswered as problem:
        _log.warning("Sources is asked about the rest of our accounts later: %s", problem)
        return False
    finally:
        api.close()
    return True


def _is_connected() -> bool:
    platform = settings.PLATFORM
    return platform.is_managed and bool(platform.sources_url and platform.sources_psk.get_secret_value())


def _now() -> datetime:
    return timezone.now()  # noqa: TID251 - a task's time begins here
