"""Messages taken from Kafka: recorded once each, acted on in order per lane, kept for a while to notice their return.

A row is claimed only while it is the oldest of its lane that is not done, by one worker at a time; a worker that dies
leaves it claimable again after the lease. Effects are stored in the transaction that `hold` begins with and `done`
ends with, so each message takes effect once, and never after its worker's lease has gone to another.
"""

import base64
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple, Self

import msgspec
from django.db import transaction

from cloudigrade.clouds.protocol import Rejected
from cloudigrade.models import Inbox
from cloudigrade.redhat import messages
from cloudigrade.redhat.messages import Event
from cloudigrade.services import activity
from cloudigrade.services.staging import execute, fetch, transposed

FEED: Final = "sources"
"""Of messages in quarantine."""
LEASE = timedelta(minutes=5)
"""After which a message that was claimed and not finished is due again."""
SHORTEST_PAUSE, LONGEST_PAUSE = timedelta(seconds=5), timedelta(minutes=10)
"""Before the next attempt; each pause is twice as long as the one before."""
MOST_FAULTS = 10
"""Attempts in a row that end with a fault of ours, after which the message goes to quarantine and its lane goes on."""
KEPT = timedelta(days=14)
"""For which a message that is done stays, so that its return is noticed; Kafka forgets sooner."""

_FAULT = "fault: "
_LONGEST_PROBLEM = 500


class Received(NamedTuple):
    """An event with where in Kafka it stood."""

    topic: str
    partition: int
    offset: int
    event: Event


class Claimed(NamedTuple):
    """A message that is this worker's until its lease ends."""

    id: int
    event: Event
    due_at: datetime
    """The end of the lease; tells this claim from any other."""
    attempts: int
    """This one included."""
    faults: int
    """Of them, those in a row until now that ended with a fault of ours."""


class Lost(Exception):
    """The claim is no more: its lease ended, and another worker has the message or has finished it."""


def record(*, topic: str, partition: int, offset: int, event: Event, now: datetime) -> bool:
    """The message will be acted on; False if it was there before."""
    return bool(record_all(received=[Received(topic, partition, offset, event)], now=now))


def record_all(*, received: Iterable[Received], now: datetime, rejected: Sequence[Rejected] = ()) -> int:
    """All messages will be acted on, in this order where they share a lane, and the rejected ones are in quarantine.

    One transaction; the number of those that were not there before.
    """
    rows = [
        (
            *(each.topic, each.partition, each.offset, each.event.lane, each.event.org_id, each.event.account_number),
            *(each.event.event_type, each.event.request_id, msgspec.json.encode(each.event.value).decode()),
        )
        for each in received
    ]
    # two who record the same messages wait for each other in one order
    rows.sort(key=lambda row: row[:3])
    with transaction.atomic():
        activity.quarantine(customer_id=None, feed=FEED, rejected=rejected, as_of=now)
        return execute(
            'INSERT INTO cloudigrade_inbox (topic, "partition", "offset", lane, org_id, account_number, event_type,'
            "   request_id, value, received_at, due_at, attempts, problem)"
            " SELECT topic, p, o, lane, org, account, type, request, value, %s, %s, 0, ''"
            " FROM unnest(%s::text[], %s::int[], %s::bigint[], %s::text[], %s::text[], %s::text[], %s::text[],"
            "   %s::text[], %s::text[]) WITH ORDINALITY"
            "   AS r(topic, p, o, lane, org, account, type, request, value, position)"
            ' ORDER BY position ON CONFLICT (topic, "partition", "offset") DO NOTHING',
            [now, now, *transposed(rows, 9)],
        )


