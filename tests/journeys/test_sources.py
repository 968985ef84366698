"""The whole Sources story, watched only from outside: what the API answers, and what Sources shows."""

import threading
import time
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import connections
from django.test import Client
from django.utils import timezone
from pydantic import SecretStr

from cloudigrade.domain import days
from cloudigrade.listener import Listener
from cloudigrade.services import sources
from cloudigrade.simulator.timestamps import HOUR
from cloudigrade.tasks import accounts, metering, platform, status, sweeps
from tests import aws_server, kafka_broker
from tests.api import identities
from tests.aws_server import Aws
from tests.clouds.aws.ec2_answers import LAUNCHED, image, instance, reservations
from tests.fakes import sources as fake
from tests.fakes.sources import FakeSources
from tests.journeys.service import Service
from tests.kafka_broker import Servers

pytestmark = [pytest.mark.kafka, pytest.mark.enable_socket, pytest.mark.django_db(transaction=True)]

FIRST, SECOND = "000000000042", "210987654321"
START = days.opening(date(2026, 3, 3)) + 12 * HOUR
REGION, WORD = "us-east-1", "the-customers-own-word"
PATIENCE = 40
CUSTOMER = {"org_id": "11", "account_number": "4242"}


@pytest.fixture(scope="module")
def aws() -> Iterator[Aws]:
    with aws_server.running() as aws:
        yield aws


@pytest.fixture(scope="module")
def kafka() -> Iterator[Servers]:
    with kafka_broker.running() as servers:
        yield servers


@pytest.fixture
def platform_settings(settings, kafka) -> Any:
    topics = {"listener_topic": kafka.topic("events"), "status_topic": kafka.topic("status")}
    settings.PLATFORM = settings.PLATFORM.model_copy(
        update={"kafka_host": str(kafka), "listener_group": "journey", "sources_psk": SecretStr(fake.PSK), **topics}
    )
    settings.IDENTITY_HEADER_TRUSTED = True
    return settings


@pytest.fixture
def shown(platform_settings, kafka) -> Iterator[FakeSources]:
    """Sources, as its customers see it."""
    section = platform_settings.PLATFORM
    with fake.running(kafka, events=section.listener_topic, statuses=section.status_topic) as service:
        platform_settings.PLATFORM = section.model_copy(update={"sources_url": service.url})
        sources.client.cache_clear()
        yield service
        sources.client().close()
        sources.client.cache_clear()


@pytest.fixture
def listening(shown, platform_settings) -> Iterator[Listener]:
    listener = Listener(platform_settings.PLATFORM, clock=lambda: timezone.now(), poll=0.05)  # noqa: PLW0108, TID251 - it is the test's, by then

    def run() -> None:
        try:
            listener.run()
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    yield listener
    listener.stop()
    thread.join(PATIENCE)
    assert not thread.is_alive()


