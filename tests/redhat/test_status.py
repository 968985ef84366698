"""Words to Sources over the real protocol: acknowledged before they count, in order per customer, whatever happens."""

import json
import threading
from time import monotonic

import pytest

from cloudigrade.redhat import status
from cloudigrade.redhat.config import Section
from cloudigrade.redhat.status import KafkaUnavailable, Status, Word
from tests import kafka_broker

pytestmark = [pytest.mark.kafka, pytest.mark.enable_socket]


@pytest.fixture(scope="module")
def servers():
    with kafka_broker.running() as running:
        yield running


@pytest.fixture
def topic(servers):
    return servers.topic("status")


def section(servers, topic, **more):
    return Section(
        KAFKA_SERVER_HOST=str(servers), SOURCES_STATUS_TOPIC=topic, KAFKA_LISTENER_ADDRESS_FAMILY="v4", **more
    )


def word(number, *, org_id="11", account_number="", state="available", error=""):
    return Word(number, org_id, account_number, number, state, error)


def numbers(messages, key="11"):
    return [json.loads(each.value())["resource_id"] for each in messages if each.key() == key.encode()]


def test_what_is_said(servers, topic):
    """Wire-contract 10.5, to the byte."""
    told = Status(section(servers, topic)).tell(
        {"11": [word(8, account_number="0042", state="unavailable", error="Error code CG3002.")]}
    )

    (message,) = servers.read(topic, 1)
    assert told == {8}
    assert message.value() == (
        b'{"resource_type":"Application","resource_id":8,"status":"unavailable","error":"Error code CG3002."}'
    )
    assert message.headers() == [
        ("event_type", b"availability_status"),
        ("x-rh-sources-account-number", b"0042"),
        ("x-rh-sources-org-id", b"11"),
    ]
    assert message.key() == b"11"


def test_a_name_that_is_not_known_is_no_header_and_the_event_type_is_as_set(servers, topic):
    teller = Status(section(servers, topic, SOURCES_AVAILABILITY_EVENT_TYPE="other"))

    teller.tell({"0042": [word(8, org_id="", account_number="0042")]})

    (message,) = servers.read(topic, 1)
    assert message.headers() == [("event_type", b"other"), ("x-rh-sources-account-number", b"0042")]


def test_o4_a_thousand_words_arrive_in_order_per_customer(servers, topic):
    """O4: a new producer was made for each, and errors of delivery were only logged."""
    teller = Status(section(servers, topic))
    lanes = {str(lane): [word(number, org_id=str(lane)) for number in range(lane, 1000, 10)] for lane in range(10)}

    assert teller.tell(lanes) == frozenset(range(1000))

    messages = servers.read(topic, 1000)
    assert all(numbers(messages, lane) == [each.id for each in words] for lane, words in lanes.items())


def test_o4_while_the_broker_is_silent_nothing_counts_as_told_and_nothing_waits_without_end(servers, topic):
    if not servers.can_be_silenced:
        pytest.skip("this broker cannot be silenced")
    teller = Status(section(servers, topic), delivery=1.0)
    teller.greet()
    lanes = {"11": [word(1), word(2)], "12": [word(3, org_id="12")]}
    began = monotonic()

    with servers.silenced():
        assert teller.tell(lanes, seconds=0.5) == frozenset()
    assert monotonic() - began < 8

    assert teller.tell(lanes) == {1, 2, 3}
    # what did not count as told may have arrived nevertheless, once the broker listened again
    messages = servers.read_all(topic)
    assert [number for place, number in enumerate(numbers(messages)) if number not in numbers(messages)[:place]] == [
        1,
        2,
    ]


def test_o4_a_broker_that_is_killed_in_between_costs_no_word_and_no_order(servers, topic):
    """O4: a word counts as told when the broker has it for good, and only then."""
    if not servers.can_be_restarted:
        pytest.skip("the mock cluster forgets everything: see `make test-kafka`")
    words = {str(lane): [word(number, org_id=str(lane)) for number in range(lane, 4000, 10)] for lane in range(10)}
    left, teller, failures = dict(words), Status(section(servers, topic), delivery=2.0), 0
    restart = threading.Thread(target=servers.restart)

    deadline = monotonic() + 120
    while any(left.values()):
        assert monotonic() < deadline
        given = {lane: some[:50] for lane, some in left.items()}
        told = teller.tell(given, seconds=2.0)
        failures += len(told) < sum(map(len, given.values()))
        left = {lane: [each for each in some if each.id not in told] for lane, some in left.items()}
        if restart.ident is None:
            restart.start()
        if teller.is_broken:
            teller = Status(section(servers, topic), delivery=2.0)
    restart.join()

    assert failures, "the broker was away"
    messages = servers.read_all(topic)
    assert {lane: list(dict.fromkeys(numbers(messages, lane))) for lane in words} == {
        lane: [each.id for each in some] for lane, some in words.items()
    }


def test_a_broker_that_is_not_there_is_noticed_before_anything_is_begun(monkeypatch):
    monkeypatch.setattr(status, "_GREETING", 0.2)
    nowhere = Section(KAFKA_SERVER_HOST="127.0.0.1:9", SOURCES_STATUS_TOPIC="status")

    with pytest.raises(KafkaUnavailable):
        Status(nowhere).greet()


def test_words_that_do_not_fit_the_time_are_left_for_the_next_round(servers, topic):
    teller = Status(section(servers, topic))

    assert teller.tell({"11": [word(1)]}, seconds=0) == frozenset()
    assert teller.tell({"11": [word(1)]}) == {1}


def test_where_the_first_of_a_lane_fails_no_later_one_is_sent(servers, topic):
    """A word that is too large is refused at once: what would say otherwise later must not be said before it."""
    teller = Status(section(servers, topic))

    told = teller.tell({"11": [word(1), word(2, error="x" * 2_000_000), word(3)], "12": [word(4, org_id="12")]})

    assert told == {1, 4}
    assert numbers(servers.read(topic, 2)) == [1]