def claim(*, now: datetime, lease: timedelta = LEASE) -> Claimed | None:
    """Of the lanes whose oldest message is due, the message due longest; it is the caller's until the lease ends."""
    rows = fetch(
        # materialized: a plan that runs the inner select again for each row would take more than one
        # recursive: from lane to lane along the index, so that the cost is that of the lanes and not of the messages
        "WITH RECURSIVE heads AS ("
        "   (SELECT lane, id FROM cloudigrade_inbox WHERE due_at IS NOT NULL ORDER BY lane, id LIMIT 1)"
        "   UNION ALL SELECT n.lane, n.id FROM heads AS h CROSS JOIN LATERAL ("
        "     SELECT lane, id FROM cloudigrade_inbox WHERE due_at IS NOT NULL AND lane > h.lane"
        "     ORDER BY lane, id LIMIT 1) AS n),"
        " c AS MATERIALIZED (SELECT i.id FROM cloudigrade_inbox AS i JOIN heads USING (id)"
        "   WHERE i.due_at <= %s ORDER BY i.due_at, i.id LIMIT 1 FOR UPDATE OF i SKIP LOCKED)"
        " UPDATE cloudigrade_inbox AS i SET due_at = %s, attempts = i.attempts + 1 FROM c WHERE i.id = c.id"
        " RETURNING i.id, i.event_type, i.org_id, i.account_number, i.request_id, i.value, i.due_at, i.attempts,"
        "   i.problem",
        [now, now + lease],
    )
    return _claimed(rows[0]) if rows else None


def _claimed(row: Sequence[object]) -> Claimed:
    pk, event_type, org_id, account_number, request_id, value, due_at, attempts, problem = row
    event = Event(
        event_type=str(event_type),
        org_id=str(org_id),
        account_number=str(account_number),
        request_id=str(request_id),
        value=msgspec.json.decode(str(value), type=dict[str, str]),
    )
    assert isinstance(pk, int) and isinstance(attempts, int) and isinstance(due_at, datetime)  # noqa: S101, PT018 - tells mypy
    return Claimed(pk, event, due_at, attempts, _faults(str(problem)))


def _faults(problem: str) -> int:
    """The number of faults in a row that the problem tells of."""
    number, _, _ = problem.removeprefix(_FAULT).partition(" ")
    return int(number) if problem.startswith(_FAULT) else 0


def hold(*, claimed: Claimed) -> None:
    """Until the transaction ends, nobody else has the message; raises Lost where somebody has it already."""
    found = fetch(
        "SELECT 1 FROM cloudigrade_inbox WHERE id = %s AND due_at = %s AND attempts = %s FOR UPDATE", _mark(claimed)
    )
    if not found:
        raise Lost


def done(*, claimed: Claimed, now: datetime) -> None:
    """The message is done, and the next of its lane can be claimed."""
    _finish(claimed, now, "")


def later(*, claimed: Claimed, reason: str, now: datetime) -> None:
    """The message is tried again, however often, after a pause that grows; its lane waits."""
    _postpone(claimed, reason, now)


def fault(*, claimed: Claimed, reason: str, now: datetime) -> bool:
    """The fault of ours is tried again, or after too many in a row the message is in quarantine: whether it is."""
    faults = claimed.faults + 1
    if faults < MOST_FAULTS:
        _postpone(claimed, f"{_FAULT}{faults} {reason}", now)
        return False
    with transaction.atomic():
        hold(claimed=claimed)
        row = Inbox.objects.get(pk=claimed.id)
        item = Rejected(_source(row.topic, row.partition, row.offset), reason, content=_envelope(row, claimed.event))
        activity.quarantine(customer_id=None, feed=FEED, rejected=[item], as_of=now)
        _finish(claimed, now, f"in quarantine: {reason}")
    return True


def _finish(claimed: Claimed, now: datetime, problem: str) -> None:
    execute(
        "UPDATE cloudigrade_inbox SET due_at = NULL, done_at = %s, problem = %s"
        " WHERE id = %s AND due_at = %s AND attempts = %s",
        [now, problem[:_LONGEST_PROBLEM], *_mark(claimed)],
    )


