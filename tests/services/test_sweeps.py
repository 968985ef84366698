"""What a sweep found, in the store: differences at the time that the cloud gives."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from cloudigrade.clouds.protocol import Batch, CustomerProblem, Rejected
from cloudigrade.domain.events import Feed
from cloudigrade.models import CloudAccount, FeedPosition, Instance, InstanceEvent, Quarantine, TagEvent
from cloudigrade.services import accounts, activity, removal, sweeps
from cloudigrade.services.staging import execute
from tests import fake_cloud
from tests.builders import (
    ACCOUNT,
    AS_OF,
    LARGE,
    REGION,
    RHEL_TAG,
    clock,
    custom_image,
    day,
    launch,
    moment,
    red_hat_image,
    stop,
)
from tests.services.owners import Owner
from tests.services.swept import ANY, BYOS, PAYG, Sweeper, converted, described, looked, off

AHEAD = 1000
"""Hours after Monday's beginning; sweeps are recorded 240 hours after it."""


@pytest.fixture
def sweep(stored):
    return Sweeper(stored)


def position(region=REGION):
    return FeedPosition.objects.get(feed="sweep", region=region)


def test_what_runs_is_stored_as_it_is_described(stored, sweep):
    stored.record(LARGE)
    swept = sweep(looked(9, described("i-1", 6), described("i-2", 7, 8), images=[red_hat_image()]))

    assert swept == (1, 2, 3, 0, {})
    assert stored.runs() == [("i-1", 6, None, "m5.large", 2), ("i-2", 7, 8, "m5.large", 2)]
    assert stored.counts(day(0))[ANY] == 2
    assert (position().newest_at, position().problem) == (moment(9), "")
    seen = dict(Instance.objects.values_list("native_id", "seen_on_at"))
    assert seen == {"i-1": clock(9), "i-2": None}


def test_the_same_sweep_again_tells_nothing_new(stored, sweep):
    region = looked(9, described("i-1", 6), off("i-2", 7), images=[red_hat_image()._replace(tags=(RHEL_TAG,))])
    sweep(region)
    before = (stored.everything(), TagEvent.objects.count(), InstanceEvent.objects.count())

    swept = sweep(region._replace(looked_at=clock(10)))

    assert swept == (1, 2, 0, 0, {})
    assert (stored.everything(), TagEvent.objects.count(), InstanceEvent.objects.count()) == before
    assert Instance.objects.get(native_id="i-1").seen_on_at == clock(10)


def test_c52_missed_stops_and_starts_count_at_the_time_that_the_cloud_gives(stored, sweep):
    """C52: whatever a feed missed was dated `now`, at both ends."""
    stored.meter(launch("i-1", 1), launch("i-2", 1), stop("i-2", 2), launch("i-3", 1))

    sweep(looked(9, described("i-1", 1, 5), described("i-2", 6), described("i-3", 1)))

    assert stored.spans() == [("i-1", 1, 5), ("i-2", 1, 2), ("i-2", 6, None), ("i-3", 1, None)]


def test_what_is_listed_but_cannot_be_read_is_kept_and_not_taken_for_gone(stored, sweep):
    stored.meter(launch("i-1", 1), launch("i-2", 1))
    odd = Rejected("eu-west-1/DescribeInstances", "is odd", ACCOUNT, b'{"InstanceId":"i-1"}')

    sweep(looked(9, described("i-2", 1), rejected=[odd]))

    assert stored.spans() == [("i-1", 1, None), ("i-2", 1, None)]
    assert Quarantine.objects.get().reason == "is odd"


def test_c21_a_region_that_cannot_be_looked_at_says_so_and_nothing_follows_from_it(stored, sweep):
    """C21: one denied region ended the description of all."""
    stored.meter(launch("i-1", 1))
    sweep(looked(8, described("i-1", 1)), looked(8, region="us-east-1"))

    swept = sweep(looked(9, problem="denied"), looked(9, region="us-east-1"))

    assert swept == (1, 0, 0, 0, {REGION: "denied"})
    assert stored.spans() == [("i-1", 1, None)]
    assert (position().newest_at, position().problem) == (moment(8), "denied")
    assert (position("us-east-1").newest_at, position("us-east-1").problem) == (moment(9), "")


