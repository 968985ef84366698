"""Messages in the inbox: once each, in order in each lane, whoever dies and however often they come."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection, connections, transaction
from django.test.utils import CaptureQueriesContext

from cloudigrade.models import Inbox, Quarantine
from cloudigrade.redhat import messages
from cloudigrade.redhat.messages import Event, MalformedMessage
from cloudigrade.services import inbox, quarantine
from cloudigrade.services.inbox import Claimed, Lost, Received
from tests.builders import AS_OF

TOPIC = "platform.sources.event-stream"
SECOND = timedelta(seconds=1)


def event(number=1, org_id="11", **more):
    return Event(messages.PAUSED, org_id, "", "r-1", {"id": str(number)}, **more)


def put(*numbers, org_id="11", partition=0):
    """Messages whose offsets and application ids are these numbers."""
    received = [Received(TOPIC, partition, number, event(number, org_id)) for number in numbers]
    return inbox.record_all(received=received, now=AS_OF)


def claim(after=timedelta(0)) -> Claimed:
    claimed = inbox.claim(now=AS_OF + after)
    assert claimed is not None
    return claimed


def finish(claimed, after=timedelta(0)):
    inbox.hold(claimed=claimed)
    inbox.done(claimed=claimed, now=AS_OF + after)


def number(claimed):
    return int(claimed.event.value["id"])


@pytest.mark.django_db
class TestRecording:
    def test_a_message_is_recorded_with_all_that_is_used_of_it(self):
        whole = Event(messages.CLAIMED, "11", "42", "r-1", {"application_id": "8", "authentication_id": "7"})

        assert inbox.record(topic=TOPIC, partition=2, offset=2**40, event=whole, now=AS_OF) is True

        row = Inbox.objects.get()
        assert (row.topic, row.partition, row.offset, row.lane) == (TOPIC, 2, 2**40, "11")
        assert (row.received_at, row.due_at, row.done_at, row.attempts) == (AS_OF, AS_OF, None, 0)
        assert claim().event == whole

    def test_o3_a_message_that_comes_again_is_noticed_even_when_it_is_done(self):
        """O3: what came again was acted on again."""
        assert put(1, 2) == 2
        assert put(1, 2, 3) == 1
        finish(claim())

        assert inbox.record(topic=TOPIC, partition=0, offset=1, event=event(), now=AS_OF) is False
        assert put(1, partition=1) == 1
        assert Inbox.objects.filter(done_at=None).count() == 3

    def test_a_batch_costs_two_statements_however_large_it_is(self):
        for size in (1, 300):
            broken = [
                inbox.rejected(topic=TOPIC, partition=1, offset=each, value=b"", headers=(), reason="x")
                for each in range(size)
            ]
            received = [Received(f"{TOPIC}{size}", 0, each, event()) for each in range(size)]
            with CaptureQueriesContext(
                connection,
            ) as queries:
                assert inbox.record_all(received=received, rejected=broken, now=AS_OF) == size
            assert len([each for each in queries if "INSERT" in each["sql"]]) == 2

    def test_what_was_done_long_ago_is_forgotten(self):
        put(1, 2)
        finish(claim())

        assert inbox.purge(now=AS_OF + inbox.KEPT) == 0
        assert inbox.purge(now=AS_OF + inbox.KEPT + SECOND) == 1
        assert [row.offset for row in Inbox.objects.all()] == [2]


@pytest.mark.django_db
class TestOrder:
    def test_the_next_of_a_lane_is_claimed_when_the_former_is_done(self):
        put(1, 2)

        first = claim()
        assert inbox.claim(now=AS_OF) is None
        finish(first)

        assert [number(first), number(claim())] == [1, 2]

    def test_lanes_do_not_wait_for_each_other(self):
        put(1, 2)
        put(3, 4, org_id="22")

        assert [number(claim()), number(claim())] == [1, 3]
        assert inbox.claim(now=AS_OF) is None

    def test_what_fails_keeps_its_lane_waiting_for_growing_pauses(self):
        put(1, 2)
        at, pauses = timedelta(0), []
        for _ in range(9):
            claimed = claim(at)
            assert number(claimed) == 1
            inbox.later(claimed=claimed, reason="out of order", now=AS_OF + at)
            row = Inbox.objects.get(pk=claimed.id)
            assert row.due_at is not None
            pauses.append((row.due_at - AS_OF - at).total_seconds())
            at = row.due_at - AS_OF
            assert inbox.claim(now=row.due_at - SECOND) is None

        assert pauses == [5, 10, 20, 40, 80, 160, 320, 600, 600]
        assert (row.attempts, row.problem) == (9, "out of order")
        finish(claim(at))
        assert Inbox.objects.get(pk=claimed.id).problem == ""
        assert number(claim(at)) == 2

    def test_o3_a_message_whose_worker_died_is_anothers_after_the_lease_and_the_first_comes_too_late(self):
        put(1, 2)
        first = claim()
        assert inbox.claim(now=AS_OF + inbox.LEASE - SECOND) is None

        second = claim(inbox.LEASE)

        assert (number(second), second.attempts) == (1, 2)
        for late in (
            lambda: inbox.hold(claimed=first),
            lambda: inbox.fault(claimed=first._replace(faults=99), reason="", now=AS_OF),
        ):
            with pytest.raises(Lost):
                late()
        inbox.later(claimed=first, reason="late", now=AS_OF)
        inbox.done(claimed=first, now=AS_OF)
        finish(second, inbox.LEASE)
        assert number(claim(inbox.LEASE)) == 2


@pytest.mark.django_db
class TestQuarantine:
    def fail(self, times):
        at, kept = timedelta(0), False
        for _ in range(times):
            claimed = claim(at)
            kept = inbox.fault(claimed=claimed, reason="fault of ours: KeyError", now=AS_OF + at)
            at += timedelta(hours=1)
        return kept, at

    def test_a_message_that_we_fail_on_goes_to_quarantine_and_its_lane_goes_on(self):
        put(1, 2)

        assert self.fail(inbox.MOST_FAULTS - 1)[0] is False
        assert Quarantine.objects.count() == 0
        claimed = claim(timedelta(days=1))
        assert claimed.faults == 9
        assert inbox.fault(claimed=claimed, reason="fault of ours: KeyError", now=AS_OF) is True

        kept = Quarantine.objects.get()
        assert (kept.feed, kept.source, kept.reason) == ("sources", f"{TOPIC}/0/1", "fault of ours: KeyError")
        assert number(claim(timedelta(days=1))) == 2

    def test_an_outage_between_faults_begins_the_count_anew(self):
        put(1)
        self.fail(inbox.MOST_FAULTS - 1)
        inbox.later(claimed=claim(timedelta(days=1)), reason="out of order", now=AS_OF)

        assert inbox.fault(claimed=claim(timedelta(days=2)), reason="x", now=AS_OF) is False
        assert Inbox.objects.get().problem == "fault: 1 x"

    def test_it_is_replayed_in_its_former_place_and_only_once(self):
        put(1, 2)
        _, at = self.fail(inbox.MOST_FAULTS)
        (entry,) = quarantine.entries(quarantine.Filter(feed="sources"))
        assert entry.kind == quarantine.Kind.MESSAGE

        assert quarantine.replay(entry_id=entry.id, now=AS_OF + at) == (entry.id, "")

        assert Quarantine.objects.count() == 0
        first = claim(at)
        assert (number(first), first.attempts, first.faults, first.event) == (1, 1, 0, event(1))
        finish(first, at)
        assert number(claim(at)) == 2

    def test_a_poison_message_is_kept_readable_without_what_tells_of_people(self):
        given = [("event_type", b"Application.pause"), ("X-RH-Sources-Org-Id", b"\xff"), ("x-rh-identity", b"person")]
        item = inbox.rejected(topic=TOPIC, partition=1, offset=5, value=b'{"id": 8}', headers=given, reason="broken")
        inbox.record_all(received=[], rejected=[item, item], now=AS_OF)
        inbox.record_all(received=[], rejected=[item], now=AS_OF)

        (entry,) = quarantine.entries(quarantine.Filter())
        content = json.loads(quarantine.content(entry.id))
        assert (entry.source, entry.reason) == (f"{TOPIC}/1/5", "broken")
        assert content["value"] == {"text": '{"id": 8}'}
        assert content["headers"] == [
            ["event_type", {"text": "Application.pause"}],
            ["x-rh-sources-org-id", {"base64": "/w=="}],
        ]
        assert quarantine.replay(entry_id=entry.id, now=AS_OF).reason == "header x-rh-sources-org-id is not UTF-8"
        assert Inbox.objects.count() == 0

    def test_a_poison_message_that_can_be_read_now_is_acted_on(self):
        given = [("event_type", b"Application.pause"), ("x-rh-sources-org-id", b"11")]
        item = inbox.rejected(
            topic=TOPIC, partition=1, offset=5, value=b'{"id": 8}', headers=given, reason="once broken"
        )
        inbox.record_all(received=[], rejected=[item], now=AS_OF)
        (entry,) = quarantine.entries(quarantine.Filter())

        assert quarantine.replay(entry_id=entry.id, now=AS_OF).reason == ""

        assert claim().event == Event(messages.PAUSED, "11", "", "", {"id": "8"})

    def test_what_is_no_message_cannot_be_replayed(self):
        with pytest.raises(MalformedMessage):
            inbox.replay(content=b"garbage", now=AS_OF)


@pytest.mark.django_db(transaction=True)
class TestAtOnce:
    def test_o3_many_workers_act_once_on_each_and_in_order(self):
        """O3: nothing kept the order where there was more than one."""
        lanes, length = 6, 15
        for position in range(length):
            for lane in range(lanes):
                put(position, org_id=f"org-{lane}", partition=lane)
        done, lock = [], threading.Lock()

        def work():
            try:
                while (claimed := inbox.claim(now=AS_OF)) or Inbox.objects.filter(done_at=None).exists():
                    if claimed is not None:
                        with transaction.atomic():
                            inbox.hold(claimed=claimed)
                            with lock:
                                done.append((claimed.event.lane, number(claimed)))
                            inbox.done(claimed=claimed, now=AS_OF)
            finally:
                connections.close_all()

        with ThreadPoolExecutor(4) as pool:
            for one in [pool.submit(work) for _ in range(4)]:
                one.result(60)

        assert {lane: [n for name, n in done if name == lane] for lane, _ in done} == {
            f"org-{lane}": list(range(length)) for lane in range(lanes)
        }

    def test_o3_two_listeners_that_record_the_same_store_it_once(self):
        def record(numbers):
            try:
                return put(*numbers)
            finally:
                connections.close_all()

        with ThreadPoolExecutor(2) as pool:
            counts = list(pool.map(record, [range(200), range(199, -1, -1)]))

        assert sum(counts) == 200
        assert Inbox.objects.count() == 200