def _postpone(claimed: Claimed, problem: str, now: datetime) -> None:
    pause = min(SHORTEST_PAUSE * 2 ** min(claimed.attempts - 1, 20), LONGEST_PAUSE)
    execute(
        "UPDATE cloudigrade_inbox SET due_at = %s, problem = %s WHERE id = %s AND due_at = %s AND attempts = %s",
        [now + pause, problem[:_LONGEST_PROBLEM], *_mark(claimed)],
    )


def _mark(claimed: Claimed) -> list[object]:
    return [claimed.id, claimed.due_at, claimed.attempts]


def purge(*, now: datetime, kept: timedelta = KEPT) -> int:
    """Messages that were done so long ago are forgotten; their number."""
    return execute("DELETE FROM cloudigrade_inbox WHERE done_at < %s", [now - kept])


class _Bytes(msgspec.Struct, omit_defaults=True):
    """Text, or in base64 what is no text."""

    text: str = ""
    base64: str = ""

    @classmethod
    def of(cls, content: messages.Text) -> Self:
        """The bytes as they can be kept and shown."""
        raw = content.encode() if isinstance(content, str) else content or b""
        try:
            return cls(text=raw.decode())
        except UnicodeDecodeError:
            return cls(base64=base64.b64encode(raw).decode())

    def raw(self) -> bytes:
        """The bytes as they came."""
        return base64.b64decode(self.base64) if self.base64 else self.text.encode()


class _Kept(msgspec.Struct):
    """A message in quarantine: where it stood, and all of it that is read."""

    topic: str
    partition: int
    offset: int
    headers: list[tuple[str, _Bytes]]
    value: _Bytes


def rejected(
    *,
    topic: str,
    partition: int,
    offset: int,
    value: messages.Text,
    headers: messages.Headers | None,
    reason: str,
) -> Rejected:
    """The message as it goes to quarantine; of its headers those that are read, for others may tell of people."""
    read = [(name.lower(), content) for name, content in headers or () if name.lower() in messages.READ]
    if any(content for name, content in read if name in (messages.ORG_ID, messages.ACCOUNT_NUMBER)):
        read = [(name, content) for name, content in read if name != messages.IDENTITY]
    kept = _Kept(topic, partition, offset, [(name, _Bytes.of(content)) for name, content in read], _Bytes.of(value))
    return Rejected(_source(topic, partition, offset), reason, content=msgspec.json.encode(kept))


def _source(topic: str, partition: int, offset: int) -> str:
    return f"{topic}/{partition}/{offset}"


def _envelope(row: Inbox, event: Event) -> bytes:
    """The row as a message that can be read again."""
    headers = {
        messages.EVENT_TYPE: event.event_type,
        messages.ORG_ID: event.org_id,
        messages.ACCOUNT_NUMBER: event.account_number,
        messages.REQUEST_ID: event.request_id,
    }
    return rejected(
        topic=row.topic, partition=row.partition, offset=row.offset, value=row.value, headers=list(headers.items()),
        reason="",
    ).content  # fmt: skip


def replay(*, content: bytes, now: datetime) -> None:
    """The message in quarantine will be acted on; raises MalformedMessage where it still cannot be read.

    One that was acted on in vain takes its former place, before all that its lane has waiting.
    """
    try:
        kept = msgspec.json.decode(content, type=_Kept)
    except msgspec.DecodeError:
        raise messages.MalformedMessage("what is kept is no message of Sources") from None
    event = messages.parse(None, kept.value.raw(), [(name, content.raw()) for name, content in kept.headers])
    if event is None:
        return  # of a type that is not acted on any more
    if not record(topic=kept.topic, partition=kept.partition, offset=kept.offset, event=event, now=now):
        Inbox.objects.filter(
            topic=kept.topic, partition=kept.partition, offset=kept.offset, problem__startswith="in quarantine: "
        ).update(due_at=now, done_at=None, attempts=0, problem="")
