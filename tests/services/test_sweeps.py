"""What a sweep found, in the store: differences at the time that the cloud gives, and bounds where it gives none."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from cloudigrade.clouds.cloud import RegionSweep
from cloudigrade.clouds.protocol import Batch, Rejected
from cloudigrade.domain.events import Event, Feed, Kind
from cloudigrade.domain.looks import SLACK
from cloudigrade.models import CloudAccount, FeedPosition, Instance, InstanceEvent, Quarantine, TagEvent
from cloudigrade.services import sweeps
from tests import builders
from tests.builders import (
    ACCOUNT,
    AS_OF,
    HOUR,
    IMAGE,
    LARGE,
    REGION,
    RHEL_TAG,
    XLARGE,
    clock,
    custom_image,
    day,
    launch,
    moment,
    red_hat_image,
    start,
    stop,
    tag,
)

ANY = ("_ANY",) * 5
PAYG, BYOS = "RunInstances:0010", "RunInstances:00g0"


def described(name, launched, stopped=None, *, instance_type="m5.large", **more):
    """As tests/builders.py makes them, with the type in the event of an instance that is on."""
    one = builders.described(name, launched, stopped, **more)
    is_on = stopped is None and not one.is_stop_undated
    events = (one.events[0]._replace(instance_type=instance_type if is_on else ""), *one.events[1:])
    return one._replace(instance_type=instance_type, events=events)


def off(name, launched, **more):
    """Found off, and the cloud does not say since when."""
    return described(name, launched, is_stop_undated=True, **more)


def converted(one, hours, code):
    """With a billing code that holds since then."""
    name = f"describe:{one.instance}:{hours}"
    change = Event(name, clock(hours), Kind.ATTRIBUTE_CHANGE, Feed.DESCRIPTION, billing_code=code)
    return one._replace(billing_code=code, events=(*one.events, change))


def looked(hours, *instances, images=(), region=REGION, problem="", **more):
    told = Batch(described_images=[image._replace(region=region) for image in images], **more)
    return RegionSweep(region, clock(hours), list(instances), told, problem)


@pytest.fixture
def account(stored):
    return CloudAccount.objects.get(native_id=ACCOUNT)


@pytest.fixture
def sweep(stored, account):
    """Records a sweep of these regions and makes runs and answers of it."""

    def record(*regions):
        swept = sweeps.record(account_id=account.pk, sweep=iter(regions), now=AS_OF)
        stored.recalculate()
        return swept

    return record


def estimates():
    rows = InstanceEvent.objects.filter(feed=Feed.ESTIMATE).order_by("source_id")
    return [(row.source_id, hours(row.earliest), hours(row.latest)) for row in rows]


def hours(second):
    return (second - clock(0)) / HOUR


def position(region=REGION):
    return FeedPosition.objects.get(feed="sweep", region=region)


SLACK_HOURS = SLACK / HOUR


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


def test_c52_an_undated_stop_is_bounded_by_the_last_two_sweeps_and_marked(stored, sweep):
    stored.meter(launch("i-1", 1))
    sweep(looked(8, described("i-1", 1)))

    swept = sweep(looked(9, off("i-1", 1)))

    assert swept.estimates == 1
    assert stored.spans() == [("i-1", 1, 8.5)]
    (made,) = estimates()
    assert made == ("estimate:i-1:2026-03-02T01:00:00Z:off", 8 - SLACK_HOURS, 9 + SLACK_HOURS)


def test_an_exact_stop_that_arrives_later_takes_the_place_of_the_estimate(stored, sweep):
    stored.meter(launch("i-1", 1))
    sweep(looked(8, described("i-1", 1)))
    sweep(looked(9, off("i-1", 1)))

    stored.meter(stop("i-1", 8.1))

    assert stored.spans() == [("i-1", 1, 8.1)]


def test_an_exact_stop_that_was_there_before_leaves_no_room_for_an_estimate(stored, sweep):
    stored.meter(launch("i-1", 1))
    sweep(looked(8, described("i-1", 1)))
    stored.meter(stop("i-1", 8.1))

    assert sweep(looked(9, off("i-1", 1))).estimates == 0
    assert stored.spans() == [("i-1", 1, 8.1)]


def test_a_later_sweep_does_not_widen_an_estimate(stored, sweep):
    stored.meter(launch("i-1", 1))
    for hour in (8, 9):
        sweep(looked(hour, described("i-1", 1) if hour == 8 else off("i-1", 1)))
    known = estimates()

    assert sweep(looked(12, off("i-1", 1))).new == 0
    assert estimates() == known
    assert stored.spans() == [("i-1", 1, 8.5)]


def test_an_instance_that_came_and_stopped_between_two_sweeps_ran_from_its_launch_into_the_interval(stored, sweep):
    sweep(looked(8))

    sweep(looked(10, off("i-1", 9)))

    ((name, began, ended),) = stored.spans()
    assert (name, began) == ("i-1", 9)
    assert ended == pytest.approx(9.5 + SLACK_HOURS / 2)


def test_an_undated_stop_before_the_first_sweep_is_drift_and_no_guess(stored, sweep):
    assert sweep(looked(9, off("i-1", 6))).estimates == 0

    assert stored.spans() == []
    assert Instance.objects.get().drift == ["found off, without a time, after its launch at 2026-03-02T06:00:00Z"]


def test_a_type_change_while_it_was_off_unseen_takes_effect_at_the_launch(stored, sweep):
    stored.meter(launch("i-1", 1), LARGE, XLARGE)
    sweep(looked(8, described("i-1", 1)))

    sweep(looked(10, described("i-1", 9, instance_type="m5.xlarge")))

    (first, second) = stored.runs()
    assert first[:2] == ("i-1", 1)
    assert first[2] == pytest.approx((8 - SLACK_HOURS + 9) / 2, abs=1 / HOUR)
    assert first[3:] == ("m5.large", 2)
    assert second == ("i-1", 9, None, "m5.xlarge", 4)
    assert Instance.objects.get().drift == []


def test_the_late_records_of_such_a_stop_and_start_take_the_place_of_the_estimate(stored, sweep):
    stored.meter(launch("i-1", 1))
    sweep(looked(8, described("i-1", 1)))
    sweep(looked(10, described("i-1", 9)))

    stored.meter(stop("i-1", 8.25), start("i-1", 9))

    assert stored.spans() == [("i-1", 1, 8.25), ("i-1", 9, None)]


def test_a_type_that_was_changed_while_it_is_off_does_not_undo_the_estimate(stored, sweep):
    """A feed told of the change but not of the stop: what it told is no estimate's to contradict."""
    stored.meter(launch("i-1", 1))
    sweep(looked(8, described("i-1", 1)))
    stored.meter(builders.retype("i-1", 8.25, "m5.xlarge"))

    sweep(looked(9, off("i-1", 1, instance_type="m5.xlarge")))

    before, after = stored.runs()
    assert before == ("i-1", 1, 8.25, "m5.large", None)
    assert after[2] == pytest.approx((8.25 + 9 + SLACK_HOURS) / 2, abs=1 / HOUR)


