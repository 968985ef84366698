"""The broker of files, through kombu as Celery uses it."""

import pytest
from kombu import Connection

from cloudigrade.config import file_broker

OLDEST = f"{'0' * 20}_{'0' * 32}.compute.msg"


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "messages"


@pytest.fixture
def connect(folder):
    """Another process's view of the broker."""
    made = []

    def connection():
        made.append(Connection(f"{file_broker.SCHEME}://localhost", transport_options={"folder": str(folder)}))
        return made[-1]

    yield connection
    for one in made:
        one.release()


@pytest.fixture
def queue(connect):
    return lambda name="compute": connect().SimpleQueue(name)


def _taken(queue):
    try:
        message = queue.get(block=False)
    except queue.Empty:
        return None
    message.ack()
    return message.payload


def test_messages_come_in_order_and_once(queue):
    writer, reader = queue(), queue()
    for number in range(3):
        writer.put({"number": number})

    assert [_taken(reader) for _ in range(4)] == [{"number": 0}, {"number": 1}, {"number": 2}, None]


def test_two_readers_share(queue):
    writer, readers = queue(), (queue(), queue())
    for number in range(4):
        writer.put({"number": number})

    taken = [_taken(readers[number % 2]) for number in range(6)]

    assert sorted(message["number"] for message in taken if message) == [0, 1, 2, 3]


def test_a_queue_is_not_anothers_even_with_a_similar_name(queue):
    queue("compute").put({"for": "compute"})

    assert [_taken(queue(name)) for name in ("pute", "compute.msg", "compute2", "")] == [None] * 4
    assert _taken(queue("compute")) == {"for": "compute"}


def test_a_message_being_written_is_not_seen(queue, folder):
    queue().put({"number": 1})
    (message,) = folder.iterdir()
    message.rename(message.with_suffix(".draft"))

    assert _taken(queue()) is None


@pytest.mark.parametrize("content", [b"", b'{"body": "ha', b"\xff", b"[]"])
def test_what_is_no_message_is_dropped_and_said(queue, folder, caplog, content):
    folder.mkdir()
    (folder / OLDEST).write_bytes(content)
    queue().put({"number": 1})

    assert _taken(queue()) == {"number": 1}
    assert [record.message for record in caplog.records] == [f"{OLDEST} is no message and is dropped"]
    assert list(folder.iterdir()) == []


def test_a_message_taken_by_another_meanwhile_is_passed_over(queue, folder, monkeypatch):
    writer = queue()
    writer.put({"number": 1})
    writer.put({"number": 2})
    first = min(folder.iterdir())
    files = file_broker.Channel._files

    def late(channel, name):
        found = list(files(channel, name))
        first.unlink(missing_ok=True)
        return iter(found)

    monkeypatch.setattr(file_broker.Channel, "_files", late)

    assert _taken(queue()) == {"number": 2}


def test_a_folder_that_vanishes_is_an_empty_queue_and_comes_back(queue, folder):
    writer, reader = queue(), queue()
    writer.put({"number": 1})
    for message in folder.iterdir():
        message.unlink()
    folder.rmdir()

    assert _taken(reader) is None
    writer.put({"number": 2})
    assert _taken(reader) == {"number": 2}


def test_it_counts_and_purges(queue):
    one, other = queue("compute"), queue("ingest")
    for name in (one, one, other):
        name.put({})

    assert (one.qsize(), other.qsize()) == (2, 1)
    assert one.clear() == 2
    assert (one.qsize(), other.qsize()) == (0, 1)
