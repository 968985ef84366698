"""A day of three AWS accounts in two partitions and four regions, as the service sees it, against its truth."""

from collections.abc import Iterator
from datetime import date
from itertools import pairwise
from random import Random

import pytest

from cloudigrade.clouds.protocol import Batch, Findings
from cloudigrade.domain import days
from cloudigrade.models import Run
from cloudigrade.services import activity, completeness, statuses
from cloudigrade.simulator.timestamps import DAY, HOUR
from tests import aws_server
from tests.aws_server import Aws
from tests.journeys import story
from tests.journeys.service import Service
from tests.journeys.story import ADOPTED, BEIJING, CHINESE, FIRST, PLACES, START, Arrival, Notice, Story

pytestmark = [pytest.mark.enable_socket, pytest.mark.django_db]

END = START + DAY
TUESDAY, WEDNESDAY = date(2026, 3, 3), date(2026, 3, 4)
LOOKS = [START + hours * HOUR for hours in (0, 5, 11, 15, 19, 24, 27)]
"""When everything is looked at; what happens between is heard of as it comes."""


@pytest.fixture(scope="module")
def aws() -> Iterator[Aws]:
    with aws_server.running(("aws", "aws-cn")) as aws:
        yield aws


@pytest.fixture
def service(aws, monkeypatch) -> Service:
    return Service(aws, monkeypatch, partitions=("aws", "aws-cn"))


class Day:
    """The story as it unfolds in AWS."""

    def __init__(self, service: Service, told: Story) -> None:
        self.service = service
        self.told = told
        self.aws = service.aws
        self._luck = Random(story.SEED)

    def take_on(self) -> tuple[int, int]:
        """Two customers, with their accounts connected: one adopted with its organization's trail, two with ours."""
        self.service.second = START
        self._show(START)
        self._make_organization_trail()
        red, blue = self.service.customer("11"), self.service.customer("12")
        self.accounts = {
            FIRST: self.service.let_in(red, FIRST),
            ADOPTED: self.service.let_in(red, ADOPTED),
            CHINESE: self.service.let_in(blue, CHINESE, partition="aws-cn"),
        }
        self.service.learn_sizes()
        for customer in (red, blue):
            self._inspect(customer)
        return red, blue

    def go_on(self) -> None:
        """The day passes; the service looks now and then."""
        self.service.sweep()
        for since, until in pairwise(LOOKS):
            self.service.second = until
            self._deliver(since, until)
            self._show(min(until, END))
            self.service.ingest()
            self.service.poll()
            self.service.describe_unknown()
            if until <= END:
                self.service.sweep()
            self.service.prove()

    def put(self, arrival: Arrival) -> None:
        """The object lies in its bucket."""
        home = {ADOPTED: "us-west-2", CHINESE: "cn-north-1"}.get(arrival.place.account, "us-east-1")
        owner = {"account": ADOPTED} if arrival.place.account == ADOPTED else {}
        s3 = self.aws.client("s3", home, **owner)
        bucket = story.bucket_of(arrival.place)
        s3.put_object(Bucket=bucket, Key=arrival.key, Body=arrival.content, Metadata=arrival.metadata)

    def _deliver(self, since: int, until: int) -> None:
        """What was under way arrives, in any order."""
        everything: list[Arrival | Notice] = [*self.told.arrivals, *self.told.notices]
        due = [one for one in everything if since < one.at <= until]
        self._luck.shuffle(due)
        for one in due:
            if isinstance(one, Arrival):
                self.put(one)
            else:
                partition = "aws-cn" if one.place == BEIJING else "aws"
                self.aws.put_on_queue(self.aws.names.notice_queue, one.body, partition=partition)

    def _show(self, at: int) -> None:
        for place in PLACES:
            instances, images = self.told.described(place, at)
            self.aws.describe(place.account, place.region, instances=instances, images=images)

    def _make_organization_trail(self) -> None:
        self.aws.make_bucket("acme-trails", "us-west-2", ADOPTED)
        self.put(story.early_file())
        trail = self.aws.client("cloudtrail", "us-west-2", ADOPTED)
        trail.create_trail(
            Name="acme-organization", S3BucketName="acme-trails", IsMultiRegionTrail=True, IsOrganizationTrail=True,
            EnableLogFileValidation=True,
        )  # fmt: skip
        selectors = [{"ReadWriteType": "All", "IncludeManagementEvents": True}]
        trail.put_event_selectors(TrailName="acme-organization", EventSelectors=selectors)
        trail.start_logging(Name="acme-organization")

    def _inspect(self, customer_id: int) -> None:
        """What inspections found, which are not what this story is about."""
        found = [
            Findings(image.native_id, image.findings)
            for images in self.told.images.values()
            for image in images
            if image.findings is not None
        ]
        activity.record(
            customer_id=customer_id, cloud="aws", feed="inspection", batch=Batch(findings=found), as_of=self.service.now
        )