def test_what_is_not_listed_any_more_is_gone_since_it_was_last_seen(stored, sweep):
    stored.meter(launch("i-1", 1), launch("i-2", 1))
    sweep(looked(8, described("i-1", 1), described("i-2", 1)))

    swept = sweep(looked(10, described("i-2", 1)))

    assert swept.estimates == 1
    assert stored.spans() == [("i-1", 1, 9), ("i-2", 1, None)]
    assert InstanceEvent.objects.get(feed=Feed.ESTIMATE).is_termination
    assert sweep(looked(11, described("i-2", 1))).estimates == 0


def test_what_was_never_seen_and_is_not_listed_is_gone_since_its_launch(stored, sweep):
    stored.meter(launch("i-1", 1))

    sweep(looked(9))

    ((_, began, ended),) = stored.spans()
    assert (began, ended) == (1, pytest.approx(5 + SLACK_HOURS / 2))


def test_what_was_launched_just_now_is_not_taken_for_gone(stored, sweep):
    stored.meter(launch("i-1", 8.9))

    assert sweep(looked(9)).estimates == 0
    assert stored.spans() == [("i-1", 8.9, None)]


def test_news_that_is_not_in_the_runs_yet_is_left_to_the_next_sweep(stored, account):
    stored.meter(launch("i-1", 1))
    stored.record(stop("i-1", 5))

    swept = sweeps.record(account_id=account.pk, sweep=[looked(9)], now=AS_OF)

    assert swept.estimates == 0


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


def test_an_account_that_is_not_verified_has_no_say(stored, account):
    CloudAccount.objects.update(is_verified=False)

    assert sweeps.record(account_id=account.pk, sweep=[looked(9, described("i-1", 6))], now=AS_OF).instances == 0
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


@pytest.fixture
def tagged(stored):
    """An image of no certain kind that ran on two days, and that its customer's tag says is RHEL."""
    stored.meter(custom_image(), launch("i-1", 6), stop("i-1", 30), tag(1))
    assert stored.counts(day(0))[ANY] == 1
    return stored


def images_listed(hours, *tags, **facts):
    return looked(hours, described("i-1", 6, 30), images=[custom_image(tags=tags, **facts)])


def test_c8_a_tag_that_is_listed_no_more_was_removed_and_its_days_are_answered_anew(tagged, account):
    """C8: a tag change left the answers as they were."""
    sweeps.record(account_id=account.pk, sweep=[images_listed(50)], now=AS_OF)

    assert tagged.dirty_days() == [day(0), day(1)]
    tagged.recalculate()
    assert tagged.counts(day(0)).get(ANY, 0) == 0
    removed = TagEvent.objects.get(is_present=False)
    assert (removed.source_id, removed.occurred_at) == (f"sweep:{IMAGE}:{clock(50)}", moment(50) - timedelta(minutes=1))


