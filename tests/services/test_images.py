"""What is said of images into the store, and what that makes of each customer's verdict."""

import random

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from cloudigrade.clouds.protocol import ImageDescription
from cloudigrade.models import Image, ImageVerdict, Instance, TagEvent
from cloudigrade.services import verdicts
from tests.builders import (
    AS_OF,
    IMAGE,
    OPENSHIFT_TAG,
    REGION,
    RHEL_TAG,
    clock,
    custom_image,
    day,
    described,
    found,
    launch,
    red_hat_image,
    revised,
    stop,
    tag,
)

OTHER = "ami-2"


@pytest.fixture
def running(stored):
    """Two hours of an instance of each of two images, of which nothing is known."""
    stored.meter(launch("i-1", 1), stop("i-1", 3), launch("i-2", 25, image=OTHER), stop("i-2", 27))
    return stored


def verdict(image=IMAGE):
    return ImageVerdict.objects.get(image__native_id=image).rhel


def test_an_instance_of_an_undescribed_image_has_a_verdict_too(running):
    assert verdict() == verdict(OTHER) == "undetermined"
    assert running.rhel_seconds(day(0)) == 0


def test_c8_a_tag_change_answers_the_days_of_its_image_anew(running):
    """C8: the report does not keep the old answer."""
    running.meter(tag(200))

    assert verdict() == "rhel"
    assert [running.rhel_seconds(day(number)) for number in (0, 1)] == [7200, 0]


def test_c9_the_newest_tag_event_of_each_image_wins_however_they_are_mixed(running):
    """C9: set, then another image's, then removed."""
    events = [tag(10), tag(11, image=OTHER), tag(12, is_present=False), tag(13, image=OTHER), tag(14, is_present=False)]
    random.Random(9).shuffle(events)
    running.meter(*events)

    assert (verdict(), verdict(OTHER)) == ("undetermined", "rhel")


@pytest.mark.parametrize("seed", range(6))
def test_c9_no_order_and_no_division_of_tag_events_matters(running, seed):
    """C9: what counts is the cloud's time."""
    events = [tag(10), tag(11, image=OTHER), tag(12, is_present=False), tag(13), tag(15, image=OTHER, is_present=False)]
    chance = random.Random(seed)
    chance.shuffle(events)
    while events:
        size = chance.randint(1, 3)
        running.record(*events[:size])
        del events[:size]

    assert (verdict(), verdict(OTHER)) == ("rhel", "undetermined")


def test_an_addendum_to_a_tag_event_replaces_it_in_either_order(running):
    addendum = tag(10)._replace(is_present=False, revision="2026|b")
    for order in ([tag(10), addendum], [addendum, tag(10)]):
        TagEvent.objects.all().delete()
        for told in order:
            running.record(told)
        assert TagEvent.objects.get().is_present is False


def described_tagged(*keys):
    return custom_image(tags=keys)


def test_c10_a_described_tag_counts_like_one_that_was_set(running):
    """C10: the same verdict whichever way the image was found."""
    running.record(described_tagged(RHEL_TAG))
    by_description = ImageVerdict.objects.get(image__native_id=IMAGE)

    TagEvent.objects.all().delete()
    running.record(tag(1), custom_image())
    by_event = ImageVerdict.objects.get(image__native_id=IMAGE)

    assert by_description.rhel == by_event.rhel == "rhel"
    assert by_description.evidence == by_event.evidence
    assert by_description.reasons == by_event.reasons


@pytest.mark.parametrize("direction", [1, -1])
def test_c10_an_event_beats_a_described_tag_in_either_order(running, direction):
    """C10: the description does not say since when; the event does."""
    for told in [described_tagged(RHEL_TAG), tag(1, is_present=False)][::direction]:
        running.record(told)

    assert verdict() == "undetermined"


def test_a_described_openshift_tag_is_kept_apart(running):
    running.record(described_tagged(OPENSHIFT_TAG))

    kept = ImageVerdict.objects.get(image__native_id=IMAGE)
    assert (kept.rhel, kept.is_openshift) == ("undetermined", True)


def test_a_customers_tag_never_touches_another_customers_verdict(running, make_stored):
    neighbour = make_stored("22", ["000000000099"])
    neighbour.meter(launch("i-9", 1, account="000000000099"))

    running.record(tag(5))

    assert dict(ImageVerdict.objects.filter(image__native_id=IMAGE).values_list("customer__org_id", "rhel")) == {
        "11": "rhel",
        "22": "undetermined",
    }
    assert neighbour.dirty_days() == []


def test_a_description_is_true_for_every_customer(running, make_stored):
    neighbour = make_stored("22", ["000000000099"])
    neighbour.meter(launch("i-9", 49, account="000000000099"), stop("i-9", 50, account="000000000099"))

    running.record(red_hat_image())

    assert set(ImageVerdict.objects.filter(image__native_id=IMAGE).values_list("rhel", flat=True)) == {"rhel"}
    assert running.dirty_days() == [day(0)]
    assert neighbour.dirty_days() == [day(2)]


@pytest.mark.parametrize("rows", [1, 50])
def test_p7_images_that_did_not_change_are_neither_locked_nor_updated(running, rows):
    """P7: a popular image makes no customer wait for another."""
    told = [red_hat_image(f"ami-{number}") for number in range(rows)] + [found(IMAGE)]
    running.record(*told)
    versions = dict(connection_rows("SELECT id, xmin::text FROM cloudigrade_image"))

    running.record(*told)

    assert dict(connection_rows("SELECT id, xmin::text FROM cloudigrade_image")) == versions
    # a lock writes its transaction's number into the row's xmax
    locks = connection_rows("SELECT count(*) FROM cloudigrade_image WHERE xmax = pg_current_xact_id()::xid")
    assert locks == [(0,)]


