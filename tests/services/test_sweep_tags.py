"""Tags that a sweep lists or lists no more: the customer's word, changed at the look, and only where it differs."""

from datetime import timedelta

import pytest

from cloudigrade.models import CloudAccount, Image, TagEvent
from cloudigrade.services import sweeps, usage
from tests.builders import ACCOUNT, AS_OF, HOUR, IMAGE, RHEL_TAG, clock, custom_image, day, launch, moment, stop, tag
from tests.services.swept import ANY, PAYG, Sweeper, described, looked


@pytest.fixture
def sweep(stored):
    return Sweeper(stored)


@pytest.fixture
def tagged(stored):
    """An image of no certain kind that ran on two days, and that its customer's tag says is RHEL."""
    stored.meter(custom_image(), launch("i-1", 6), stop("i-1", 30), tag(1))
    assert stored.counts(day(0))[ANY] == 1
    return stored


def images_listed(hours, *tags, **facts):
    return looked(hours, described("i-1", 6, 30), images=[custom_image(tags=tags, **facts)])


def test_c8_a_tag_that_is_listed_no_more_was_removed_and_its_days_are_answered_anew(tagged, sweep):
    """C8: a tag change left the answers as they were."""
    sweep.record(images_listed(50))

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
    known = TagEvent.objects.count()

    sweep(images_listed(50))

    assert tagged.counts(day(0))[ANY] == 1
    assert TagEvent.objects.count() == known


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
    assert not TagEvent.objects.filter(customer=other.customer_id).exists()


def test_an_image_that_one_customer_begins_to_use_concerns_no_other(stored, make_stored, sweep):
    other = make_stored("22", ["2" * 12])
    other.meter(custom_image(), launch("i-2", 6, account="2" * 12))

    sweep(looked(50, described("i-1", 6), images=[custom_image()]))

    assert other.dirty_days() == []


def test_only_days_are_answered_anew_on_which_an_instance_of_that_customer_ran_from_that_image(stored, make_stored):
    other = make_stored("22", ["2" * 12])
    for customer, native_id in ((stored, ACCOUNT), (other, "2" * 12)):
        fleet = [(f"i-{native_id[0]}1", "ami-1", 6, 24), (f"i-{native_id[0]}2", "ami-2", 30, 80)]
        for name, image, began, ended in fleet:
            customer.meter(launch(name, began, image=image, account=native_id), stop(name, ended, account=native_id))
    first, second = Image.objects.order_by("native_id")

    usage.mark_images(pairs=[(stored.customer_id, first.pk), (other.customer_id, second.pk)], as_of=AS_OF)

    assert (stored.dirty_days(), other.dirty_days()) == ([day(0)], [day(1), day(2), day(3)])


def test_an_instance_that_still_runs_touches_every_day_until_today(stored):
    stored.meter(launch("i-1", 30))

    usage.mark_images(pairs=[(stored.customer_id, Image.objects.get().pk)] * 2, as_of=AS_OF)

    assert stored.dirty_days() == [day(number) for number in range(1, 10)]


def test_a_changed_image_answers_its_days_anew(tagged, sweep):
    sweep(images_listed(50, RHEL_TAG, billing_code=PAYG))

    assert tagged.counts(day(0)).get(ANY, 0) == 0
    assert tagged.rhel_seconds(day(0)) == 18 * HOUR