@pytest.fixture
def day(service) -> Day:
    told = story.told()
    service.aws.trust(story.KEY)
    return Day(service, told)


def test_a_day_is_metered_as_it_was_and_a_lost_file_is_known_until_it_comes(day, service):
    red, blue = day.take_on()
    day.go_on()
    truth = {
        red: day.told.answer((FIRST, ADOPTED), is_complete=True),
        blue: day.told.answer((CHINESE,), is_complete=True),
    }
    first = day.accounts[FIRST]
    lost = day.told.lost

    # everything else is proven, and right to the second
    service.recalculate()
    assert ran(blue) == really_ran(day.told, (CHINESE,))
    assert service.report(blue, TUESDAY, WEDNESDAY)["days"] == [truth[blue]]
    for native_id in (ADOPTED, CHINESE):
        assert service.complete_until(day.accounts[native_id]) == START + 26 * HOUR - completeness.GRACE

    # the lost file is known, by account, region and hour, and nothing from then on counts as complete
    (gap,) = completeness.gaps([first])[first]
    assert (gap.region, gap.source, gap.reason) == ("us-east-1", lost.key, "is not there")
    assert story.LOST_AT <= days.second_of(gap.starts_at) <= days.second_of(gap.ends_at) < story.LOST_AT + HOUR
    assert service.complete_until(first) == days.second_of(gap.starts_at)
    (status,) = statuses.statuses(account_ids=[first])
    assert (status.native_id, status.gaps.number, status.gaps.region) == (FIRST, 1, "us-east-1")
    before = service.report(red, TUESDAY, WEDNESDAY)["days"]
    assert before[0]["complete"] is False
    assert before != [truth[red] | {"complete": False}]

    day.put(lost)
    service.ingest()

    assert completeness.gaps([first]) == {first: []}
    assert service.complete_until(first) == START + 26 * HOUR - completeness.GRACE
    service.recalculate()
    assert ran(red) == really_ran(day.told, (FIRST, ADOPTED))
    assert service.report(red, TUESDAY, WEDNESDAY)["days"] == [truth[red]]


def ran(customer_id: int) -> list[tuple[str, int, int, int | None]]:
    """Instance, start, end and vCPUs of every run, within the day; pieces that abut are one."""
    rows = Run.objects.filter(instance__account__customer=customer_id).values_list(
        "instance__native_id", "period", "vcpu"
    )
    found = [
        (name, max(days.second_of(period.lower), START), days.second_of(period.upper) if period.upper else END, vcpu)
        for name, period, vcpu in rows
    ]
    return joined([(name, start, min(end, END), vcpu) for name, start, end, vcpu in found])


def really_ran(told: Story, accounts: tuple[str, ...]) -> list[tuple[str, int, int, int | None]]:
    return joined(
        [(span.instance, max(span.start, START), min(span.end, END), span.vcpu) for span in told.spans(accounts)]
    )


def joined(pieces: list[tuple[str, int, int, int | None]]) -> list[tuple[str, int, int, int | None]]:
    whole: list[tuple[str, int, int, int | None]] = []
    for piece in sorted(piece for piece in pieces if piece[1] < piece[2]):
        if whole and (whole[-1][0], whole[-1][2], whole[-1][3]) == (piece[0], piece[1], piece[3]):
            whole[-1] = (*whole[-1][:2], *piece[2:])
        else:
            whole.append(piece)
    return whole