def test_c8_a_tag_that_is_listed_again_counts_again(tagged, sweep):
    """C8: in the other direction."""
    sweep(images_listed(50))
    sweep(images_listed(51, RHEL_TAG))

    assert tagged.counts(day(0))[ANY] == 1


def test_c9_sweeps_of_the_same_tags_add_no_row_and_the_newest_word_wins(tagged, sweep):
    """C9: the order in which words on a tag are heard does not matter."""
    for hour in (50, 51, 52):
        sweep(images_listed(hour))
    assert TagEvent.objects.count() == 2

    tagged.meter(tag(49))
    assert tagged.counts(day(0)).get(ANY, 0) == 0
    tagged.meter(tag(53))
    assert tagged.counts(day(0))[ANY] == 1


def test_a_tag_set_while_a_sweep_looks_is_not_said_to_be_gone(tagged, sweep):
    tagged.meter(tag(50))

    sweep(images_listed(50))

    assert tagged.counts(day(0))[ANY] == 1


def test_c10_a_tag_that_only_a_sweep_lists_counts_like_one_that_was_set(stored, sweep):
    """C10: the verdict depended on the way an image was found."""
    sweep(images_listed(50, RHEL_TAG))

    assert stored.counts(day(0))[ANY] == 1


def test_what_one_account_does_not_list_may_be_what_another_has_set(tagged, sweep):
    """Each account sees its own tags only."""
    CloudAccount.objects.create(
        customer_id=tagged.customer_id, cloud="aws", native_id="2" * 12, metered_from=moment(0), created_at=moment(0)
    )

    sweep(images_listed(50))

    assert tagged.counts(day(0))[ANY] == 1
    tagged.meter(tag(55, is_present=False))
    sweep(images_listed(60, RHEL_TAG))
    assert tagged.counts(day(0))[ANY] == 1


def test_another_customers_tags_stay_as_they_are(tagged, make_stored):
    other = make_stored("22", ["2" * 12])
    theirs = described("i-2", 6, 30)._replace(account="2" * 12)
    pk = CloudAccount.objects.get(native_id="2" * 12).pk

    sweeps.record(account_id=pk, sweep=[looked(50, theirs, images=[custom_image()])], now=AS_OF)
    tagged.recalculate()

    assert tagged.counts(day(0))[ANY] == 1
    assert other.dirty_days() == []


def test_a_changed_image_answers_its_days_anew(tagged, sweep):
    sweep(images_listed(50, RHEL_TAG, billing_code=PAYG))

    assert tagged.counts(day(0)).get(ANY, 0) == 0
    assert tagged.rhel_seconds(day(0)) == 18 * HOUR


def test_an_instance_that_boots_from_another_image_by_now_is_answered_anew(stored, account):
    stored.meter(custom_image(), launch("i-1", 6), red_hat_image("ami-2"))
    replaced = described("i-1", 6, image="ami-2")

    sweeps.record(account_id=account.pk, sweep=[looked(30, replaced, images=[red_hat_image("ami-2")])], now=AS_OF)
    assert stored.dirty_days()[:2] == [day(0), day(1)]
    stored.recalculate()
    assert stored.counts(day(0))[ANY] == 1


def statements(work):
    with CaptureQueriesContext(connection) as captured:
        work()
    said = [str(query["sql"]) for query in captured.captured_queries]
    return len([sql for sql in said if not sql.startswith(("SAVEPOINT", "RELEASE"))])


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
def test_p9_twenty_statements_record_an_account_however_much_runs_in_it(stored, account, of):
    """P9: no region and no instance has a statement of its own."""
    counts = []
    for regions in (fleet(9, of=of), fleet(10, of=of), [much_changed(region) for region in fleet(11, of=of)]):
        counts.append(statements(lambda: sweeps.record(account_id=account.pk, sweep=regions, now=AS_OF)))  # noqa: B023 - called at once
        stored.recalculate()

    assert counts == [20, 14, 20]
    assert InstanceEvent.objects.filter(feed=Feed.ESTIMATE).count() == 40


def test_p8_the_cloud_is_asked_before_the_transaction_begins(stored, account):
    """P8: a cloud that answers slowly held locks for as long."""
    open_blocks = []

    def slowly():
        open_blocks.append([block for block in connection.atomic_blocks if not getattr(block, "_from_testcase", False)])
        yield looked(9, described("i-1", 6))

    sweeps.record(account_id=account.pk, sweep=slowly(), now=AS_OF)

    assert open_blocks == [[]]


@pytest.mark.parametrize(
    ("answered", "pause"), [(moment(11.8), 3), (moment(11.99), 1), (moment(9), 45), (moment(1), 60), (None, 1)]
)
def test_an_outage_is_asked_about_again_after_a_quarter_of_its_time(stored, account, answered, pause):
    if answered:
        FeedPosition.objects.create(account=account, region=REGION, feed="sweep", newest_at=answered)

    again = sweeps.retry_at(account_id=account.pk, now=moment(12), interval=timedelta(hours=1))

    assert again - moment(12) == timedelta(minutes=pause)