def connection_rows(query):
    with connection.cursor() as cursor:
        cursor.execute(query)
        return cursor.fetchall()


def test_a_changed_description_replaces_the_old_one(running):
    running.record(red_hat_image())
    running.record(custom_image(billing_code="RunInstances:000g"))

    assert verdict() == "not_rhel"
    assert Image.objects.get(native_id=IMAGE).name == ""


@pytest.mark.parametrize("direction", [1, -1])
def test_a_copy_of_a_red_hat_image_is_rhel_in_whatever_order_they_are_described(running, direction):
    chain = [red_hat_image("ami-origin"), custom_image("ami-between", source_image="ami-origin"),
             custom_image(IMAGE, source_image="ami-between")]  # fmt: skip
    for image in chain[::direction]:
        running.meter(image)

    assert verdict() == "rhel"
    assert running.rhel_seconds(day(0)) == 7200


def test_images_that_are_copies_of_each_other_do_not_hang(running):
    running.record(custom_image(IMAGE, source_image=OTHER), custom_image(OTHER, source_image=IMAGE))

    assert verdict() == "undetermined"


def test_an_image_first_named_without_its_region_gets_the_one_told_later(stored):
    stored.record(found(IMAGE), custom_image(IMAGE))
    stored.record(launch("i-1", 1))

    assert list(Image.objects.values_list("native_id", "region", "is_described")) == [(IMAGE, REGION, True)]
    assert verdict() == "rhel"


def test_findings_of_an_image_known_with_its_region_are_those_of_that_image(stored):
    stored.record(launch("i-1", 1))
    stored.record(found(IMAGE), ImageDescription("", IMAGE))

    assert Image.objects.count() == 1
    assert verdict() == "rhel"


@pytest.mark.parametrize("direction", [1, -1])
def test_the_described_image_of_an_instance_counts_in_either_order(stored, direction):
    for told in [launch("i-1", 1, image=OTHER), described("i-1", 1, image=IMAGE)][::direction]:
        stored.meter(told, red_hat_image(IMAGE))

    assert Instance.objects.values_list("image__native_id", flat=True).get() == IMAGE
    assert stored.rhel_seconds(day(0)) == 23 * 3600


def test_an_image_that_becomes_known_later_answers_the_runs_days_anew(stored):
    stored.meter(red_hat_image(), launch("i-1", 1, image=""), stop("i-1", 30))
    assert stored.totals(day(0))["all"]["instances_peak"] == 1
    assert stored.rhel_seconds(day(0)) == 0

    stored.meter(described("i-1", 1, 30))
    assert [stored.rhel_seconds(day(number)) // 3600 for number in range(3)] == [23, 6, 0]


def test_verdicts_of_no_images_are_none(stored):
    assert verdicts.recalculate(image_ids=[], as_of=AS_OF) == 0


def test_recalculating_verdicts_again_changes_none(running):
    running.record(red_hat_image(), found(OTHER))
    images = list(Image.objects.values_list("id", flat=True))

    assert verdicts.recalculate(image_ids=images, as_of=AS_OF) == 0


def test_recalculating_lost_verdicts_makes_them_again(running):
    running.record(red_hat_image(), found(OTHER))
    before = list(ImageVerdict.objects.order_by("image").values_list("image", "rhel", "reasons", "evidence"))
    ImageVerdict.objects.all().delete()

    images = list(Image.objects.values_list("id", flat=True))
    assert verdicts.recalculate(image_ids=images, as_of=AS_OF) == 2
    assert list(ImageVerdict.objects.order_by("image").values_list("image", "rhel", "reasons", "evidence")) == before


def test_p3_as_many_queries_for_a_thousand_verdicts_as_for_one(stored):
    """P3: verdicts are made from what one query gathers."""

    def queries(prefix, size):
        stored.meter(*(launch(f"i-{prefix}{n}", 1, image=f"ami-{prefix}{n}") for n in range(size)))
        ImageVerdict.objects.all().delete()
        images = list(Image.objects.filter(native_id__startswith=f"ami-{prefix}").values_list("id", flat=True))
        with CaptureQueriesContext(connection) as captured:
            assert verdicts.recalculate(image_ids=images, as_of=AS_OF) == size
        return len(captured)

    assert queries("a", 1) == queries("b", 10) == queries("c", 1000)


@pytest.mark.parametrize("direction", [1, -1])
def test_the_image_of_an_addendum_replaces_the_originals_in_either_order(stored, direction):
    original = launch("i-1", 1, image=OTHER)
    addendum = revised(original, "2|b")._replace(image=IMAGE)
    for told in [original, addendum][::direction]:
        stored.meter(told)

    assert Instance.objects.values_list("image__native_id", flat=True).get() == IMAGE


def test_tags_of_the_same_second_have_a_fixed_winner(running):
    at_once = [tag(10)._replace(source_id="b"), tag(10, is_present=False)._replace(source_id="a")]
    assert {item.occurred_at for item in at_once} == {clock(10)}
    for told in at_once:
        running.record(told)

    assert verdict() == "rhel"
