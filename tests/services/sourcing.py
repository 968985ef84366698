"""A Sources that answers, and short ways to say what happened in it and to see what came of it."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from cloudigrade.models import CloudAccount, Outbox
from cloudigrade.redhat import messages
from cloudigrade.redhat.messages import Event
from cloudigrade.redhat.sources import Sources
from cloudigrade.services import sources
from tests.builders import AS_OF
from tests.fakes import sources as fake
from tests.fakes.sources import FakeSources, Made


@contextmanager
def answering(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeSources]:
    """Whoever asks Sources asks this one."""
    with fake.running() as service:
        api = Sources(service.url, fake.PSK, timeout=2, sleep=lambda _: None)
        monkeypatch.setattr(sources, "client", lambda: api)
        yield service
        api.close()


def create(made: Made, org_id: str = "11", account_number: str = "") -> None:
    ids = {"application_id": made.application_id, "authentication_id": made.authentication_id}
    act(Event(messages.CLAIMED, org_id, account_number, "", ids))


def act(event: Event) -> None:
    sources.act_now(event=event, now=AS_OF)


def say(event_type: str, pk: str, org_id: str = "11", account_number: str = "") -> None:
    act(Event(event_type, org_id, account_number, "", {"id": pk}))


def said() -> list[tuple[str, str, str]]:
    """What is to be told to the platform: application, status and code."""
    rows = Outbox.objects.order_by("id").values_list("application_id", "status", "error")
    return [(str(pk), status, error.partition("code ")[2][:6]) for pk, status, error in rows]


def only() -> CloudAccount:
    return CloudAccount.objects.get()
