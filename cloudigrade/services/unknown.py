"""Images and instances that we know by name only: their clouds are asked what they are."""

from datetime import datetime, timedelta
from typing import Final, NamedTuple

from django.db import transaction

from cloudigrade.clouds.cloud import Unknown
from cloudigrade.clouds.protocol import Batch
from cloudigrade.models import CloudAccount
from cloudigrade.services import activity, clouds
from cloudigrade.services.opened import account_of
from cloudigrade.services.staging import execute, fetch
from cloudigrade.services.sweeps import FEED

AGAIN: Final = timedelta(days=1)
"""After which an image that its cloud did not know is asked for again."""
FRESH: Final = timedelta(minutes=15)
"""Age of an instance's newest event up to which it is asked for; what is older is left to the next sweep."""
LIMIT: Final = 2_000
"""Images asked for at a time; customers take turns, so that no one's keep another's waiting."""
ASKED: Final = 5
"""Accounts asked for one image: not everybody who says to boot from an image may see it."""


class Question(NamedTuple):
    """What an account is to be asked."""

    account_id: int
    region: str
    unknown: Unknown


@transaction.atomic
def claim(*, now: datetime) -> list[Question]:
    """What is not known, by account and region; images claimed here are claimed again only after a day."""
    names: dict[tuple[int, str], tuple[list[str], list[str]]] = {}
    for account, region, instance in fetch(_UNDESCRIBED, [now - FRESH, LIMIT]):
        names.setdefault((account, region), ([], []))[0].append(instance)
    for account, region, image in sorted(
        fetch(_CLAIM, {"before": now - AGAIN, "limit": LIMIT, "now": now, "asked": ASKED})
    ):
        names.setdefault((account, region), ([], []))[1].append(image)
    return [Question(*place, Unknown(*names[place])) for place in sorted(names)]


def release(*, question: Question) -> None:
    """The images may be claimed again at once: the cloud did not answer."""
    execute(
        "UPDATE cloudigrade_image AS i SET asked_at = NULL, updated_at = statement_timestamp()"
        " FROM cloudigrade_cloudaccount AS a"
        " WHERE a.id = %s AND i.cloud = a.cloud AND i.region = %s AND i.native_id = ANY(%s)",
        [question.account_id, question.region, list(question.unknown.images)],
    )


def ask(*, question: Question) -> Batch:
    """What the account's cloud knows of it, stored nowhere yet; raises CustomerProblem and Unavailable."""
    row = CloudAccount.objects.filter(pk=question.account_id).first()
    if row is None:  # deleted meanwhile
        return Batch()
    return clouds.get(row.cloud).describe(account_of(row), {question.region: question.unknown})


def record(*, question: Question, answer: Batch, now: datetime) -> None:
    """What the cloud knew is stored; what it did not know stays as it is."""
    row = CloudAccount.objects.filter(pk=question.account_id).first()
    if row:
        activity.record(
            customer_id=row.customer_id,
            cloud=row.cloud,
            feed=FEED,
            batch=answer,
            as_of=now,
            speaks_for={row.native_id},
        )


_UNDESCRIBED = """
    SELECT i.account_id, i.region, i.native_id FROM cloudigrade_instance AS i
    JOIN cloudigrade_cloudaccount AS a ON a.id = i.account_id
    WHERE a.is_verified AND a.is_enabled AND a.wanted = 'enabled' AND NOT a.is_paused
     AND i.image_id IS NULL AND i.described_until = 0
     AND EXISTS (SELECT FROM cloudigrade_instanceevent AS e WHERE e.instance_id = i.id AND e.occurred_at > %s)
    ORDER BY row_number() OVER (PARTITION BY a.customer_id ORDER BY i.id), i.id LIMIT %s
"""
"""Instances of which there was news just now without a word about the image: a notice, or a record that was cut off."""

_CLAIM = """
    WITH users AS (
        SELECT i.image_id, a.customer_id, i.account_id, max(i.id) AS newest FROM cloudigrade_image AS m
        JOIN cloudigrade_instance AS i ON i.image_id = m.id
        JOIN cloudigrade_cloudaccount AS a ON a.id = i.account_id
        WHERE NOT m.is_described AND m.region <> '' AND (m.asked_at IS NULL OR m.asked_at <= %(before)s)
         AND a.is_verified AND a.is_enabled AND a.wanted = 'enabled' AND NOT a.is_paused
        GROUP BY i.image_id, a.customer_id, i.account_id
    ), turns AS (
        SELECT image_id, dense_rank() OVER (PARTITION BY customer_id ORDER BY image_id) AS turn FROM users
    ), unknown AS (
        SELECT m.id FROM cloudigrade_image AS m
        JOIN (SELECT image_id, min(turn) AS turn FROM turns GROUP BY image_id) AS t ON t.image_id = m.id
        WHERE NOT m.is_described AND (m.asked_at IS NULL OR m.asked_at <= %(before)s)
        ORDER BY t.turn, m.id LIMIT %(limit)s FOR NO KEY UPDATE OF m SKIP LOCKED
    ), claimed AS (
        UPDATE cloudigrade_image AS m SET asked_at = %(now)s,
            updated_at = CASE WHEN m.asked_at IS NULL THEN statement_timestamp() ELSE m.updated_at END
        FROM unknown AS u WHERE m.id = u.id
        RETURNING m.id, m.region, m.native_id
    ), ranked AS (
        SELECT u.*, row_number() OVER (PARTITION BY image_id, customer_id ORDER BY newest DESC) AS place FROM users AS u
    )
    SELECT l.account_id, c.region, c.native_id FROM claimed AS c CROSS JOIN LATERAL (
        SELECT r.account_id FROM ranked AS r WHERE r.image_id = c.id
        ORDER BY r.place, md5(r.account_id || %(now)s::text) LIMIT %(asked)s
    ) AS l
"""
"""Images that nothing is known of, with accounts that boot from them: one of each customer first, others each time."""