def test_a_region_that_never_could_be_looked_at_has_no_time(stored, sweep):
    sweep(looked(9, problem="denied"))

    assert (position().newest_at, position().problem) == (None, "denied")


def test_a_region_that_can_be_looked_at_again_bounds_by_the_last_good_look(stored, sweep):
    stored.meter(launch("i-1", 1))
    sweep(looked(8, described("i-1", 1)))
    sweep(looked(9, problem="denied"))
    sweep(looked(10, off("i-1", 1)))

    assert stored.spans() == [("i-1", 1, 9)]
    assert position().problem == ""


def test_a_sweep_that_was_overtaken_changes_nothing(stored, sweep):
    sweep(looked(10, described("i-1", 6)))

    assert sweep(looked(9)) == (0, 0, 0, 0, {})
    assert sweep(looked(9, problem="throttled")).regions == 0
    assert stored.spans() == [("i-1", 6, None)]
    assert (position().newest_at, position().problem) == (moment(10), "")


def test_a_look_by_a_clock_that_was_ahead_does_not_silence_those_after_it(stored, sweep):
    stored.meter(launch("i-1", 1))
    sweep(looked(AHEAD, described("i-1", 1), described("i-2", 1)))

    swept = sweep(looked(200, described("i-1", 1)))

    assert (swept.regions, swept.estimates) == (1, 1)
    assert position().newest_at == moment(200)
    assert [name for name, _, end in stored.spans() if end is None] == ["i-1"]
    assert sweep(looked(199)).regions == 0


def test_a_deadlock_is_tried_again(sweep, monkeypatch):
    original, left = activity.store, ["40P01", "40001"]

    def broken(**given):
        stored = original(**given)
        if left:
            execute(f"DO $$ BEGIN RAISE EXCEPTION 'in the way' USING ERRCODE = '{left.pop()}'; END $$")
        return stored

    monkeypatch.setattr(activity, "store", broken)

    assert sweep(looked(9, described("i-1", 1))).new == 1
    assert left == []


def test_an_account_that_is_not_verified_has_no_say(stored, sweep):
    CloudAccount.objects.update(is_verified=False)

    assert sweep.record(looked(9, described("i-1", 6))).instances == 0
    assert not Instance.objects.exists()
    assert not FeedPosition.objects.exists()


def test_instances_of_other_accounts_are_nothing_of_ours(stored, sweep):
    """A sweep speaks for its own account only."""
    stored.meter(launch("i-1", 1))
    sweep(looked(8, described("i-1", 1)))
    strange = off("i-9", 8.5)._replace(account="999999999999")

    assert sweep(looked(9, described("i-1", 1), strange)).estimates == 0
    assert list(Instance.objects.values_list("native_id", flat=True)) == ["i-1"]


@pytest.mark.parametrize(("before", "after", "counted"), [(PAYG, BYOS, (0, 1)), (BYOS, PAYG, (1, 0))])
def test_a_licence_conversion_takes_effect_at_the_clouds_time(stored, sweep, before, after, counted):
    running = described("i-1", 6)
    sweep(looked(9, running._replace(billing_code=before), images=[custom_image(billing_code=before)]))

    sweep(looked(60, converted(running, 24, after), images=[custom_image(billing_code=before)]))

    assert stored.spans() == [("i-1", 6, 24), ("i-1", 24, None)]
    assert tuple(stored.counts(day(number)).get(ANY, 0) for number in (0, 1)) == counted


