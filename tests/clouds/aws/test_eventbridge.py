"""EventBridge's notices of EC2: every state, and nothing that is not one."""

import pytest

from cloudigrade.clouds.aws import eventbridge
from cloudigrade.clouds.protocol import InstanceActivity, Unreadable
from cloudigrade.domain.events import Event, Feed, Kind
from tests.clouds.aws.messages import NOTICE_ID, notice
from tests.clouds.aws.records import ACCOUNT, REGION, SECOND


@pytest.mark.parametrize(
    ("state", "kind", "feed", "is_termination"),
    [
        ("pending", Kind.POWER_ON, Feed.TRANSITION_NOTICE, False),
        ("running", Kind.POWER_ON, Feed.STATE_NOTICE, False),
        ("stopping", Kind.POWER_OFF, Feed.TRANSITION_NOTICE, False),
        ("stopped", Kind.POWER_OFF, Feed.STATE_NOTICE, False),
        ("shutting-down", Kind.POWER_OFF, Feed.TRANSITION_NOTICE, True),
        ("terminated", Kind.POWER_OFF, Feed.STATE_NOTICE, True),
    ],
)
def test_every_state_is_a_transition_of_its_rank(state, kind, feed, is_termination):
    assert eventbridge.translate(notice(state)) == InstanceActivity(
        ACCOUNT, REGION, "i-0a1", Event(NOTICE_ID, SECOND, kind, feed, is_termination=is_termination)
    )


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (notice("hibernating"), "notice names no state that we know"),
        (notice(["running"]), "notice names no state that we know"),
        (notice("running", "vol-1"), "notice names no instance"),
        (notice("running", None), "notice names no instance"),
        (notice("running", account=12345678901), "notice names no account of 12 digits"),
        (notice("running", account="12345678901"), "notice names no account of 12 digits"),
        (notice("running", region="eu west"), "notice names no region"),
        (notice("running", id=""), "notice names no event id"),
        (notice("running", time="yesterday"), "notice has no valid time"),
        (notice("running", detail=[]), "notice has no detail"),
    ],
)
def test_what_cannot_be_told_is_unreadable(given, reason):
    with pytest.raises(Unreadable, match=f"^{reason}$"):
        eventbridge.translate(given)


def test_only_ec2s_own_word_is_a_notice():
    assert eventbridge.is_notice(notice("running"))
    assert not eventbridge.is_notice(notice("running", source="com.example.ec2"))
    assert not eventbridge.is_notice({**notice("running"), "detail-type": "EBS Volume Notification"})
