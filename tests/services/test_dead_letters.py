"""Dead letters of all clouds."""

import pytest

from cloudigrade.clouds.cloud import QueueLength
from cloudigrade.clouds.protocol import Unavailable, Unreadable
from cloudigrade.services import dead_letters
from tests.fake_accounts import Message
from tests.fake_cloud import BUCKET, LOGS, NOTICES, FakeCloud, installed


@pytest.fixture
def cloud(db, monkeypatch) -> FakeCloud:
    made = installed(monkeypatch)
    made.dead[LOGS] = [Message((BUCKET, "000000000042")) for _ in range(3)]
    return made


def test_o8_dead_letters_are_seen_and_brought_back(cloud):
    """O8: nobody looked at them, and nothing brought them back."""
    assert dead_letters.queues() == [QueueLength(LOGS, 0, 3), QueueLength(NOTICES, 0, 0)]
    assert dead_letters.replay(LOGS) == 3
    assert dead_letters.queues() == [QueueLength(LOGS, 3, 0), QueueLength(NOTICES, 0, 0)]


def test_only_queues_of_ours(cloud):
    with pytest.raises(Unreadable, match=r"^other: no queue of ours$"):
        dead_letters.replay("other")


def test_what_was_asked_before_a_failure_counts(cloud, monkeypatch):
    def lengths(self):
        yield QueueLength(LOGS, 1, 2)
        raise Unavailable("not now")

    monkeypatch.setattr(FakeCloud, "queues", lengths)
    assert dead_letters.queues() == [QueueLength(LOGS, 1, 2)]


def test_no_answer_at_all_is_said(cloud):
    cloud.fail("queues", Unavailable("not now"))
    with pytest.raises(Unavailable):
        dead_letters.queues()