def test_an_instance_that_boots_from_another_image_by_now_is_answered_anew(stored, sweep):
    stored.meter(custom_image(), launch("i-1", 6), red_hat_image("ami-2"))
    replaced = described("i-1", 6, image="ami-2")

    sweep.record(looked(30, replaced, images=[red_hat_image("ami-2")]))
    assert stored.dirty_days()[:2] == [day(0), day(1)]
    stored.recalculate()
    assert stored.counts(day(0))[ANY] == 1


def statements(work):
    with CaptureQueriesContext(connection) as captured:
        work()
    said = [str(query["sql"]) for query in captured.captured_queries]
    return len([sql for sql in said if not sql.startswith(("SAVEPOINT", "RELEASE", "BEGIN", "COMMIT"))])


def fleet(hours, *, of):
    """Twenty regions, in each as many instances of as many tagged images as their share."""
    share = of // 20

    def region(number):
        names = [(f"i-{number}x{n}", f"ami-{number}x{n % 3}") for n in range(share)]
        instances = [described(name, 6, image=image)._replace(region=f"xx-test-{number}") for name, image in names]
        images = [red_hat_image(image)._replace(tags=(RHEL_TAG,)) for image in sorted({image for _, image in names})]
        return looked(hours, *instances, images=images, region=f"xx-test-{number}")

    return [region(number) for number in range(1, 21)]


def much_changed(region):
    """One instance gone, one off, and all images with another name and without their tags."""
    images = [image._replace(name="other", tags=()) for image in region.images.described_images]
    _, stopped, *others = region.instances
    stopped = off(stopped.instance, 6, image=stopped.image)._replace(region=region.region)
    return region._replace(instances=[stopped, *others], images=Batch(described_images=images))


@pytest.mark.parametrize("of", [60, 600])
def test_p9_twenty_statements_record_an_account_however_much_runs_in_it(stored, sweep, of):
    """P9: no region and no instance has a statement of its own."""
    counts = []
    for regions in (fleet(9, of=of), fleet(10, of=of), [much_changed(region) for region in fleet(11, of=of)]):
        counts.append(statements(lambda: sweep.record(*regions)))  # noqa: B023 - called at once
        stored.recalculate()

    assert counts == [20, 14, 20]
    assert InstanceEvent.objects.filter(feed=Feed.ESTIMATE).count() == 40


def test_p8_the_cloud_is_asked_before_the_transaction_begins(stored, sweep):
    """P8: a cloud that answers slowly held locks for as long."""
    open_blocks = []

    def slowly():
        open_blocks.append([block for block in connection.atomic_blocks if not getattr(block, "_from_testcase", False)])
        yield looked(9, described("i-1", 6))

    sweeps.record(account_id=sweep.account.pk, sweep=slowly(), now=AS_OF)

    assert open_blocks == [[]]


@pytest.mark.parametrize(
    ("answered", "pause"), [(moment(11.8), 3), (moment(11.99), 1), (moment(9), 45), (moment(1), 60), (None, 1)]
)
def test_an_outage_is_asked_about_again_after_a_quarter_of_its_time(sweep, answered, pause):
    if answered:
        FeedPosition.objects.create(account=sweep.account, region=REGION, feed="sweep", newest_at=answered)

    again = sweeps.retry_at(account_id=sweep.account.pk, now=moment(12), interval=timedelta(hours=1))

    assert again - moment(12) == timedelta(minutes=pause)


@pytest.mark.parametrize("error", [None, CustomerProblem("the role is gone")], ids=["swept", "refused"])
def test_an_account_that_is_removed_meanwhile_is_gone(db, monkeypatch, error):
    cloud = fake_cloud.installed(monkeypatch)
    account = Owner(cloud).connected()
    original = cloud.sweep

    def removing(given):
        yield from original(given)
        removal.remove(account_id=account, now=AS_OF)
        if error:
            raise error

    monkeypatch.setattr(cloud, "sweep", removing)

    with pytest.raises(accounts.Gone, match=f"account {account} is gone"):
        sweeps.sweep(account_id=account, now=AS_OF)
