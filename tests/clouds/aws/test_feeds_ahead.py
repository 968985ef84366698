"""What is taken from our queues while the delivery before is recorded, against moto in this process."""

from contextlib import suppress

import pytest

from cloudigrade.clouds.aws import feeds, queues
from cloudigrade.clouds.cloud import Place, Route
from tests.clouds.aws.feeding import NOTICES, OWNER, ROUTES, counted, drained, router_of
from tests.clouds.aws.messages import BUCKET, notice, text
from tests.clouds.aws.records import ACCOUNT, KEY, run_instances


@pytest.fixture
def router():
    return router_of(ROUTES)


@pytest.fixture
def full(feeding, monkeypatch):
    """Thirty-five notices wait, of which twenty make a full delivery here."""
    monkeypatch.setattr(queues, "AT_ONCE", 2)
    return [feeding.send(text(notice("running", id=f"id-{number}")), queue=NOTICES) for number in range(35)]


def test_behind_a_full_delivery_the_next_is_taken_while_it_is_recorded(feeding, router, full):
    hidden = []
    for waiting in feeds.deliveries(feeding.access, router):
        with waiting:
            hidden.append(sum(message.visible_at > message.sent_timestamp for message in feeding.messages(NOTICES)))

    assert hidden == [35, 15]
    assert feeding.messages(NOTICES) == []


def test_its_objects_are_fetched_meanwhile_and_once(feeding, router, monkeypatch):
    monkeypatch.setattr(queues, "AT_ONCE", 2)
    for number in range(35):
        feeding.tell(feeding.put(run_instances(id=f"{number:08d}"), key=KEY.replace("Ab12", f"A{number:03d}")))
    fetched = counted(feeding)
    for waiting in feeds.deliveries(feeding.access, router):
        with waiting as delivery:
            assert len(delivery.batches[OWNER].read_sources) in {20, 15}

    assert (len(fetched), len(set(fetched))) == (35, 35)


def test_a_delivery_that_is_not_full_is_recorded_at_once(feeding, router, monkeypatch):
    """Its record must not wait for messages that are not there yet."""
    waits = []
    receive = queues.receive

    def received(queue, wait=None):
        waits.append(wait)
        return receive(queue, wait)

    monkeypatch.setattr(queues, "receive", received)
    feeding.tell(feeding.put(run_instances()))
    before = []
    for waiting in feeds.deliveries(feeding.access, router):
        with waiting:
            before += waits

    assert before == [queues.WAIT]


def test_what_was_taken_ahead_is_delivered_though_the_block_before_fails(feeding, router, full):
    """Else messages would become dead letters that nobody ever tried to read."""
    taken = []
    for place, waiting in enumerate(feeds.deliveries(feeding.access, router)):
        with suppress(ZeroDivisionError), waiting as delivery:
            taken.append(delivery.messages)
            if not place:
                raise ZeroDivisionError

    assert taken == [20, 15]
    assert len(feeding.messages(NOTICES)) == 20


def test_a_router_that_fails_for_what_was_taken_ahead_is_asked_again_in_its_turn(feeding, router, full, caplog):
    calls = []

    def failing(places):
        calls.append(places)
        if len(calls) == 1:  # before the first turn
            raise ZeroDivisionError
        return router(places)

    assert [delivery.messages for delivery in drained(feeding, failing)] == [20, 15]
    assert "ZeroDivisionError" in caplog.text
    assert feeding.messages(NOTICES) == []


def test_whoever_is_connected_while_the_delivery_before_is_recorded_loses_nothing(feeding, full):
    """Routes of what was taken ahead are those of its own turn."""
    routes: dict[Place, Route] = {}
    found = []
    for waiting in feeds.deliveries(feeding.access, router_of(routes)):
        with waiting as delivery:
            found.append((delivery.foreign, sorted(delivery.batches)))
            routes |= ROUTES

    assert found == [(20, []), (0, [OWNER])]


def test_log_files_of_an_account_that_passes_to_another_meanwhile_are_the_others(feeding, monkeypatch):
    monkeypatch.setattr(queues, "AT_ONCE", 2)
    for number in range(35):
        feeding.tell(feeding.put(run_instances(id=f"{number:08d}"), key=KEY.replace("Ab12", f"A{number:03d}")))
    routes = {(BUCKET, ACCOUNT): Route(1)}
    found = []
    for waiting in feeds.deliveries(feeding.access, router_of(routes)):
        with waiting as delivery:
            found.append({owner: len(batch.read_sources) for owner, batch in delivery.batches.items()})
            routes[BUCKET, ACCOUNT] = Route(2)

    assert found == [{1: 20}, {2: 15}]


def test_who_wants_so_many_leaves_nothing_taken_in_vain(feeding, router, full):
    for waiting in feeds.deliveries(feeding.access, router, most=1):
        with waiting:
            pass

    assert [message.approximate_receive_count for message in feeding.messages(NOTICES)] == [0] * 15


def test_whatever_is_wrong_with_taking_ahead_is_raised_after_what_is_in_hand(feeding, router, full, monkeypatch):
    receive, asked = queues.receive, []

    def failing(queue, wait=None):
        asked.append(queue.label)
        if asked.count(NOTICES) == 2:
            raise ZeroDivisionError
        return receive(queue, wait)

    monkeypatch.setattr(queues, "receive", failing)
    waiting = feeds.deliveries(feeding.access, router)
    with next(waiting) as delivery:
        assert delivery.messages == 20
    with pytest.raises(ZeroDivisionError):
        next(waiting)