class World:
    """The service with its surroundings; its clock is in the test's hand."""

    def __init__(self, service: Service, shown: FakeSources, kafka: Servers, section: Any) -> None:
        self.service, self.shown, self._kafka, self._section = service, shown, kafka, section
        self._client = Client()

    def role(self, native_id: str, *instances: str) -> str:
        """Of an account where these have run for long."""
        aws = self.service.aws
        policy = self.service.cloud.instructions(external_id=WORD).policy
        listed = reservations([instance(name) for name in instances], native_id)
        images = {"Images": [image("ami-0f1", CreationDate=LAUNCHED.isoformat())]}
        aws.describe(native_id, REGION, instances=listed, images=images)
        return aws.add_role(native_id, partition="aws", external_id=WORD, policies=[policy])

    def settle(self) -> None:
        """What Sources said has been heard and acted on, and it has heard how that went."""
        deadline = time.monotonic() + PATIENCE
        topic, group = self._section.listener_topic, self._section.listener_group
        while sum(self._kafka.committed(topic, group).values()) < self.shown.told:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        platform.act()
        accounts.connect_accounts()
        status.deliver()

    def until(self, day: int, hour: int = 12) -> None:
        """It is then, and the service has looked at everything as it does again and again."""
        self.service.second = days.opening(date(2026, 3, day)) + hour * HOUR
        accounts.connect_accounts()
        sweeps.sweep_accounts()
        sweeps.describe_unknown()
        metering.answer_ended_days()
        metering.rebuild_runs()
        metering.recalculate_usage()

    def ask(self, path: str, **query: str) -> Any:
        answer = self._client.get(f"/api/cloudigrade/v2/{path}/", query, headers=identities.of(**CUSTOMER))
        assert answer.status_code == 200, answer.content
        return answer.json()["data"]

    def accounts(self) -> list[tuple[str, bool, bool]]:
        """Account, whether it is enabled, whether it is paused."""
        return [
            (each["content_object"]["aws_account_id"], each["is_enabled"], each["platform_application_is_paused"])
            for each in self.ask("accounts")
        ]

    def peak(self, day: int) -> int:
        """Instances at one time on that day, of any kind."""
        asked = date(2026, 3, day)
        (found,) = self.ask("concurrent", start_date=str(asked), end_date=str(asked + timedelta(days=1)))
        return max((each["instances_count"] for each in found["maximum_counts"]), default=0)


@pytest.fixture
def world(aws, monkeypatch, shown, kafka, listening, platform_settings) -> World:
    aws.begin_anew(["aws"])
    service = Service(aws, monkeypatch)
    service.second = START
    monkeypatch.setattr(timezone, "now", lambda: service.now)
    # the test says when workers look, so that all of a step happens at one time
    monkeypatch.setattr(platform.act, "delay", lambda: None)
    monkeypatch.setattr(status, "_status", None)
    return World(service, shown, kafka, platform_settings.PLATFORM)


def test_a_source_is_created_metered_paused_unpaused_changed_and_destroyed(world):  # noqa: PLR0915 - one story
    shown = world.shown

    # created: Sources shows it as available, and it is metered from then on
    made = shown.create(world.role(FIRST, "i-0a1"), external_id=WORD, **CUSTOMER)
    world.settle()
    assert shown.availability(made.application_id) == ("available", "")
    assert world.accounts() == [(FIRST, True, False)]
    world.until(5)
    assert world.peak(4) == 1

    # paused: nothing is metered, and nothing is said
    shown.pause(made.application_id)
    world.settle()
    assert world.accounts() == [(FIRST, False, True)]
    assert shown.availability(made.application_id) == ("available", "")
    world.until(7)
    assert [world.peak(day) for day in (5, 6)] == [1, 0]

    # unpaused: it is metered again
    shown.unpause(made.application_id)
    world.settle()
    assert world.accounts() == [(FIRST, True, False)]
    assert shown.availability(made.application_id) == ("available", "")
    world.until(9)
    assert world.peak(8) == 1

    # an ARN that opens nothing is told, and changes nothing
    shown.change(made.authentication_id, username=f"arn:aws:iam::{SECOND}:role/nobodys")
    world.settle()
    state, error = shown.availability(made.application_id)
    assert (state, error[:48]) == ("unavailable", "Could not enable cloud metering. Error code CG30")
    assert world.accounts()[0] == (FIRST, True, False)

    # the ARN of another account, where two run
    shown.change(made.authentication_id, username=world.role(SECOND, "i-0b1", "i-0b2"))
    world.settle()
    world.until(11)
    status.deliver()
    assert shown.availability(made.application_id) == ("available", "")
    assert world.accounts() == [(SECOND, True, False)]
    assert world.peak(10) == 2

    # destroyed: nothing is left of it
    shown.destroy(made.source_id)
    world.settle()
    assert shown.availability(made.application_id) == ("unavailable", "")
    assert world.accounts() == []
