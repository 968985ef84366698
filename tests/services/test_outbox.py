"""Words out of the store: lanes are claimed one worker at a time, in order, and nothing is lost when one dies."""

from datetime import timedelta

import pytest

from cloudigrade.models import Outbox
from cloudigrade.redhat.status import Word
from cloudigrade.services import outbox
from tests.builders import AS_OF

SECOND = timedelta(seconds=1)


@pytest.fixture(autouse=True)
def _store(db):
    pass


def add(lane, *, number=1, at=AS_OF):
    words = [
        Outbox(lane=lane, org_id=lane, application_id=place, status="available", created_at=at, due_at=at)
        for place in range(number)
    ]
    return [each.pk for each in Outbox.objects.bulk_create(words)]


def claim(now=AS_OF, **more):
    return {lane: [word.id for word in words] for lane, words in outbox.claim(now=now, **more).items()}


def waits():
    """When the words that are left are due, in seconds, and how often they were tried."""
    return {each.pk: ((each.due_at - AS_OF) / SECOND, each.attempts) for each in Outbox.objects.order_by("id")}


def test_lanes_are_claimed_in_order_and_whole():
    first, second = add("11", number=3), add("12", number=2)

    assert claim() == {"11": first, "12": second}
    assert claim() == {}, "they are somebody's"
    assert not outbox.is_due(now=AS_OF)


def test_a_word_is_told_with_all_its_names():
    Outbox.objects.create(
        lane="11", org_id="11", account_number="0042", application_id=8, status="unavailable", error="CG3002",
        created_at=AS_OF, due_at=AS_OF,
    )  # fmt: skip

    ((word,),) = outbox.claim(now=AS_OF).values()

    assert word == Word(Outbox.objects.get().pk, "11", "0042", 8, "unavailable", "CG3002")


def test_of_many_lanes_the_oldest_come_first_and_of_many_words_the_first():
    lanes = {str(lane): add(str(lane), number=3) for lane in (12, 11, 13)}

    assert claim(lanes=2, words=2) == {"11": lanes["11"][:2], "12": lanes["12"][:2]}
    assert claim(lanes=2, words=2) == {"13": lanes["13"][:2]}


def test_a_later_word_never_overtakes_one_that_waits():
    """O4: whatever fails, what is said last of an application is said last."""
    first = add("11", number=2)
    claimed = outbox.claim(now=AS_OF)
    add("11")

    assert claim() == {}
    assert outbox.finish(claimed=claimed, told=[], now=AS_OF, until=AS_OF + outbox.LEASE) == 2
    assert claim(AS_OF + 4 * SECOND) == {}
    assert claim(AS_OF + 5 * SECOND)["11"][:2] == first


def test_what_was_told_is_gone_and_the_rest_of_the_lane_goes_on():
    first = add("11", number=3)
    claimed = outbox.claim(now=AS_OF, words=2)

    assert outbox.finish(claimed=claimed, told=first[:2], now=AS_OF, until=AS_OF + outbox.LEASE) == 0

    assert waits() == {first[2]: (0, 0)}
    assert claim() == {"11": first[2:]}


def test_pauses_grow_up_to_ten_minutes():
    (word,) = add("11")
    now, pauses = AS_OF, []
    for _ in range(9):
        claimed = outbox.claim(now=now)
        outbox.finish(claimed=claimed, told=[], now=now, until=now + outbox.LEASE)
        due_at = Outbox.objects.get(pk=word).due_at
        pauses.append((due_at - now) / SECOND)
        now = due_at

    assert pauses == [5, 10, 20, 40, 80, 160, 320, 600, 600]


def test_a_worker_that_dies_leaves_its_lanes_to_another_who_begins_with_the_first_word():
    first = add("11", number=2)
    assert claim() == {"11": first}

    later = AS_OF + outbox.LEASE
    assert claim(later - SECOND) == {}
    assert claim(later) == {"11": first}


def test_a_worker_that_comes_back_late_takes_nothing_from_the_one_that_took_over():
    first = add("11", number=2)
    slow = outbox.claim(now=AS_OF)
    later = AS_OF + outbox.LEASE
    assert claim(later) == {"11": first}

    outbox.finish(claimed=slow, told=[], now=later, until=AS_OF + outbox.LEASE)

    assert waits()[first[0]] == (2 * outbox.LEASE / SECOND, 0), "the other's lease holds"
    assert claim(later) == {}


def test_p12_any_number_of_lanes_costs_the_same(django_assert_num_queries):
    ids = [pk for lane in range(100) for pk in add(str(lane))]

    with django_assert_num_queries(7):  # savepoints among them
        claimed = outbox.claim(now=AS_OF)
        outbox.finish(claimed=claimed, told=ids[:50], now=AS_OF, until=AS_OF + outbox.LEASE)
