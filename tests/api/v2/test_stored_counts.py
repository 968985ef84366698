from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudigrade.api.v2 import stored_counts
from cloudigrade.api.v2.stored_counts import Answer, Page, Shelf
from cloudigrade.models import ConcurrentUsage, Customer
from tests.api.conftest import store_usage

FIRST = date(2026, 3, 1)
LAST = date(2026, 3, 5)
PAGES = [Page(1, FIRST, FIRST), Page(1, FIRST, LAST), Page(1, LAST, LAST), Page(2, FIRST, LAST)]
ROOM_FOR_ONE = 512 + 1 + 10


def _answer(versions: str, size: int = 10) -> Answer:
    return Answer(versions, b"x" * size)


def _held(shelf: Shelf) -> dict[Page, Answer]:
    return {page: answer for page in PAGES if (answer := shelf.take(page))}


def test_a_shelf_gives_what_it_was_given_for_the_same_page_only():
    shelf = Shelf(10_000)
    shelf.keep(PAGES[1], _answer("a"))
    shelf.keep(PAGES[2], _answer("b"))

    assert _held(shelf) == {PAGES[1]: _answer("a"), PAGES[2]: _answer("b")}


def test_a_newer_answer_takes_the_place_of_the_older():
    shelf = Shelf(2 * ROOM_FOR_ONE)
    for versions in "abcdef":
        shelf.keep(PAGES[0], _answer(versions))
    shelf.keep(PAGES[1], _answer("g"))

    assert _held(shelf) == {PAGES[0]: _answer("f"), PAGES[1]: _answer("g")}


def test_what_was_used_longest_ago_gives_way():
    shelf = Shelf(2 * ROOM_FOR_ONE)
    shelf.keep(PAGES[0], _answer("a"))
    shelf.keep(PAGES[1], _answer("b"))
    shelf.take(PAGES[0])
    shelf.keep(PAGES[2], _answer("c"))

    assert _held(shelf) == {PAGES[0]: _answer("a"), PAGES[2]: _answer("c")}


def test_what_is_larger_than_the_room_is_not_kept():
    shelf = Shelf(2 * ROOM_FOR_ONE)
    shelf.keep(PAGES[0], _answer("a", 2 * ROOM_FOR_ONE))
    assert _held(shelf) == {}

    shelf.keep(PAGES[0], _answer("b"))
    assert _held(shelf) == {PAGES[0]: _answer("b")}


@given(st.lists(st.tuples(st.sampled_from(PAGES), st.integers(0, 2_000))))
def test_a_shelf_never_holds_more_than_its_room_and_only_the_newest(kept):
    shelf = Shelf(3_000)
    newest = {}
    for number, (page, size) in enumerate(kept):
        newest[page] = _answer(str(number), size)
        shelf.keep(page, newest[page])

        held = _held(shelf)
        assert sum(len(answer.text) + len(answer.versions) + 512 for answer in held.values()) <= 3_000
        assert held.items() <= newest.items()


@pytest.mark.django_db
def test_an_answer_that_is_held_is_not_sent_again(customer, django_assert_num_queries):
    store_usage(customer, FIRST, "[1]", "[]", "[3]", "[]", "[5]")
    page = Page(customer.pk, FIRST, LAST)

    first = stored_counts.read(page)
    with django_assert_num_queries(1):
        second = stored_counts.read(page)

    assert first == (
        b'[{"date":"2026-03-01","maximum_counts":[1]},{"date":"2026-03-02","maximum_counts":[]},'
        b'{"date":"2026-03-03","maximum_counts":[3]},{"date":"2026-03-04","maximum_counts":[]},'
        b'{"date":"2026-03-05","maximum_counts":[5]}]'
    )
    assert second is first


@pytest.mark.django_db
def test_a_page_with_a_day_missing_has_no_answer(customer, neighbour):
    store_usage(customer, FIRST, "[1]", "[2]", "[3]", "[4]")
    store_usage(neighbour, FIRST, *("[9]" for _ in range(5)))

    assert stored_counts.read(Page(customer.pk, FIRST, LAST)) is None
    assert stored_counts.read(Page(customer.pk, LAST, LAST)) is None
    assert stored_counts.read(Page(customer.pk, FIRST, FIRST)) == b'[{"date":"2026-03-01","maximum_counts":[1]}]'


@pytest.mark.django_db
def test_a_row_that_took_the_place_of_another_is_not_taken_for_it(customer):
    for text in ("[1]", "[2]", "[3]"):
        ConcurrentUsage.objects.filter(customer=customer).delete()
        store_usage(customer, FIRST, text)

        answer = stored_counts.read(Page(customer.pk, FIRST, FIRST))
        assert answer == f'[{{"date":"2026-03-01","maximum_counts":{text}}}]'.encode()


@pytest.mark.django_db
def test_a_page_that_loses_a_day_loses_its_answer(customer):
    store_usage(customer, FIRST, *("[1]" for _ in range(5)))
    page = Page(customer.pk, FIRST, LAST)

    assert stored_counts.read(page) is not None
    ConcurrentUsage.objects.filter(customer=customer, day=LAST).delete()
    assert stored_counts.read(page) is None


@pytest.mark.django_db(transaction=True)
def test_every_committed_update_is_seen():
    customer = Customer.objects.create(org_id="33", created_at=datetime(2026, 1, 1, tzinfo=UTC))
    store_usage(customer, FIRST, "[0]", "[]")
    page = Page(customer.pk, FIRST, FIRST + timedelta(days=1))
    for number in range(200):
        ConcurrentUsage.objects.filter(customer=customer, day=FIRST).update(maximum_counts=f"[{number}]")

        assert f'"maximum_counts":[{number}]}}'.encode() in (stored_counts.read(page) or b"")
